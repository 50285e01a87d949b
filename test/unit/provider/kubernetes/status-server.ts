// The part of an API server that a writer of statuses meets, in memory: merge patches of statuses with optimistic concurrency, and a watch
// that a test may hold back.
import { setImmediate as turn } from 'node:timers/promises';
import type { ObjectStatus } from '../../../../src/gatewayapi/object-status.ts';
import { ApiError } from '../../../../src/kubernetes/api-error.ts';
import type { ApiClient } from '../../../../src/kubernetes/api-client.ts';
import type { LogFields, Logger } from '../../../../src/observability/process-log.ts';
import { SILENT_LOGGER } from '../../../../src/observability/process-log.ts';
import { STATUS_KINDS } from '../../../../src/provider/kubernetes/kubernetes-provider.ts';
import { liveKey, LiveObjects } from '../../../../src/provider/kubernetes/live-objects.ts';
import type { LiveObject } from '../../../../src/provider/kubernetes/live-objects.ts';
import { StatusWriter } from '../../../../src/provider/kubernetes/status-writer.ts';
import { FakeClock } from '../../../harness/fake-clock.ts';

export const OWN = 'sluice.dev/gateway-controller';

type Fields = Readonly<Record<string, unknown>>;

interface Patch {
  readonly metadata: { readonly resourceVersion: string };
  readonly status: Fields;
}

export interface Write {
  readonly name: string;
  readonly atMs: number;
  readonly status: Fields;
}

export class StatusServer {
  readonly clock: FakeClock = new FakeClock();
  readonly live: LiveObjects = new LiveObjects();
  readonly writer: StatusWriter;
  /** That were accepted. */
  readonly writes: Write[] = [];
  readonly warnings: string[] = [];
  attempts = 0;
  inFlight = 0;
  mostInFlight = 0;
  /** What a write is refused with. */
  refusal: ApiError | undefined = undefined;
  /** Writes are answered when it resolves. */
  gate: Promise<void> = Promise.resolve();
  /** Whether changes are told of. */
  isWatched = true;
  /** What the API server makes of a status. */
  store: (status: Fields) => Fields = (status) => status;
  readonly #objects = new Map<string, LiveObject>();
  #version = 0;

  constructor() {
    const warn = (first: LogFields | string, second?: string): void =>
      void this.warnings.push(second ?? (first as string));
    const logger: Logger = { ...SILENT_LOGGER, warn };
    const client = { mergePatch: this.#patch.bind(this) } as unknown as Pick<ApiClient, 'mergePatch'>;
    this.writer = new StatusWriter({
      client,
      live: this.live,
      kinds: STATUS_KINDS,
      controllerName: OWN,
      clock: this.clock,
      logger,
    });
  }

  /** Somebody creates or changes a route. */
  put(name: string, setup: { uid?: string; generation?: number; status?: Fields } = {}): void {
    const { uid = 'u1', generation = 1 } = setup;
    const metadata = { namespace: 'shop', name, uid, generation, resourceVersion: `${++this.#version}` };
    const status = setup.status ?? this.#objects.get(keyOf(name))?.status ?? {};
    this.#store({ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata, status });
  }

  delete(name: string): void {
    this.#objects.delete(keyOf(name));
    if (!this.isWatched) return;
    this.live.delete(keyOf(name));
    this.writer.onLive(keyOf(name));
  }

  status(name: string): Fields | undefined {
    return this.#objects.get(keyOf(name))?.status;
  }

  /** The watch has caught up. */
  catchUp(): void {
    this.isWatched = true;
    for (const object of this.#objects.values()) this.#tell(object);
  }

  /** Lets all promises come to rest, and time pass after each step. */
  async pass(ms = 0, stepMs = 50): Promise<void> {
    await turn();
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.clock.advance(stepMs);
      await turn();
    }
  }

  async #patch(
    _kind: unknown,
    { name }: { name: string },
    patch: Patch,
    { signal }: { signal: AbortSignal },
  ): Promise<object> {
    this.attempts++;
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
    try {
      await Promise.race([this.gate, ended]);
    } finally {
      this.inFlight--;
    }
    signal.throwIfAborted();
    if (this.refusal !== undefined) throw this.refusal;
    const object = this.#objects.get(keyOf(name));
    if (object === undefined) throw new ApiError('status', 'not found', { status: 404 });
    const { resourceVersion } = patch.metadata;
    if (resourceVersion !== object.metadata.resourceVersion) throw new ApiError('status', 'conflict', { status: 409 });
    const kept = Object.entries({ ...object.status, ...patch.status }).filter(([, value]) => value !== null);
    const status = structuredClone(this.store(Object.fromEntries(kept)));
    this.writes.push({ name, atMs: this.clock.nowMs(), status });
    const next = { ...object, metadata: { ...object.metadata, resourceVersion: `${++this.#version}` }, status };
    queueMicrotask(() => this.#store(next));
    return structuredClone(next);
  }

  #store(object: LiveObject): void {
    this.#objects.set(liveKey(object), object);
    if (this.isWatched) this.#tell(object);
  }

  #tell(object: LiveObject): void {
    this.live.put(structuredClone(object));
    this.writer.onLive(liveKey(object));
  }
}

export function keyOf(name: string): string {
  return `HTTPRoute/shop/${name}`;
}

/** What the translator says of routes: their names, and something by which one status is told from another. */
export function statusesOf(
  routes: Readonly<Record<string, string>>,
  setup: { uid?: string; generation?: number } = {},
): Map<string, ObjectStatus> {
  const { uid = 'u1', generation = 1 } = setup;
  const entries = Object.entries(routes).map(([name, message]): [string, ObjectStatus] => {
    const status = { parents: [ownParent(message, generation)] } as unknown as ObjectStatus['status'];
    const apiVersion = 'gateway.networking.k8s.io/v1';
    return [keyOf(name), { apiVersion, kind: 'HTTPRoute', namespace: 'shop', name, uid, generation, status }];
  });
  return new Map(entries);
}

/** As it is stored. */
export function storedParent(message: string): Fields {
  return ownParent(message, 1, { lastTransitionTime: '2029-01-01T00:00:00Z' });
}

export function ownParent(message: string, observedGeneration = 1, setup: Fields = {}): Fields {
  const condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message, observedGeneration, ...setup };
  return { parentRef: { kind: 'Gateway', name: 'gw' }, controllerName: OWN, conditions: [condition] };
}

export function foreignParent(message: string): Fields {
  return { ...ownParent(message), controllerName: 'example.com/other' };
}

/** The message of the first condition of Sluice's entry. */
export function messageOf(status: Fields | undefined): unknown {
  const parents = (status?.['parents'] ?? []) as readonly {
    controllerName: string;
    conditions: { message: string }[];
  }[];
  return parents.find(({ controllerName }) => controllerName === OWN)?.conditions[0]?.message;
}
