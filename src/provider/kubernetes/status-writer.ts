// Brings the statuses that the translator computed to the API server: one write per object at a time, only where something differs, paced,
// and only while this replica leads. Only over the generation that a status was computed from; what others wrote stays.
import type { ResourceKind } from '../../api/schema.ts';
import type { ObjectStatus } from '../../gatewayapi/object-status.ts';
import { ApiError, hasStatus } from '../../kubernetes/api-error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { Clock } from '../../kubernetes/clock.ts';
import { shareStructure } from '../../lib/shared-structure.ts';
import type { LogFields, Logger } from '../../observability/process-log.ts';
import type { LiveObject, LiveObjects } from './live-objects.ts';
import { hasOwnEntries, mergeStatus } from './status-merge.ts';

export interface StatusWriterOptions {
  readonly client: Pick<ApiClient, 'mergePatch'>;
  readonly live: LiveObjects;
  /** The kinds that have a status of ours, by name. */
  readonly kinds: ReadonlyMap<string, ResourceKind>;
  readonly controllerName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIELD_MANAGER = 'sluice';
export const MAX_CONCURRENT_WRITES = 8;
/** Between two writes of one object: whoever watches it need not see each state in between. Doubles while it changes without rest… */
export const MIN_INTERVAL_MS = 250;
/** …up to this. */
export const MAX_INTERVAL_MS = 1_000;
/** The same, where a write fails again and again, or someone undoes it again and again. */
export const MAX_RETRY_MS = 30_000;
/** So often in a row must it fail, or be undone, until that is worth a line in the log… */
const TROUBLES_TO_TELL = 4;
/** …of which there is one in this time, whatever number of objects it is about. */
const LOG_INTERVAL_MS = 10_000;
/** After so long nobody is taken to undo it on purpose. */
const FORGIVEN_AFTER_MS = 300_000;

type Status = LiveObject['status'];

/** What the API server answers. */
type Written = Omit<LiveObject, 'status'> & { readonly status?: Status };

interface Plan {
  readonly live: LiveObject;
  /** Undefined: what Sluice wrote goes away. */
  readonly own: ObjectStatus | undefined;
  /** The whole status. */
  readonly status: Status;
}

/** An object whose status is written, or was until a moment ago. Gone as soon as it has rested with nothing left to do. */
interface Task {
  readonly key: string;
  /** Set while it rests. */
  cancelRest: (() => void) | undefined;
  lastWriteMs: number;
  /** What the API server asked for. */
  notBeforeMs: number;
  /** Writes without a rest between them in which there was nothing to do. */
  streak: number;
  /** In a row. */
  failures: number;
}

/** What became of a status that was written. */
interface Fate {
  readonly writtenAtMs: number;
  /** In a row: somebody else had changed it, and it was written again. */
  readonly repairs: number;
  /** Set where the API server keeps it otherwise than it was written: its CRD has not all fields. */
  readonly keptAs: Status | undefined;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #tasks = new Map<string, Task>();
  /** Those that wait for a place. */
  readonly #ready: Task[] = [];
  /** Undefined until it is known what should be. */
  #statuses: ReadonlyMap<string, ObjectStatus> | undefined = undefined;
  readonly #fates = new WeakMap<ObjectStatus, Fate>();
  /** Ends with the time for which this replica leads; undefined while it does not. */
  #term: AbortController | undefined = undefined;
  #writing = 0;
  #lastLogMs = -Infinity;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** What should be; statuses that are the same object as before cost nothing. */
  replace(statuses: ReadonlyMap<string, ObjectStatus>): void {
    const before = this.#statuses;
    this.#statuses = statuses;
    if (this.#term === undefined) return;
    if (before === undefined) return this.#lookAtAll();
    for (const [key, status] of statuses) if (before.get(key) !== status) this.#renew(key);
    for (const key of before.keys()) if (!statuses.has(key)) this.#renew(key);
  }

  /** What is, has changed. */
  onLive(key: string): void {
    this.#look(key);
  }

  /** Nothing is written any more when it returns from `false`, save what the API server has received. */
  lead(isLeading: boolean): void {
    this.#term?.abort();
    this.#term = isLeading ? new AbortController() : undefined;
    for (const { cancelRest } of this.#tasks.values()) cancelRest?.();
    this.#tasks.clear();
    this.#ready.length = 0;
    if (isLeading) this.#lookAtAll();
  }

  stop(): void {
    this.lead(false);
  }

  /** Entries of before may be on any object. */
  #lookAtAll(): void {
    for (const key of this.#options.live.keys()) this.#look(key);
  }

  /** A task that there is already will see by itself. */
  #look(key: string): void {
    if (this.#term === undefined || this.#tasks.has(key) || this.#plan(key) === undefined) return;
    const task: Task = {
      key,
      cancelRest: undefined,
      lastWriteMs: -Infinity,
      notBeforeMs: -Infinity,
      streak: 0,
      failures: 0,
    };
    this.#tasks.set(key, task);
    this.#schedule(task);
  }

  /** Another status is wanted: it need not wait because the one before failed, or was undone. */
  #renew(key: string): void {
    const task = this.#tasks.get(key);
    if (task === undefined) return this.#look(key);
    task.failures = 0;
    if (task.cancelRest === undefined) return;
    task.cancelRest();
    this.#schedule(task);
  }

  #plan(key: string): Plan | undefined {
    const { controllerName, clock } = this.#options;
    const live = this.#options.live.get(key);
    if (live === undefined || this.#statuses === undefined) return undefined;
    const own = this.#statuses.get(key);
    if (own === undefined && !hasOwnEntries(live.status, controllerName)) return undefined;
    // What was computed is of another object of this name, or another generation: what is of this one is on its way.
    const { uid, generation } = live.metadata;
    if (own?.uid !== undefined && own.uid !== uid) return undefined;
    if (own?.generation !== undefined && own.generation !== generation) return undefined;
    if (isSame(this.#fateOf(own)?.keptAs, live.status)) return undefined;
    const now = new Date(clock.dateMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    const status = mergeStatus(live.status, own?.status, { controllerName, now });
    return status === live.status ? undefined : { live, own, status };
  }

  #fateOf(own: ObjectStatus | undefined): Fate | undefined {
    return own && this.#fates.get(own);
  }

  #schedule(task: Task): void {
    const { clock } = this.#options;
    const delayMs = this.#dueMs(task) - clock.nowMs();
    if (delayMs <= 0) this.#enqueue(task);
    else task.cancelRest = clock.after(delayMs, () => this.#enqueue(task));
  }

  #dueMs({ key, lastWriteMs, notBeforeMs, streak, failures }: Task): number {
    const pausedMs = failures > 0 ? backoffMs(failures) : Math.min(MAX_INTERVAL_MS, backoffMs(streak - 1));
    const fate = this.#fateOf(this.#statuses?.get(key));
    const mendedMs = fate === undefined ? -Infinity : fate.writtenAtMs + backoffMs(fate.repairs);
    return Math.max(lastWriteMs + pausedMs, notBeforeMs, mendedMs);
  }

  #enqueue(task: Task): void {
    task.cancelRest = undefined;
    this.#ready.push(task);
    this.#next();
  }

  #next(): void {
    while (this.#writing < MAX_CONCURRENT_WRITES) {
      const task = this.#ready.shift();
      if (task === undefined || this.#term === undefined) return;
      const plan = this.#plan(task.key);
      if (plan === undefined) this.#tasks.delete(task.key);
      else void this.#write(task, plan, this.#term.signal);
    }
  }

  async #write(task: Task, plan: Plan, signal: AbortSignal): Promise<void> {
    this.#writing++;
    task.lastWriteMs = this.#options.clock.nowMs();
    task.streak++;
    try {
      const written = await this.#patch(plan, signal);
      this.#noteWritten(task, plan, written);
    } catch (error) {
      if (!signal.aborted) this.#noteFailure(task, error);
    } finally {
      this.#writing--;
    }
    if (!signal.aborted) this.#schedule(task);
    this.#next();
  }

