// A reflector between a scripted API server and a recording owner, with a clock that stands still.
import type { TestContext } from 'node:test';
import type { ResourceKind } from '../../../src/api/schema.ts';
import type { Change } from '../../../src/kubernetes/reflected-set.ts';
import type { StoredObject } from '../../../src/kubernetes/object-reading.ts';
import { Reflector } from '../../../src/kubernetes/reflector.ts';
import type { ReflectorOptions } from '../../../src/kubernetes/reflector.ts';
import type { ReflectorState } from '../../../src/kubernetes/reflector-state.ts';
import { SILENT_LOGGER } from '../../../src/observability/process-log.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { ScriptedApiServer } from '../../harness/scripted-api-server.ts';
import type { ApiScript, ScriptedRequest } from '../../harness/scripted-api-server.ts';

export const WIDGET: ResourceKind = {
  group: 'example.dev',
  versions: ['v2', 'v1'],
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};

export function widget(name: string, resourceVersion: string | number, extra: object = {}): object {
  return {
    apiVersion: 'example.dev/v2',
    kind: 'Widget',
    metadata: { name, namespace: 'a', resourceVersion: `${resourceVersion}` },
    ...extra,
  };
}

/** Answers each list by the next of these, and keeps watches open. */
export function serving(...lists: readonly ((request: ScriptedRequest) => void)[]): ApiScript {
  let index = 0;
  return (request) => {
    if (request.isWatch) request.stream();
    else lists[Math.min(index++, lists.length - 1)]?.(request);
  };
}

export interface Bench {
  readonly server: ScriptedApiServer;
  readonly clock: FakeClock;
  readonly reflector: Reflector<StoredObject>;
  /** What the owner was told: `+name@version`, `-name`. */
  readonly told: string[];
  readonly batches: (readonly Change<StoredObject>[])[];
  readonly states: ReflectorState['kind'][];
  /** Waits until the owner was told this much, and returns it. */
  readonly untilTold: (count: number) => Promise<readonly string[]>;
  readonly untilState: (kind: ReflectorState['kind']) => Promise<ReflectorState>;
}

export async function startBench(
  t: TestContext,
  options: Partial<ReflectorOptions<StoredObject>> = {},
  prepare: (server: ScriptedApiServer) => void = () => {},
): Promise<Bench> {
  const server = await ScriptedApiServer.listen();
  prepare(server);
  const clock = new FakeClock();
  const client = server.client({}, clock);
  const told: string[] = [];
  const batches: (readonly Change<StoredObject>[])[] = [];
  const states: ReflectorState['kind'][] = [];
  const reflector = new Reflector<StoredObject>({
    client,
    kind: WIDGET,
    keep: (object) => object,
    onChanges: (changes) => {
      batches.push(changes);
      told.push(...changes.map(describeChange));
      server.conditions.changed();
    },
    onState: ({ kind }) => {
      states.push(kind);
      server.conditions.changed();
    },
    logger: SILENT_LOGGER,
    clock,
    random: () => 0.5,
    ...options,
  });
  t.after(async () => {
    await reflector.stop();
    client.close();
    await server.close();
  });
  reflector.start();
  return {
    server,
    clock,
    reflector,
    told,
    batches,
    states,
    untilTold: (count) => server.until(`${count} changes`, () => (told.length >= count ? told : undefined)),
    untilState: (kind) =>
      server.until(`state ${kind}`, () => (reflector.state.kind === kind ? reflector.state : undefined)),
  };
}

function describeChange(change: Change<StoredObject>): string {
  return change.kind === 'delete' ? `-${change.name}` : `+${change.name}@${change.object.metadata.resourceVersion}`;
}
