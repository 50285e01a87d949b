// No input ends the process: protocols that begin and break off, bytes that are none, and clients that vanish at every stage, at a
// listener of each type. Afterwards each listener serves, no defect was met, and no descriptor is left over.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { hello, serverName } from '../../harness/client-hello.ts';
import { data, headers, PREFACE, requestFields, rstStream, settings } from '../../harness/http2-frames.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { ExposedGateway, SERVER_NAME } from './exposed-gateway.ts';

/** How a client leaves. The silent ones stay until the others are done. */
const ENDINGS = ['finish', 'reset', 'silence'] as const;
type Ending = (typeof ENDINGS)[number];

const CONNECTION_TYPES = ['http', 'https', 'passthrough', 'terminate', 'tcp'] as const;
const TLS_TYPES = ['https', 'passthrough', 'terminate'] as const;
type ConnectionType = (typeof CONNECTION_TYPES)[number];

const RANDOM_INPUTS = 30;
const MAX_RANDOM_BYTES = 20_000;
/** First bytes that take a parser further than others. */
const OPENINGS = [
  '',
  'GET ',
  'PRI * HTTP/2.0\r\n',
  '\x16\x03\x01',
  '\x17\x03\x03',
  '\x15\x03\x01',
  'PROXY ',
  '\r\n\r\n\0\r\nQUIT\n',
];
const CLIENTS_AT_ONCE = 50;
/** So that whoever is waited for is not waited for long. */
const TIMEOUTS = {
  SLUICE_TIMEOUTS_HEAD: '500ms',
  SLUICE_TIMEOUTS_TLS_HANDSHAKE: '500ms',
  SLUICE_TIMEOUTS_BODY_IDLE: '500ms',
  SLUICE_TIMEOUTS_KEEP_ALIVE_IDLE: '500ms',
  SLUICE_TIMEOUTS_LINGER: '200ms',
  SLUICE_TIMEOUTS_UDP_IDLE: '500ms',
};
const UDP_CLIENTS = 4;
const DATAGRAM_BYTES = [0, 1, 2, 100, 1_472, 9_000, 65_507];

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** What well-behaved clients of all protocols say, stage by stage. */
const CONVERSATIONS: readonly (readonly Buffer[])[] = [
  [
    text('POST / HTTP/1.1\r\nHost: shop.example.com\r\n'),
    text('Transfer-Encoding: chunked\r\n\r\n'),
    text('5\r\nhello\r\n'),
    text('0\r\nX: y\r\n\r\n'),
  ],
  [
    text('GET / HTTP/1.1\r\nHost: shop.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n'),
    text('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'),
    text('\x81\x85\0\0\0\0hello'),
  ],
  [
    PREFACE,
    settings(),
    headers(1, requestFields('POST', '/'), 0),
    data(1, 'hello'),
    headers(3, requestFields('GET', '/')),
    rstStream(1, 8),
  ],
  [
    hello({ extensions: [serverName(SERVER_NAME)] }),
    text('\x14\x03\x03\0\x01\x01'),
    text('\x17\x03\x03\0\x20'),
    Buffer.alloc(32),
  ],
  [text('PROXY TCP4 127.0.0.1 127.0.0.1 1000 80\r\n'), text('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n')],
  [
    text('\r\n\r\n\0\r\nQUIT\n'),
    text('\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x03\xe8\0\x50'),
    text('GET / HTTP/1.1\r\n\r\n'),
  ],
];

const random = seededRandom(1);

function randomBytes(maxBytes: number): Buffer {
  const opening = text(random.pick(OPENINGS));
  return Buffer.concat([opening, Buffer.from(Array.from({ length: random.below(maxBytes) }, () => random.below(256)))]);
}

/** Each conversation, broken off between any two stages and within each. */
function* brokenOff(): Generator<readonly Buffer[]> {
  for (const stages of CONVERSATIONS) {
    for (const [index, stage] of stages.entries()) {
      const before = stages.slice(0, index);
      yield before;
      yield [...before, stage.subarray(0, stage.length / 2)];
    }
    yield stages;
  }
}

function inputs(): readonly (readonly Buffer[])[] {
  return [...brokenOff(), ...Array.from({ length: RANDOM_INPUTS }, () => [randomBytes(MAX_RANDOM_BYTES)])];
}

