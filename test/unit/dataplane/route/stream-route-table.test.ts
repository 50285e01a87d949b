// The choice by server name against a reference that looks at every route for every name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamRouteTable } from '../../../../src/dataplane/route/stream-route-table.ts';
import type { AttachedStreamRoute } from '../../../../src/dataplane/route/stream-route-table.ts';
import type { RouteHostname, StreamRoute } from '../../../../src/ir/route.ts';
import { seededRandom } from '../../../harness/seeded-random.ts';

const TABLES = 2_000;
const NAMES = ['a.x', 'b.x', 'a.b.x', 'b.a.b.x', 'x', 'a.y', 'y', undefined];

/** By listener: what it serves of the declared hostnames. */
const LISTENERS: Readonly<Record<string, readonly RouteHostname[]>> = {
  '*': ['a.x', 'a.b.x', '*.x', '*.b.x', '*.y', 'y', '*'].map((name) => ({ served: name, declared: name })),
  '*.x': [
    ...['a.x', 'a.b.x', '*.x', '*.b.x'].map((name) => ({ served: name, declared: name })),
    { served: '*.x', declared: '*' },
  ],
  'a.b.x': ['a.b.x', '*.b.x', '*.x', '*'].map((declared) => ({ served: 'a.b.x', declared })),
};

function route(name: string, createdAtMs: number): StreamRoute {
  return { kind: 'streamRoute', key: `route/TLSRoute/${name}`, name, createdAtMs, attachments: [], backends: [] };
}

function matches(pattern: string, name: string | undefined): boolean {
  if (pattern === '*') return true;
  if (name === undefined) return false;
  return pattern.startsWith('*.')
    ? name.length > pattern.length - 1 && name.endsWith(pattern.slice(1))
    : name === pattern;
}

/** Smaller goes first. */
function rank(pattern: string): number {
  if (pattern === '*') return 3_000;
  return pattern.startsWith('*.') ? 2_000 - pattern.split('.').length : 0;
}

function reference(attached: readonly AttachedStreamRoute[], name: string | undefined): string | undefined {
  const candidates = attached.flatMap((each) =>
    each.hostnames.filter(({ served }) => matches(served, name)).map((hostname) => ({ route: each.route, hostname })),
  );
  candidates.sort(
    (a, b) =>
      rank(a.hostname.served) - rank(b.hostname.served) ||
      rank(a.hostname.declared) - rank(b.hostname.declared) ||
      a.route.createdAtMs - b.route.createdAtMs ||
      a.route.name.localeCompare(b.route.name, 'en'),
  );
  return candidates[0]?.route.name;
}

test('the table chooses what a search through all routes chooses', () => {
  const random = seededRandom();
  let chosen = 0;
  for (let i = 0; i < TABLES; i++) {
    const hostnames = LISTENERS[random.pick(Object.keys(LISTENERS))] ?? [];
    const attached = Array.from({ length: random.below(7) }, (_, index) => ({
      route: route(`test/${String.fromCodePoint(97 + ((index * 5) % 7))}`, random.below(3)),
      hostnames: Array.from({ length: 1 + random.below(3) }, () => random.pick(hostnames)),
    }));
    const table = new StreamRouteTable(attached, ({ name }) => name);
    for (const name of NAMES) {
      const expected = reference(attached, name);
      if (expected !== undefined) chosen++;
      assert.equal(table.select(name), expected, `${random.seed}: ${String(name)} in ${JSON.stringify(attached)}`);
    }
  }
  assert.ok(chosen > TABLES);
});

test('of routes that say no hostname, the oldest has everything; of equally old ones the first by name', () => {
  const any = [{ served: '*', declared: '*' }];
  const attached = [
    { route: route('test/b', 5), hostnames: any },
    { route: route('test/c', 4), hostnames: any },
    { route: route('test/a', 4), hostnames: any },
  ];
  const table = new StreamRouteTable(attached, ({ name }) => name);
  assert.equal(table.select(undefined), 'test/a');
  assert.equal(table.select('some.name'), 'test/a');
  assert.equal(new StreamRouteTable([], () => 'x').select(undefined), undefined);
});
