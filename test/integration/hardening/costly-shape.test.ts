// R06 and R08: requests whose shape is meant to cost more than their size. Each is compared with a harmless one of its size.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type * as linearRegExpModule from '../../../src/lib/linear-regexp.ts';
import type { RouteMatch } from '../../../src/ir/route.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import { loadSource } from '../../harness/source.ts';
import { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

const { enableLinearRegExp, compileLinearRegExp } = await loadSource<typeof linearRegExpModule>('lib/linear-regexp.ts');

/** Of what a machine that does other things, too, takes for a harmless one. */
const MAX_FACTOR = 20;
const SLACK_MS = 250;
/** With the field's name it fits into a head. */
const LONG = 40_000;

/** Expressions that take a backtracking engine for ever, each with a text that shows it. */
const EXPRESSIONS: readonly (readonly [source: string, text: string])[] = [
  ['(a+)+', `${'a'.repeat(LONG)}!`],
  ['(a*)*b', 'a'.repeat(LONG)],
  ['(a|a)*b', 'a'.repeat(LONG)],
  ['(a|aa)+b', 'a'.repeat(LONG)],
  ['([a-z]+)*=', 'a'.repeat(LONG)],
  ['(.*a){12}b', 'a'.repeat(LONG)],
  ['.*.*.*=.*', 'x'.repeat(LONG)],
  ['(x+x+)+y', 'x'.repeat(LONG)],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(LONG)],
  ['(\\w+\\s?)+!', 'word '.repeat(LONG / 5)],
  ['(\\d+)*\\.(\\d+)*x', '1'.repeat(LONG)],
  ['[^,]*,[^,]*,[^,]*,x', ','.repeat(LONG)],
  ['(?i)(A+)+b', 'a'.repeat(LONG)],
  ['([a-zA-Z0-9]+[-_.]?)*@example', 'a'.repeat(LONG)],
];

before(enableLinearRegExp);

async function timed(client: WireClient, text: string): Promise<number> {
  const answered = client.responses().length;
  const startMs = performance.now();
  const responses = await client.send(text).untilResponses(answered + 1, undefined, 20_000);
  const tookMs = performance.now() - startMs;
  assert.ok([200, 404].includes(statusOf(responses.at(-1) ?? assert.fail())));
  return tookMs;
}

/** The request with the attack in it takes about as long as one without. */
async function assertQuick(t: TestBed, match: Partial<RouteMatch>, attack: string, harmless: string): Promise<void> {
  const upstream = await t.upstream();
  const rules = [
    { match, backends: ['a'] },
    { path: '/', backends: ['a'] },
  ];
  const gateway = await t.engine([listener(), cluster('a', [upstream.port]), route('r', rules)]);
  const client = await t.client(gateway);
  await timed(client, harmless);
  const harmlessMs = await timed(client, harmless);
  const tookMs = await timed(client, attack);
  assert.ok(tookMs < harmlessMs * MAX_FACTOR + SLACK_MS, `${tookMs} ms, ${harmlessMs} ms for a harmless one`);
}

describe('R06 expressions of users', { timeout: 60_000 }, () => {
  for (const [source, text] of EXPRESSIONS) {
    test(`${source} on a header takes linear time`, async (t) => {
      assert.ok(compileLinearRegExp(source) instanceof RegExp, 'a route with it is accepted');
      const match = { headers: [{ name: 'x-text', type: 'regex', value: source }] } as const;
      await assertQuick(
        new TestBed(t),
        match,
        request('GET /', [`X-Text: ${text.trimEnd()}`]),
        request('GET /', [`X-Other: ${text.trimEnd()}`]),
      );
    });
  }

  test('(a+)+b on a path and on a query takes linear time', async (t) => {
    const text = 'a'.repeat(8_000);
    await assertQuick(
      new TestBed(t),
      { path: { type: 'regex', value: '/(a+)+b' } },
      request(`GET /${text}`),
      request(`GET /${'b'.repeat(8_000)}`),
    );
    await assertQuick(
      new TestBed(t),
      { queryParams: [{ name: 'q', type: 'regex', value: '(a+)+b' }] },
      request(`GET /?q=${text}`),
      request(`GET /?p=${text}`),
    );
  });
});

describe('parameters and fields in numbers', { timeout: 30_000 }, () => {
  const queryParams = [{ name: 'q', type: 'exact', value: '1' }] as const;
  const harmless = request(`GET /?${'x'.repeat(8_000)}`);
  for (const [what, target] of [
    ['R06 4 000 parameters of one name', `/?${'q&'.repeat(4_000)}`],
    ['R06 4 000 empty ones', `/?${'&'.repeat(8_000)}`],
    ['R06 a parameter of nothing but escapes', `/?q=${'%41'.repeat(2_600)}`],
    // V8 takes such names for indices of an array, and places them by their value.
    [
      'R08 names that are integers',
      `/?${Array.from({ length: 1_600 }, (_, index) => index).join('&')}`.slice(0, 8_000),
    ],
    [
      'R08 integers that are far apart',
      `/?${Array.from({ length: 700 }, (_, index) => 4_294_967_294 - index * 65_536).join('&')}`.slice(0, 8_000),
    ],
    ['R08 names of Object.prototype', `/?${'__proto__=1&constructor=1&toString&'.repeat(220)}`.slice(0, 8_000)],
  ] as const) {
    test(`${what}: served at once`, (t) =>
      assertQuick(new TestBed(t), { queryParams }, request(`GET ${target}`), harmless));
  }

  for (const [what, names] of [
    ['integers', Array.from({ length: 98 }, (_, index) => `${index}`)],
    ['integers that are far apart', Array.from({ length: 98 }, (_, index) => `${4_294_967_294 - index * 65_536}`)],
    ['of Object.prototype', ['constructor', 'tostring', 'valueof', 'hasownproperty']],
  ] as const) {
    test(`R08 fields whose names are ${what}: served at once`, (t) => {
      const fields = names.map((name) => `${name}: x`);
      const match = { headers: [{ name: '7', type: 'exact', value: 'y' }] } as const;
      return assertQuick(
        new TestBed(t),
        match,
        request('GET /', fields),
        request('GET /', [`X: ${'x'.repeat(1_000)}`]),
      );
    });
  }
});
