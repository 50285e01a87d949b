// The property of the ClientHello parser: it answers as the reference does, and gives that answer from the very byte on that decides,
// whatever follows. It takes the module to check as an argument, so that it can be run on broken copies.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type * as clientHello from '../../../src/dataplane/codec/client-hello.ts';
import type { ClientHelloResult } from '../../../src/dataplane/codec/client-hello.ts';
import {
  alpn,
  EXTENSION,
  helloMessage,
  inRecords,
  preSharedKey,
  serverName,
  serverNames,
} from '../../harness/client-hello.ts';
import type { HelloExtension } from '../../harness/client-hello.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { mutate } from '../byte-mutation.ts';
import { readHello } from './reference.ts';

export type Product = typeof clientHello;

const FILE = 'dataplane/codec/client-hello.ts';

// oxfmt-ignore
const NAMES = [
  'a.example', 'A.Example', 'a.example.', 'a', '_a.b-', 'a..b', '.', 'a.b..', 'a b', 'a\0', 'a:1', '*.a', '1.2.3.4', '1.2.3.4.', '1.2.3', 'a.1',
  '01.2.3.4', '1.2.3.256', '0x1', '::1', '::1%e', '[::1]', '[::1].', '[::1]:1', '::g', '1::2::3', '::ffff:1.2.3.4', '%e', '\xe9.a', '', '-',
  'a'.repeat(63), 'a'.repeat(64), `${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a.`, `${'a.'.repeat(126)}aa`, 'x'.repeat(300),
];
const PROTOCOLS = ['h2', 'http/1.1', 'h3', '\x0a\x0a', 'x', ''];
const SIZES = [1, 2, 3, 4, 5, 7, 20, 50, 100, 16_384];
/** Around a bound. */
const OFF_BY_ONE = [-1, 0, 1];

export async function loadProduct(sources: string): Promise<Product> {
  return (await import(pathToFileURL(join(sources, FILE)).href)) as Product;
}

/** Checks that many inputs: the first disagreement, or undefined. */
export function findDisagreement(product: Product, random: SeededRandom, inputs: number): string | undefined {
  for (let i = 0; i < inputs; i++) {
    const disagreement = checkInput(product, randomInput(random), random);
    if (disagreement !== undefined) return `${random.seed}: ${disagreement}`;
  }
  return undefined;
}

export function checkInput(product: Product, bytes: Buffer, random: SeededRandom): string | undefined {
  try {
    return compare(product, bytes, random);
  } catch (error) {
    return `${String(error)}: ${bytes.toString('hex')}`;
  }
}

function compare(product: Product, bytes: Buffer, random: SeededRandom): string | undefined {
  const { answer, decidedAt } = readHello(bytes, {
    messageBytes: product.MAX_CLIENT_HELLO_BYTES,
    records: product.MAX_CLIENT_HELLO_RECORDS,
  });
  const whole = product.parseClientHello(bytes);
  const quoted = (): string => bytes.toString('hex');
  if (!isDeepStrictEqual(inTerms(whole), answer))
    return `${JSON.stringify(whole)} instead of ${JSON.stringify(answer)}: ${quoted()}`;
  if (whole.kind === 'incomplete' && bytes.length >= product.MAX_CLIENT_HELLO_WIRE_BYTES)
    return `incomplete with ${bytes.length} bytes`;
  for (const length of [decidedAt - 1, decidedAt, random.below(bytes.length + 1)]) {
    const early = product.parseClientHello(bytes.subarray(0, Math.max(0, length)));
    const expected = length < decidedAt ? INCOMPLETE : whole;
    if (!isDeepStrictEqual(early, expected))
      return `${JSON.stringify(early)} after ${length} bytes instead of ${JSON.stringify(expected)}: ${quoted()}`;
  }
  return undefined;
}

const INCOMPLETE: ClientHelloResult = { kind: 'incomplete' };

function inTerms(result: ClientHelloResult): unknown {
  if (result.kind !== 'clientHello') return result.kind;
  const { serverName, alpnProtocols, ticketKeyName } = result;
  return { serverName, alpnProtocols, ticketKeyName };
}