  #patch({ live, status }: Plan, signal: AbortSignal): Promise<Written> {
    const { client, kinds } = this.#options;
    const { apiVersion, kind, metadata } = live;
    const { name, namespace, resourceVersion } = metadata;
    const resource = kinds.get(kind);
    if (resource === undefined) throw new TypeError(`${kind} has no status of ours`);
    const scope = { name, namespace, version: apiVersion.slice(apiVersion.indexOf('/') + 1) };
    const whole = { ...absent(live.status, status), ...status };
    const patch = { apiVersion, kind, metadata: { resourceVersion }, status: whole };
    const options = { subresource: 'status', fieldManager: FIELD_MANAGER, signal } as const;
    return client.mergePatch<Written>(resource, scope, patch, options);
  }

  #noteWritten(task: Task, { live: before, own }: Plan, { metadata, status = {} }: Written): void {
    const { live } = this.#options;
    const current = live.get(task.key);
    // The event of the watch comes later; until then this is what is.
    if (current?.metadata.resourceVersion === before.metadata.resourceVersion) {
      const { resourceVersion } = metadata;
      live.put({ ...current, metadata: { ...current.metadata, resourceVersion }, status });
    }
    task.failures = 0;
    if (own !== undefined) this.#noteFate(task.key, own, status);
  }

  #noteFate(key: string, own: ObjectStatus, status: Status): void {
    const { clock, controllerName } = this.#options;
    const before = this.#fateOf(own);
    const nowMs = clock.nowMs();
    const isRepair = before !== undefined && nowMs - before.writtenAtMs < FORGIVEN_AFTER_MS;
    const repairs = isRepair ? before.repairs + 1 : 0;
    const isKept = mergeStatus(status, own.status, { controllerName, now: '' }) === status;
    this.#fates.set(own, { writtenAtMs: nowMs, repairs, keptAs: isKept ? undefined : status });
    if (!isKept) this.#tell('the API server keeps a status otherwise than it was written', { object: key });
    if (repairs >= TROUBLES_TO_TELL)
      this.#tell('somebody else changes a status again and again', { object: key, repairs });
  }

  #noteFailure(task: Task, error: unknown): void {
    // The object is another one by now, as the watch tells.
    if (hasStatus(error, 409)) return;
    task.failures++;
    if (error instanceof ApiError && error.retryAfterMs !== undefined)
      task.notBeforeMs = this.#options.clock.nowMs() + Math.min(MAX_RETRY_MS, error.retryAfterMs);
    const { key, failures } = task;
    if (failures >= TROUBLES_TO_TELL)
      this.#tell('a status could not be written', { err: error, object: key, failures });
  }

  #tell(message: string, fields: LogFields): void {
    const { clock, logger } = this.#options;
    if (clock.nowMs() - this.#lastLogMs < LOG_INTERVAL_MS) return;
    this.#lastLogMs = clock.nowMs();
    logger.warn(fields, message);
  }
}

/** @param exponent 0 is the shortest. */
function backoffMs(exponent: number): number {
  return Math.min(MAX_RETRY_MS, MIN_INTERVAL_MS * 2 ** exponent);
}

/** In a merge patch, what is absent stays: what should go is null. */
function absent(live: Status, status: Status): Readonly<Record<string, null>> {
  return Object.fromEntries(Object.keys(live).flatMap((name) => (name in status ? [] : [[name, null]])));
}

function isSame(a: Status | undefined, b: Status): boolean {
  return a !== undefined && shareStructure(a, b) === a;
}
