// Gateways come, go and change what they ask for, and their statuses are written back as an API server would have them.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Gateway } from '../../../src/api/generated/gateway.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { gateway, options, resourcesOf } from './configuration.ts';

const POOL = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5'];
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const STEPS = 400;

interface Addressed {
  readonly addresses?: readonly { readonly value: string }[];
}

it('an address of a pool is for one Gateway alone, which keeps it, and none is left over while somebody waits', () => {
  const random = seededRandom();
  const resources = resourcesOf();
  const memo = createMemo();
  /** By name of the Gateway: what it asks for by value, if anything, and what it has. */
  const gateways = new Map<string, { object: Gateway; wanted: string | undefined; has: string | undefined }>();
  for (let step = 1; step <= STEPS; step++) {
    const name = random.pick(NAMES);
    if (gateways.has(name) && random.below(3) === 0) {
      gateways.delete(name);
      resources.delete({ kind: 'Gateway', namespace: 'shop', name });
    } else {
      const wanted = random.below(4) === 0 ? random.pick(POOL) : undefined;
      const has = gateways.get(name)?.has;
      const spec = wanted === undefined ? {} : { addresses: [{ type: 'IPAddress', value: wanted }] };
      const metadata = { name, namespace: 'shop', creationTimestamp: `2026-01-0${random.below(9) + 1}T00:00:00Z` };
      gateways.set(name, { object: { ...(gateway([{}], spec) as Gateway), metadata }, wanted, has });
    }
    for (const { object, has } of gateways.values()) {
      const addresses = has === undefined ? [] : [{ type: 'IPAddress', value: has }];
      resources.put({ ...object, status: { conditions: [], addresses } } as Gateway);
    }

    const { statuses } = translate(resources, memo, options({ binding: { kind: 'pool', addresses: POOL } }));
    const given = new Set<string>();
    const place = `${random.seed}, step ${step}`;
    for (const [key, entry] of gateways) {
      const status = statuses.get(`Gateway/shop/${key}`)?.status as Addressed | undefined;
      const value = status?.addresses?.[0]?.value;
      assert.ok(value === undefined || (POOL.includes(value) && !given.has(value)), `${place}: ${key} ${value}`);
      if (value !== undefined) given.add(value);
      if (entry.wanted !== undefined) assert.ok(value === undefined || value === entry.wanted, place);
      const mayKeep = entry.has !== undefined && (entry.wanted === undefined || entry.wanted === entry.has);
      if (mayKeep) assert.equal(value, entry.has, `${place}: ${key} loses its address`);
      entry.has = value;
    }
    const isWaiting = [...gateways.values()].some(({ wanted, has }) => wanted === undefined && has === undefined);
    assert.ok(!isWaiting || given.size === POOL.length, `${place}: somebody waits for nothing`);
  }
});