/** Most are right or wrong in one place; many wrong places hide each other. */
export function randomInput(random: SeededRandom): Buffer {
  let message: Buffer = Buffer.from(randomMessage(random));
  for (let damage = random.below(4) - 1; damage > 0; damage--)
    message = withLengthKept(mutate(message, random), random);
  const sizes = Array.from({ length: 1 + random.below(4) }, () => random.pick(SIZES));
  let bytes = inRecords([...message], sizes);
  if (random.below(4) === 0) bytes = mutate(bytes, random);
  return random.below(4) === 0 ? Buffer.concat([bytes, Buffer.of(random.pick([20, 22, 23]), 3, 3)]) : bytes;
}

/** A message that got longer or shorter is read to its end only if its header says so. */
function withLengthKept(message: Buffer, random: SeededRandom): Buffer {
  if (message.length >= 4 && random.below(8) > 0) message.writeUIntBE(message.length - 4, 1, 3);
  return message;
}

function randomMessage(random: SeededRandom): number[] {
  if (random.below(300) === 0) return largeMessage(random);
  const extensions = Array.from({ length: random.below(6) }, () => randomExtension(random));
  if (random.below(3) === 0) extensions.push(randomPreSharedKey(random));
  /** Which part is odd; for most numbers none is. */
  const odd = random.below(30);
  return helloMessage({
    version: odd === 0 ? random.pick([0x0200, 0x0403]) : random.pick([0x0303, 0x0301, 0x0300, 0x0304]),
    sessionId: randomBytes(random, odd === 1 ? random.pick([1, 31, 33, 34]) : random.pick([0, 32])),
    ciphers: odd === 2 ? randomBytes(random, random.below(4)) : [0x13, 1, 0x1a, 0x1a],
    compression: odd === 3 ? randomBytes(random, random.below(3)) : [0],
    ...(odd === 4 ? {} : { extensions: odd < 8 ? extensions : deduplicated(extensions) }),
  });
}

function randomBytes(random: SeededRandom, length: number): number[] {
  return Array.from({ length }, () => random.below(256));
}

/** Around the largest that is allowed, in large records and in small ones. */
function largeMessage(random: SeededRandom): number[] {
  const empty = helloMessage({ extensions: [[EXTENSION.padding, []]] }).length - 4;
  const length = 16 * 1024 - empty + random.pick(OFF_BY_ONE);
  return helloMessage({ extensions: [[EXTENSION.padding, Array.from({ length }, () => 0)]] });
}

function deduplicated(extensions: readonly HelloExtension[]): readonly HelloExtension[] {
  return [...new Map(extensions.map((extension) => [extension[0], extension])).values()];
}

function randomExtension(random: SeededRandom): HelloExtension {
  const [type, data] = randomRightExtension(random);
  // A byte that no list in it accounts for.
  return [type, random.below(30) === 0 ? [...data, random.below(256)] : data];
}

function randomRightExtension(random: SeededRandom): HelloExtension {
  switch (random.below(7)) {
    case 0:
    case 1:
      return serverName(random.pick(NAMES));
    case 2:
      return random.below(4) === 0
        ? serverNames(Array.from({ length: random.below(3) }, () => [random.below(2), random.pick(NAMES)] as const))
        : serverName('b.example');
    case 3:
      return alpn(...Array.from({ length: random.below(4) }, () => random.pick(PROTOCOLS)));
    case 4:
      return [EXTENSION.sessionTicket, randomBytes(random, random.pick([0, 1, 15, 16, 17, 40]))];
    case 5:
      return random.below(10) === 0 ? randomPreSharedKey(random) : [EXTENSION.grease, randomBytes(random, 2)];
    default:
      return [random.below(60), randomBytes(random, random.below(6))];
  }
}

function randomPreSharedKey(random: SeededRandom): HelloExtension {
  const odd = random.below(15);
  const count = odd === 0 ? 0 : 1 + random.below(3);
  const identities = Array.from({ length: count }, () => randomBytes(random, random.pick([1, 15, 16, 17, 40])));
  const binders = Array.from({ length: count }, () => randomBytes(random, random.pick([32, 33, 48])));
  if (odd === 1) identities[random.below(count)] = [];
  if (odd === 2) binders[random.below(count)]?.splice(31);
  if (odd === 3) binders.pop();
  if (odd === 4) binders.push(randomBytes(random, 32));
  return preSharedKey(identities, binders);
}