type Attack = (silent: Set<Socket>) => Promise<void>;

/** Over TCP: the gateway may end it at any point. */
function attack(gateway: ExposedGateway, type: ConnectionType, pieces: readonly Buffer[], ending: Ending): Attack {
  return async (silent) => {
    const socket = await gateway.connect(type);
    socket.on('error', ignore).resume();
    await sendEach(socket, pieces);
    await leave(socket, ending, silent);
  };
}

/** Over TLS, until the connection breaks below it: with its end, with a reset, with bytes that are no records. */
function attackInTls(
  gateway: ExposedGateway,
  type: (typeof TLS_TYPES)[number],
  pieces: readonly Buffer[],
  ending: Ending,
): Attack {
  return async (silent) => {
    const raw = await gateway.connect(type);
    raw.on('error', ignore);
    const below = Duplex.from({ readable: raw, writable: raw });
    const secure = connectTls({
      socket: below,
      servername: SERVER_NAME,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    below.on('error', ignore);
    await once(secure, 'secureConnect');
    secure.on('error', ignore).resume();
    await sendEach(secure, pieces);
    if (ending === 'silence') raw.write(randomBytes(100));
    await leave(raw, ending, silent);
  };
}

async function sendEach(socket: Duplex, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed || !socket.writable) return;
    socket.write(piece);
    // Each is a segment of its own, mostly; that it was written is not waited for, as the gateway may have closed.
    await immediate();
  }
}

async function leave(socket: Socket, ending: Ending, silent: Set<Socket>): Promise<void> {
  if (ending === 'silence') {
    silent.add(socket);
    return;
  }
  if (socket.closed) return;
  const closed = new Promise((resolve) => socket.on('close', resolve));
  if (ending === 'reset') socket.resetAndDestroy();
  else socket.end();
  await closed;
}

async function flood(gateway: ExposedGateway): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: UDP_CLIENTS }, async () => {
      const client = createSocket('udp4').on('error', ignore);
      client.bind(0, ADDRESS);
      await once(client, 'listening');
      return client;
    }),
  );
  for (const bytes of DATAGRAM_BYTES) {
    for (const client of clients)
      client.send(randomBytes(bytes).subarray(0, bytes), gateway.ports.udp, ADDRESS, ignore);
  }
  for (const pieces of inputs()) {
    for (const piece of pieces) {
      const client = clients[random.below(UDP_CLIENTS)];
      await new Promise<void>((resolve) => client?.send(piece, gateway.ports.udp, ADDRESS, () => resolve()));
    }
  }
  for (const client of clients) client.close();
}

async function throwAll(attacks: readonly Attack[]): Promise<void> {
  const silent = new Set<Socket>();
  const waiting = attacks.values();
  await Promise.all(
    Array.from({ length: CLIENTS_AT_ONCE }, async () => {
      for (const each of waiting) await each(silent);
    }),
  );
  for (const socket of silent) socket.resetAndDestroy();
}

function ignore(): void {}

test(
  'no input at a listener of any type ends the process, meets a defect or leaks a descriptor',
  { timeout: 120_000 },
  async (t) => {
    const gateway = await ExposedGateway.start(t, { environment: TIMEOUTS });
    const { sluice } = gateway;
    await gateway.assertServes();
    const descriptors = sluice.descriptorCount();
    for (const type of CONNECTION_TYPES) {
      const attacks = inputs().flatMap((pieces) => ENDINGS.map((ending) => attack(gateway, type, pieces, ending)));
      await throwAll(attacks);
      t.diagnostic(`${type}: ${attacks.length} connections`);
    }
    for (const type of TLS_TYPES) {
      const attacks = inputs().flatMap((pieces) => ENDINGS.map((ending) => attackInTls(gateway, type, pieces, ending)));
      await throwAll(attacks);
      t.diagnostic(`${type}, inside: ${attacks.length} connections`);
    }
    await flood(gateway);
    await gateway.assertServes();
    assert.doesNotMatch(sluice.process.errors, /defect|"level":"(?:error|fatal)"/);
    await sluice.untilDescriptors(descriptors);
  },
);
