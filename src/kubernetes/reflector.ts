// Keeps its owner informed of all objects of one kind: lists, then watches, and does so again for as long as it takes. Nothing that a
// server sends or fails to send ends it; only `stop` does.
import type { KubernetesObject } from '../api/object.ts';
import type { ResourceKind } from '../api/schema.ts';
import type { Logger } from '../observability/process-log.ts';
import { ApiError, hasStatus, isGone, isTooLarge } from './api-error.ts';
import type { ApiClient, ListPage, Selection } from './api-client.ts';
import { Backoff, jitter } from './backoff.ts';
import { Pause } from './clock.ts';
import type { Clock } from './clock.ts';
import { readStoredObject } from './object-reading.ts';
import type { StoredObject } from './object-reading.ts';
import { ReflectedSet } from './reflected-set.ts';
import type { Change, ObjectName } from './reflected-set.ts';
import { canResume, stateAfter } from './reflector-state.ts';
import type { ReflectorState, Verb } from './reflector-state.ts';
import { isPathSegment, resourceName } from './resource.ts';
import type { WatchEvent } from './watch-event.ts';
import { WatchGuard } from './watch-guard.ts';

export interface ReflectorOptions<T> {
  readonly client: ApiClient;
  readonly kind: ResourceKind;
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /**
   * What the owner keeps of an object; undefined: nothing, and then nothing is held of it here either. Where the answer would be another
   * one than before, call `refresh` for the object.
   */
  readonly keep: (object: StoredObject) => T | undefined;
  /** Changes in order, as many together as came together; never none. */
  readonly onChanges: (changes: readonly Change<T>[]) => void;
  readonly onState?: ((state: ReflectorState) => void) | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
}

export interface ReflectorCounts {
  lists: number;
  watches: number;
  events: number;
  /** Objects and lines that could not be read. */
  unreadable: number;
}

export const PAGE_SIZE = 500;
export const MIN_WATCH_SECONDS = 300;
export const MAX_WATCH_SECONDS = 600;
/** How soon it is looked again for what is absent or forbidden. */
export const SLOW_RETRY_MS = 60_000;
/** A watch that lived so long is a success, after which failures are counted anew. */
const STABLE_WATCH_MS = 5_000;
/** A watch that ends sooner is a failure, even if it ends in good order. */
const SHORT_WATCH_MS = 1_000;
/** So often in a row must a kind be missing before what is held of it is given up. */
const ABSENCES_TO_BELIEVE = 3;

