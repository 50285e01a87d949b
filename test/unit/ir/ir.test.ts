import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { Certificate } from '../../../src/ir/certificate.ts';
import type { Cluster } from '../../../src/ir/cluster.ts';
import { applyDelta, createIr, DeltaMismatchError, diffIr, EMPTY_IR, isEmptyDelta } from '../../../src/ir/ir.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';

function cluster(name: string, port: number): Cluster {
  return {
    kind: 'cluster',
    key: `cluster/${name}`,
    name,
    protocol: 'http1',
    endpoints: [{ kind: 'ip', address: '127.0.0.1', port }],
    connectTimeoutMs: 1,
    idleTimeoutMs: 1,
    maxStreamsPerConnection: 1,
    maxConnections: 1,
    maxPendingRequests: 1,
  };
}

function certificate(privateKey: string): Certificate {
  return { kind: 'certificate', key: 'certificate/a/b', chainPem: 'chain', privateKeyPem: new SecretText(privateKey) };
}

describe('Ir', () => {
  it('has a hash of its content: order, identity and the order of fields do not count', () => {
    const reordered = Object.fromEntries(Object.entries(cluster('a', 1)).toReversed()) as unknown as Cluster;
    assert.equal(createIr([cluster('a', 1), cluster('b', 2)]).hash, createIr([cluster('b', 2), reordered]).hash);
    assert.notEqual(createIr([cluster('a', 1)]).hash, createIr([cluster('a', 2)]).hash);
    assert.notEqual(createIr([cluster('a', 1)]).hash, EMPTY_IR.hash);
  });

  it('tells secrets apart and shows none', () => {
    const one = createIr([certificate('key one')]);
    assert.notEqual(one.hash, createIr([certificate('key two')]).hash);
    const shown = JSON.stringify([...one.resources.values()]) + inspect(one, { depth: 9, showHidden: true });
    assert.ok(!shown.includes('key one'), shown);
  });

  it('a delta leads from one to the other', () => {
    const from = createIr([cluster('a', 1), cluster('b', 2), cluster('c', 3)]);
    const to = createIr([cluster('a', 1), cluster('b', 9), cluster('d', 4)]);
    const delta = diffIr(from, to);
    assert.deepEqual(
      delta.put.map(({ key }) => key),
      ['cluster/b', 'cluster/d'],
    );
    assert.deepEqual(delta.remove, ['cluster/c']);
    const applied = applyDelta(from, delta);
    assert.equal(applied.hash, to.hash);
    assert.equal(applied.hash, createIr(applied.resources.values()).hash);
    assert.ok(isEmptyDelta(diffIr(applied, to)));
  });

  it('a delta for another base, or one that lost a resource, is refused', () => {
    const from = createIr([cluster('a', 1)]);
    const to = createIr([cluster('a', 1), cluster('b', 2)]);
    const delta = diffIr(from, to);
    assert.throws(() => applyDelta(to, delta), DeltaMismatchError);
    assert.throws(() => applyDelta(from, { ...delta, put: [] }), DeltaMismatchError);
  });
});
