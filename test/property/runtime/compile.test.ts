// The property of incremental compilation: after any of 10 000 random edits of a random configuration, the snapshot that takes over
// what did not change has the same hash as one compiled from scratch from the same IR.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { compile, CompileMemo, releaseMemo } from '../../../src/dataplane/runtime/compile.ts';
import type { CompileServices } from '../../../src/dataplane/runtime/compile.ts';
import type { RuntimeRule } from '../../../src/dataplane/runtime/runtime-route.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../../../src/dataplane/runtime/snapshot.ts';
import { selectRoute } from '../../../src/dataplane/route/route-table.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { Resources } from '../../../src/gatewayapi/resources.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { applyDelta, diffIr, EMPTY_IR } from '../../../src/ir/ir.ts';
import type { Ir } from '../../../src/ir/ir.ts';
import { enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';
import { TimerWheel } from '../../../src/lib/timeout-queue.ts';
import { Metrics } from '../../../src/observability/metric-names.ts';
import { seededRandom } from '../../harness/seeded-random.ts';
import { randomEdit, randomOptions } from '../gatewayapi/edit.ts';

const EDITS = 10_000;
const EDITS_PER_CHANGE_OF_OPTIONS = 50;
const HOSTS = ['a.example.com', 'x.b.example.com', 'c.example.org', 'nowhere'];
const PATHS = ['/', '/a', '/a/b', '/b'];

type Listeners = RuntimeSnapshot['listeners'];

/** Everything of a snapshot that a request can notice, and where some requests go. */
function snapshotHash(listeners: Listeners): string {
  const sorted = [...listeners.values()].sort((a, b) => (a.config.key < b.config.key ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify(sorted.map(describeListener)))
    .digest('hex');
}

function describeListener({ config, all }: RuntimeListener): unknown {
  const hosts = all.map(({ name, hostname, certificates, routes }) => ({
    name,
    hostname,
    certificates: certificates.map((certificate) => [certificate.config.chainPem, certificate.names]),
    candidates: [...routes.hosts]
      .flatMap(([served, host]) =>
        host.candidates.map(({ hostname: { declared }, match, matchIndex, target }) =>
          JSON.stringify([served, declared, match, matchIndex, describeRule(target)]),
        ),
      )
      .sort(),
    selected: HOSTS.flatMap((host) => PATHS.map((path) => select(routes, host, path))),
  }));
  return { config, hosts };
}

function describeRule({ route, rule, filters, backends, requestTimeout, backendTimeout }: RuntimeRule): unknown {
  const passes = filters.onRequest.length + filters.onResponse.length;
  return [route, rule, passes, backends !== undefined, requestTimeout?.durationMs, backendTimeout?.durationMs];
}

function select(routes: RuntimeListener['all'][number]['routes'], host: string, path: string): string {
  const request = { method: 'GET', path, query: undefined, authority: host, host, headers: new HeaderList() };
  const selected = selectRoute(routes, request);
  return selected === undefined ? 'none' : `${selected.route.name} ${selected.ruleIndex} ${selected.matchIndex}`;
}

describe('incremental compilation', () => {
  test(`${EDITS} random edits: each snapshot is the one that a compilation from scratch gives`, (t) => {
    enableLinearRegExp();
    const random = seededRandom();
    t.diagnostic(random.seed);
    const resources = new Resources();
    const translationMemo = createMemo();
    const services: CompileServices = { wheel: new TimerWheel(assert.ifError), metrics: new Metrics() };
    let options = randomOptions(random);
    let ir: Ir = EMPTY_IR;
    let compiled: { listeners: Listeners; memo: CompileMemo } = { listeners: new Map(), memo: new CompileMemo() };
    let differentSnapshots = 0;
    let lastHash = '';
    for (let step = 1; step <= EDITS; step++) {
      const { kind, namespace, name, object } = randomEdit(random);
      if (object === undefined) resources.delete({ kind, namespace, name });
      else resources.put(object);
      if (step % EDITS_PER_CHANGE_OF_OPTIONS === 0) options = randomOptions(random);
      const next = translate(resources, translationMemo, options).ir;
      // What a worker does with a delta.
      ir = applyDelta(ir, diffIr(ir, next));
      const previous = { hash: '', listeners: compiled.listeners, clusters: new Map() };
      const incremental = compile(ir, previous, compiled.memo, services);
      const scratch = compile(ir, undefined, new CompileMemo(), services);
      const hash = snapshotHash(incremental.listeners);
      assert.equal(hash, snapshotHash(scratch.listeners), `edit ${step}: ${kind} ${namespace}/${name}`);
      releaseMemo(scratch.memo, new CompileMemo());
      releaseMemo(compiled.memo, incremental.memo);
      compiled = incremental;
      if (hash !== lastHash) differentSnapshots++;
      lastHash = hash;
    }
    t.diagnostic(`${differentSnapshots} different snapshots`);
    assert.ok(differentSnapshots > EDITS / 20, 'the edits change what is served');
  });
});