export class Reflector<T> {
  readonly counts: ReflectorCounts = { lists: 0, watches: 0, events: 0, unreadable: 0 };
  readonly #options: ReflectorOptions<T>;
  readonly #log: Logger;
  readonly #set: ReflectedSet<T>;
  readonly #stopping = new AbortController();
  readonly #pause: Pause;
  readonly #backoff: Backoff;
  #state: ReflectorState = { kind: 'listing' };
  #hasSynced = false;
  #versionIndex = 0;
  #absences = 0;
  #verb: Verb = 'list';
  #mustList = true;
  /** From where to watch, when a list is not needed. */
  #resourceVersion = '';
  #guard: WatchGuard | undefined = undefined;
  #running: Promise<void> | undefined = undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#log = options.logger.child({ resource: resourceName(options.kind), namespace: options.namespace });
    this.#set = new ReflectedSet(options.kind, options.keep);
    this.#pause = new Pause(options.clock);
    this.#backoff = new Backoff(options.random);
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Whether all objects have been told of once. Stays true. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** The version of the kind that the server is asked for: the first that it serves. */
  get version(): string {
    const { versions } = this.#options.kind;
    return versions[this.#versionIndex] ?? versions[0];
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Its state is the last thing that is told; resolves when all is at rest. */
  async stop(): Promise<void> {
    this.#setState({ kind: 'stopped' });
    this.#stopping.abort();
    this.#pause.close();
    await this.#running;
  }

  /** Ends a wait between two tries: a CRD or a role has changed. */
  retry(): void {
    this.#pause.end();
  }

  /** Looks at one object anew, as `keep` may say something else of it now. Where that fails, all objects are listed. */
  async refresh({ name, namespace }: ObjectName): Promise<void> {
    // References may hold what can be no name; there is nothing to look for then.
    if (!isPathSegment(name) || (namespace !== undefined && !isPathSegment(namespace))) return;
    const { client, kind } = this.#options;
    const { signal } = this.#stopping;
    const look = (): Promise<KubernetesObject | undefined> =>
      client.get<KubernetesObject>(kind, { name, namespace, version: this.version, signal }).catch((error: unknown) => {
        if (hasStatus(error, 404)) return undefined;
        throw error;
      });
    try {
      this.#report([await this.#set.lookUp({ name, namespace }, look)]);
    } catch (error) {
      this.#mustList = true;
      this.#guard?.end(new ApiError('unreachable', `a look-up failed: ${String(error)}`));
    }
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (this.#mustList) await this.#list();
        await this.#watch();
      } catch (error) {
        if (!this.#stopping.signal.aborted) await this.#recover(error);
      }
    }
  }

  async #list(): Promise<void> {
    this.#verb = 'list';
    this.#mustList = false;
    this.counts.lists++;
    const { client, kind } = this.#options;
    const selection = { ...this.#selection(), signal: this.#stopping.signal };
    let limit = PAGE_SIZE;
    let page: ListPage | undefined = undefined;
    this.#set.beginList();
    do {
      try {
        page = await client.list(kind, { ...selection, limit, continue: page?.continue });
      } catch (error) {
        // Objects that are too large together may not be a few at a time.
        if (!isTooLarge(error) || limit === 1) throw error;
        limit = Math.ceil(limit / 8);
        continue;
      }
      this.#report(page.items.map((item) => this.#putUnchecked(item)));
    } while (page?.continue !== undefined || page === undefined);
    this.#report(this.#set.endList());
    this.#resourceVersion = page.resourceVersion;
    this.#absences = 0;
    this.#hasSynced = true;
    this.#setState({ kind: 'synced' });
  }

  /** Returns when the watch ended in good order. */
  async #watch(): Promise<void> {
    this.#verb = 'watch';
    this.counts.watches++;
    const { client, clock, kind, random } = this.#options;
    const timeoutSeconds = MIN_WATCH_SECONDS + Math.floor(random() * (MAX_WATCH_SECONDS - MIN_WATCH_SECONDS));
    const startedAtMs = clock.nowMs();
    const guard = new WatchGuard(clock, this.#stopping.signal);
    this.#guard = guard;
    try {
      const options = { ...this.#selection(), resourceVersion: this.#resourceVersion, timeoutSeconds };
      const batches = await client.watch(kind, { ...options, signal: guard.signal });
      this.#setState({ kind: 'synced' });
      for await (const events of batches) {
        guard.heard();
        this.#apply(events);
      }
      if (clock.nowMs() - startedAtMs < SHORT_WATCH_MS) throw new ApiError('unreachable', 'the watch ended at once');
    } finally {
      guard.release();
      this.#guard = undefined;
      if (clock.nowMs() - startedAtMs >= STABLE_WATCH_MS) this.#backoff.reset();
    }
  }

  /** @throws ApiError for an ERROR event, when those before it have been applied. */
  #apply(events: readonly WatchEvent[]): void {
    const end = events.findIndex(({ type }) => type === 'ERROR');
    const changes = (end === -1 ? events : events.slice(0, end)).map((event) => this.#changeOf(event));
    this.#report(changes);
    const last = events[end];
    if (last?.type === 'ERROR') throw last.error;
  }

  #changeOf(event: WatchEvent): Change<T> | undefined {
    this.counts.events++;
    switch (event.type) {
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        this.#resourceVersion = event.object.metadata.resourceVersion;
        return this.#put(event.object, event.type === 'DELETED');
      case 'BOOKMARK':
        this.#resourceVersion = event.resourceVersion;
        return undefined;
      case 'UNREADABLE':
        // What it was about is learnt from a list, but only after this watch: the next event is likely to be as unreadable.
        this.#mustList = true;
        return this.#skip(event.problem);
      case 'ERROR':
        return undefined;
    }
  }

  #putUnchecked(item: unknown): Change<T> | undefined {
    const object = readStoredObject(item, this.#options.kind);
    return object === undefined ? this.#skip('a list holds an object without name or version') : this.#put(object);
  }

  #put(object: StoredObject, isDeleted = false): Change<T> | undefined {
    try {
      return this.#set.put(object, isDeleted);
    } catch (error) {
      return this.#skip(`an object has an unexpected shape: ${String(error)}`);
    }
  }

  #skip(problem: string): undefined {
    if (this.counts.unreadable++ === 0) this.#log.warn(`skipped, and from now on only counted: ${problem}`);
  }

  async #recover(error: unknown): Promise<void> {
    const { kind, namespace, random } = this.#options;
    if (this.#verb === 'list' || !canResume(error)) this.#mustList = true;
    if (hasStatus(error, 404) && this.#chooseNextVersion()) return;
    const isFirst = this.#backoff.failures === 0;
    let state = stateAfter(error, this.#verb, kind, namespace);
    if (state.kind === 'absent') {
      if (this.#set.size > 0 && ++this.#absences < ABSENCES_TO_BELIEVE) state = { ...state, kind: 'failing' };
      else this.#report(this.#set.clear());
    }
    const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : undefined;
    const delayMs = state.kind === 'failing' ? this.#backoff.nextMs(retryAfterMs) : jitter(SLOW_RETRY_MS, random);
    // A version grows too old now and then; that is no failure.
    if (isGone(error) && isFirst) return;
    this.#setState(state);
    await this.#pause.wait(delayMs);
  }

  #chooseNextVersion(): boolean {
    this.#versionIndex = (this.#versionIndex + 1) % this.#options.kind.versions.length;
    return this.#versionIndex > 0;
  }

  #selection(): Selection {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return { namespace, labelSelector, fieldSelector, version: this.version };
  }

  #report(changes: readonly (Change<T> | undefined)[]): void {
    const known = changes.filter((change) => change !== undefined);
    if (known.length === 0 || this.#stopping.signal.aborted) return;
    try {
      this.#options.onChanges(known);
    } catch (error) {
      this.#log.error({ err: error }, 'changes could not be taken over: a defect');
    }
  }

  #setState(state: ReflectorState): void {
    const { kind: before } = this.#state;
    if (before === 'stopped' || (before === state.kind && before !== 'failing')) return;
    this.#state = state;
    if (before !== state.kind) this.#logState(state);
    this.#options.onState?.(state);
  }

  #logState(state: ReflectorState): void {
    if (state.kind === 'failing' || state.kind === 'forbidden') this.#log.warn(state.message);
    else this.#log.info('message' in state ? state.message : state.kind);
  }
}
