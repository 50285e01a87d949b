// normalizePath against a reader of its own kind: characters one by one, no table, no regular expression, nothing of the product.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as httpPath from '../../../src/lib/http-path.ts';
import { type SeededRandom, seededRandom } from '../../harness/seeded-random.ts';
import { describeMutants, type Mutant, SOURCES } from '../mutant.ts';

const PATHS = 60_000;
const FILE = 'lib/http-path.ts';

/** Pieces that meet badly. */
const PIECES = [
  '/',
  '/',
  '/',
  '.',
  '.',
  '%2e',
  '%2E',
  '%2f',
  '%2F',
  ';',
  '%3B',
  'a',
  'b',
  'A',
  '%',
  '%25',
  '2e',
  '%20',
  '~',
];
const RARE_PIECES = [
  '\\',
  '%5C',
  '%5c',
  '%00',
  '%zz',
  '#',
  '?',
  ' ',
  '\t',
  '\x7f',
  '\x80',
  '\xff',
  '%C0%AE',
  '%c1',
  '%E0',
];
RARE_PIECES.push('%80', '%9f', '%A0', '%F0', '%8f', '%90', '%F8', '%87', '%88', '%FC', '%83', '%84', '%g0', '%0g', '');

const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a path may start without a slash': edit('raw.charCodeAt(0) !== SLASH', 'raw.length === 0'),
  'bytes from 0x80 on pass': edit('CLASSES[code] : FORBIDDEN', 'CLASSES[code] : PLAIN'),
  'control characters pass': edit('classes.fill(FORBIDDEN, 0, 0x21)', 'classes.fill(FORBIDDEN, 0x20, 0x21)'),
  'a backslash passes': edit("['\\\\', '#', '?', '\\x7f']", "['#', '?', '\\x7f']"),
  'an escaped backslash passes': edit('value === 0 || value === 0x5c', 'value === 0'),
  'an escaped NUL passes': edit('value === 0 || value === 0x5c', 'value === 0x5c'),
  'malformed escapes pass': edit('high < 0 || low < 0 ? -1', 'high < 0 ? -1'),
  'upper-case hex digits are none': edit('const lower = code | 0x20', 'const lower = code'),
  'escapes are decoded twice': edit('%2e){2}$', '%(?:25)?2e){2}$'),
  'overlong pairs pass': edit('if (lead <= 0xc1) return true;', 'if (lead <= 0xc1) return false;'),
  'overlong triples pass': edit('lead === 0xe0 ? 0xa0', 'lead === 0xe0 ? 0x80'),
  'valid triples are refused': edit('lead === 0xe0 ? 0xa0', 'lead === 0xe0 ? 0xc0'),
  'escaped dots are data': edit('if (value === DOT || value === SLASH)', 'if (value === SLASH)'),
  'escaped slashes are not looked behind': edit('if (value === DOT || value === SLASH)', 'if (value === DOT)'),
  'the last dot is not seen': edit('if (start + 1 === raw.length) return true;', ''),
  'parameters hide dots': edit('second === SEMICOLON ||', ''),
  'escapes hide dots': edit('(?:;|%3b|%2f|$)/i', '(?:;|%3b|%2f|$)/'),
  'slashes are not merged': edit("segment === '' || SINGLE_DOT", "(segment === '' && kept.length === 0) || SINGLE_DOT"),
  'dots above the root vanish': edit('if (kept.pop() === undefined) return ABOVE_ROOT;', 'kept.pop();'),
  'the last slash is lost': edit('endsWithSlash && kept.length > 0', 'false'),
};

/** The path, or undefined where it is refused. */
function reference(raw: string): string | undefined {
  if (raw[0] !== '/') return undefined;
  const characters = raw.split('');
  for (const [index, character] of characters.entries()) {
    const code = character.charCodeAt(0);
    if (code <= 0x20 || code >= 0x7f || ['\\', '#', '?'].includes(character)) return undefined;
    if (character !== '%') continue;
    const byte = escapedByte(characters, index);
    if (byte === undefined || byte === 0 || byte === 0x5c || byte === 0xc0 || byte === 0xc1) return undefined;
    const next = characters[index + 3] === '%' ? escapedByte(characters, index + 3) : undefined;
    // The shortest sequence of each length begins where the next shorter one ends: these pairs lie before it.
    const shortest = new Map([
      [0xe0, 0xa0],
      [0xf0, 0x90],
      [0xf8, 0x88],
      [0xfc, 0x84],
    ]).get(byte);
    if (shortest !== undefined && next !== undefined && next >= 0x80 && next < shortest) return undefined;
  }
  const parts = raw.slice(1).split('/');
  const result: string[] = [];
  for (const part of parts) {
    const readings = decode(part, ['2e', '2f', '3b'])
      .split('/')
      .map((piece) => piece.split(';')[0]);
    const own = decode(part, ['2e']);
    if (own === '..' && result.length === 0) return undefined;
    if (own === '..') result.pop();
    else if (own !== '.' && readings.some((piece) => piece === '.' || piece === '..')) return undefined;
    else if (own !== '.' && own !== '') result.push(part);
  }
  const last = decode(parts.at(-1) ?? '', ['2e']);
  const isFolder = result.length > 0 && ['', '.', '..'].includes(last);
  return `/${result.join('/')}${isFolder ? '/' : ''}`;
}

function escapedByte(characters: readonly string[], index: number): number | undefined {
  const digits = characters.slice(index + 1, index + 3).map((digit) => '0123456789abcdef'.indexOf(digit.toLowerCase()));
  return digits.length === 2 && !digits.includes(-1) ? (digits[0] as number) * 16 + (digits[1] as number) : undefined;
}

function decode(text: string, bytes: readonly string[]): string {
  let decoded = '';
  for (let index = 0; index < text.length; index++) {
    const byte = text.slice(index + 1, index + 3).toLowerCase();
    const isDecoded = text[index] === '%' && bytes.includes(byte);
    decoded += isDecoded ? String.fromCharCode(Number.parseInt(byte, 16)) : text[index];
    if (isDecoded) index += 2;
  }
  return decoded;
}

function randomPath(random: SeededRandom): string {
  const pieces = Array.from({ length: random.below(9) }, () => random.pick(PIECES));
  if (random.below(3) === 0) pieces.splice(random.below(pieces.length + 1), 0, random.pick(RARE_PIECES));
  if (random.below(3) === 0)
    pieces.splice(random.below(pieces.length + 1), 0, random.pick(RARE_PIECES) + random.pick(RARE_PIECES));
  return (random.below(50) === 0 ? '' : '/') + pieces.join('');
}

async function findDisagreement(sources: string): Promise<string | undefined> {
  const module: typeof httpPath = await import(pathToFileURL(join(sources, FILE)).href);
  const random = seededRandom();
  for (let i = 0; i < PATHS; i++) {
    const raw = randomPath(random);
    const expected = reference(raw);
    const actual = module.normalizePath(raw);
    const path = typeof actual === 'string' ? actual : undefined;
    if (path !== expected)
      return `${random.seed}: ${JSON.stringify(raw)} is ${JSON.stringify(actual)}, not ${expected}`;
    if (path !== undefined && module.normalizePath(path) !== path) return `${random.seed}: ${path} is not settled`;
  }
  return undefined;
}

function edit(text: string, replacement: string): Mutant {
  return { file: FILE, text, replacement };
}

test('normalised paths agree with the reference and are fixed points', async () => {
  assert.equal(await findDisagreement(SOURCES), undefined);
});

describeMutants('the property of paths finds that', MUTANTS, [FILE], findDisagreement);
