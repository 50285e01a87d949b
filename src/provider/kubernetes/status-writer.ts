// Brings the statuses that the translator computed to the API server: one write per object at a time, only where something differs, paced,
// and only while this replica leads. Never an older generation over a newer one; what others wrote stays.
import type { ResourceKind } from '../../api/schema.ts';
import type { ObjectStatus } from '../../gatewayapi/object-status.ts';
import { hasStatus } from '../../kubernetes/api-error.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { Clock } from '../../kubernetes/clock.ts';
import type { Logger } from '../../observability/process-log.ts';
import type { LiveObject, LiveObjects } from './live-objects.ts';
import { hasOwnEntries, isNewer, mergeStatus } from './status-merge.ts';

export interface StatusWriterOptions {
  readonly client: ApiClient;
  readonly live: LiveObjects;
  /** The kinds that have a status of ours, by name. */
  readonly kinds: ReadonlyMap<string, ResourceKind>;
  readonly controllerName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onWritten?: () => void;
}

const FIELD_MANAGER = 'sluice';
const MAX_CONCURRENT_WRITES = 8;
/** Between two writes of one object: whoever watches it need not see each state in between. */
const MIN_INTERVAL_MS = 250;
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 30_000;

interface Task {
  readonly key: string;
  isWriting: boolean;
  /** Something changed since the write was begun. */
  isDirty: boolean;
  lastWriteMs: number;
  failures: number;
  cancelTimer: (() => void) | undefined;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #tasks = new Map<string, Task>();
  /** Those that wait for a place. */
  readonly #ready: Task[] = [];
  readonly #stopping = new AbortController();
  #statuses: ReadonlyMap<string, ObjectStatus> = new Map();
  #writing = 0;
  #isLeading = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** What should be; statuses that are the same object as before cost nothing. */
  replace(statuses: ReadonlyMap<string, ObjectStatus>): void {
    const before = this.#statuses;
    this.#statuses = statuses;
    for (const [key, status] of statuses) if (before.get(key) !== status) this.#look(key);
    for (const key of before.keys()) if (!statuses.has(key)) this.#look(key);
  }

  /** What is, has changed. */
  onLive(key: string): void {
    this.#look(key);
  }

  lead(isLeading: boolean): void {
    this.#isLeading = isLeading;
    if (isLeading) for (const key of this.#statuses.keys()) this.#look(key);
  }

  stop(): void {
    this.#isLeading = false;
    this.#stopping.abort();
    for (const { cancelTimer } of this.#tasks.values()) cancelTimer?.();
    this.#tasks.clear();
  }

  #look(key: string): void {
    if (!this.#isLeading || this.#plan(key) === undefined) return;
    let task = this.#tasks.get(key);
    if (task === undefined) {
      task = { key, isWriting: false, isDirty: false, lastWriteMs: -Infinity, failures: 0, cancelTimer: undefined };
      this.#tasks.set(key, task);
    }
    if (task.isWriting) task.isDirty = true;
    else this.#schedule(task, MIN_INTERVAL_MS - (this.#options.clock.nowMs() - task.lastWriteMs));
  }

  /** The whole status to write; undefined where there is nothing to do. */
  #plan(key: string): { readonly live: LiveObject; readonly status: object } | undefined {
    const { controllerName, clock } = this.#options;
    const live = this.#options.live.get(key);
    const own = this.#statuses.get(key);
    if (live === undefined || (own === undefined && !hasOwnEntries(live.status, controllerName))) return undefined;
    const { generation } = live.metadata;
    // What was computed is of another generation: what is of this one is on its way.
    if (own?.generation !== undefined && own.generation !== generation) return undefined;
    if (isNewer(live.status, generation, controllerName)) return undefined;
    const now = new Date(clock.dateMs()).toISOString().replace(/\.\d+Z$/, 'Z');
    const status = mergeStatus(live.status, own?.status, { controllerName, now });
    return status === live.status ? undefined : { live, status };
  }

  #schedule(task: Task, delayMs: number): void {
    if (task.cancelTimer !== undefined || this.#ready.includes(task)) return;
    if (delayMs <= 0) {
      this.#ready.push(task);
      this.#next();
      return;
    }
    task.cancelTimer = this.#options.clock.after(delayMs, () => {
      task.cancelTimer = undefined;
      this.#ready.push(task);
      this.#next();
    });
  }

  #next(): void {
    while (this.#writing < MAX_CONCURRENT_WRITES) {
      const task = this.#ready.shift();
      if (task === undefined) return;
      this.#writing++;
      task.isWriting = true;
      task.isDirty = false;
      void this.#write(task).finally(() => this.#written(task));
    }
  }

  #written(task: Task): void {
    this.#writing--;
    task.isWriting = false;
    if (task.isDirty || task.failures > 0) {
      const delayMs = Math.min(MAX_RETRY_MS, task.failures === 0 ? MIN_INTERVAL_MS : retryDelayMs(task.failures));
      if (this.#isLeading) this.#schedule(task, delayMs);
    } else {
      this.#tasks.delete(task.key);
    }
    this.#next();
  }

  async #write(task: Task): Promise<void> {
    const plan = this.#isLeading ? this.#plan(task.key) : undefined;
    if (plan === undefined) {
      task.failures = 0;
      return;
    }
    const { client, clock, logger, kinds, onWritten, live } = this.#options;
    const { apiVersion, kind, metadata } = plan.live;
    const resource = kinds.get(kind);
    if (resource === undefined) return;
    const { name, namespace, resourceVersion } = metadata;
    task.lastWriteMs = clock.nowMs();
    try {
      const patch = { apiVersion, kind, metadata: { resourceVersion }, status: nulled(plan.live.status, plan.status) };
      const scope = { name, namespace, version: versionOf(apiVersion) };
      const options = { subresource: 'status', fieldManager: FIELD_MANAGER, signal: this.#stopping.signal } as const;
      const written = await client.mergePatch<LiveObject>(resource, scope, patch, options);
      // The event of the watch comes later; until then this is what is.
      const current = live.get(task.key);
      if (current?.metadata.resourceVersion === resourceVersion)
        live.put({ ...current, metadata: { ...current.metadata, ...written.metadata }, status: written.status ?? {} });
      task.failures = 0;
      onWritten?.();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      // The object is gone, or another one by now: the watch tells.
      if (hasStatus(error, 404)) task.failures = 0;
      else if (task.failures++ > 2)
        logger.warn({ err: error, object: task.key, failures: task.failures }, 'a status could not be written');
    }
  }
}

/** In a merge patch, what is absent stays: what should go is null. */
function nulled(live: object, status: object): object {
  const gone = Object.keys(live).filter((name) => !(name in status));
  return { ...status, ...Object.fromEntries(gone.map((name) => [name, null])) };
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1);
}

function retryDelayMs(failures: number): number {
  return FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 7);
}
