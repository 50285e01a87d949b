// Writes Events about objects: what a human should see in `kubectl describe`. Best effort, and bounded in every way: what happens again
// is counted in one Event, and what comes too fast or can't be written is dropped and counted.
import { randomUUID } from 'node:crypto';
import type { KubernetesObject, ObjectMeta } from '../api/object.ts';
import type { Logger } from '../observability/process-log.ts';
import type { ApiClient } from './api-client.ts';
import { Pause } from './clock.ts';
import type { Clock } from './clock.ts';
import { DEFAULT_NAMESPACE } from './cluster-access.ts';
import { microTime } from './lease.ts';
import { EVENT } from './resource.ts';

export interface Occurrence {
  readonly regarding: KubernetesObject;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, a closed set. */
  readonly reason: string;
  /** What Sluice did or tried; CamelCase. */
  readonly action: string;
  /** For people. */
  readonly note: string;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  /** `sluice.dev/gateway-controller` */
  readonly controller: string;
  /** The pod's name. */
  readonly instance: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Events that are remembered, so that a repetition is counted and not written anew. */
export const MAX_REMEMBERED_EVENTS = 1_024;
/** Writes that wait. */
export const MAX_WAITING_EVENTS = 256;
/** The pace of writes, after a burst. */
export const WRITES_PER_SECOND = 2;
export const WRITE_BURST = 25;
/** How often the count of one Event is written. */
export const COUNT_INTERVAL_MS = 60_000;
/** Different Events of one object in the time of COUNT_INTERVAL_MS. */
export const MAX_EVENTS_PER_OBJECT = 10;
/** An Event that was not repeated for so long is forgotten; API servers keep Events for an hour. */
const MEMORY_MS = 1_800_000;

interface RememberedEvent {
  readonly occurrence: Occurrence;
  readonly name: string;
  readonly namespace: string;
  readonly firstAtMs: number;
  lastAtMs: number;
  count: number;
  isWritten: boolean;
  isWaiting: boolean;
  writtenAtMs: number;
}

const WRITE_INTERVAL_MS = 1_000 / WRITES_PER_SECOND;
/** Bounds of the API, in bytes where that matters. */
const MAX_NOTE_BYTES = 1_020;
const MAX_INSTANCE_CHARACTERS = 128;
const MAX_NAME_CHARACTERS = 230;

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #remembered = new Map<string, RememberedEvent>();
  readonly #waiting: RememberedEvent[] = [];
  readonly #stopping = new AbortController();
  readonly #pause: Pause;
  #writing: Promise<void> | undefined = undefined;
  /** When a write would be due if they were spread evenly. */
  #pacedUntilMs = -Infinity;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }

  /** Occurrences that became no Event, and counts that were not written. */
  get dropped(): number {
    return this.#dropped;
  }

  record(occurrence: Occurrence): void {
    if (this.#stopping.signal.aborted) return;
    const nowMs = this.#options.clock.nowMs();
    const key = keyOf(occurrence);
    const known = this.#remembered.get(key);
    if (known === undefined || nowMs - known.lastAtMs > MEMORY_MS) {
      if (this.#recentOf(occurrence, nowMs) >= MAX_EVENTS_PER_OBJECT) this.#dropped++;
      else this.#enqueue(this.#remember(key, occurrence, nowMs));
      return;
    }
    known.count++;
    known.lastAtMs = nowMs;
    if (!known.isWaiting && nowMs - known.writtenAtMs >= COUNT_INTERVAL_MS) this.#enqueue(known);
  }

  /** What waits is given up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#pause.close();
    await this.#writing;
  }

  #remember(key: string, occurrence: Occurrence, nowMs: number): RememberedEvent {
    const { name, namespace = DEFAULT_NAMESPACE } = occurrence.regarding.metadata;
    const event: RememberedEvent = {
      occurrence,
      name: eventName(name),
      namespace,
      firstAtMs: nowMs,
      lastAtMs: nowMs,
      count: 1,
      isWritten: false,
      isWaiting: false,
      writtenAtMs: -Infinity,
    };
    this.#remembered.delete(key);
    this.#remembered.set(key, event);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED_EVENTS && oldest !== undefined) this.#remembered.delete(oldest);
    return event;
  }

  #recentOf({ regarding }: Occurrence, nowMs: number): number {
    const object = objectKey(regarding);
    let count = 0;
    for (const { occurrence, firstAtMs } of this.#remembered.values()) {
      if (nowMs - firstAtMs < COUNT_INTERVAL_MS && objectKey(occurrence.regarding) === object) count++;
    }
    return count;
  }

  #enqueue(event: RememberedEvent): void {
    if (this.#waiting.length >= MAX_WAITING_EVENTS) {
      this.#forget(event);
      return;
    }
    event.isWaiting = true;
    this.#waiting.push(event);
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
  }

  async #writeAll(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const event = this.#waiting.shift();
      if (event === undefined) return;
      event.isWaiting = false;
      try {
        await this.#write(event);
      } catch (error) {
        if (!this.#stopping.signal.aborted) logger.debug({ err: error }, 'an Event could not be written');
        this.#forget(event);
      }
      const nowMs = clock.nowMs();
      this.#pacedUntilMs = Math.max(nowMs, this.#pacedUntilMs) + WRITE_INTERVAL_MS;
      const waitMs = this.#pacedUntilMs - nowMs - (WRITE_BURST - 1) * WRITE_INTERVAL_MS;
      if (waitMs > 0) await this.#pause.wait(waitMs);
    }
  }

  async #write(event: RememberedEvent): Promise<void> {
    const { client, clock } = this.#options;
    const { name, namespace, count, isWritten } = event;
    const { signal } = this.#stopping;
    event.writtenAtMs = clock.nowMs();
    if (!isWritten) {
      await client.create(EVENT, this.#body(event), { signal });
      event.isWritten = true;
    } else {
      const series = { count, lastObservedTime: microTime(clock.dateMs()) };
      await client.mergePatch(EVENT, { name, namespace }, { series }, { signal });
    }
  }

  #body({ occurrence, name, namespace }: RememberedEvent): KubernetesObject {
    const { controller, instance, clock } = this.#options;
    const { regarding, type, reason, action, note } = occurrence;
    const { uid, resourceVersion } = regarding.metadata;
    const event = {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace },
      eventTime: microTime(clock.dateMs()),
      reportingController: controller,
      reportingInstance: instance.slice(0, MAX_INSTANCE_CHARACTERS),
      action,
      reason,
      type,
      note: Buffer.from(note).subarray(0, MAX_NOTE_BYTES).toString(),
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name: regarding.metadata.name,
        namespace: regarding.metadata.namespace,
        uid,
        resourceVersion,
      },
    };
    return event;
  }

  /** Happening again, it is tried anew. */
  #forget({ occurrence }: RememberedEvent): void {
    this.#remembered.delete(keyOf(occurrence));
    this.#dropped++;
  }
}

function keyOf({ regarding, type, reason, action, note }: Occurrence): string {
  return JSON.stringify([objectKey(regarding), type, reason, action, note]);
}

function objectKey({ kind, metadata }: KubernetesObject): string {
  const { uid, namespace = '', name }: ObjectMeta = metadata;
  return `${kind} ${namespace}/${name} ${uid ?? ''}`;
}

/** Unique, and a name that an Event may have whatever the object is called. */
function eventName(name: string): string {
  const stem = name
    .replace(/[^a-z0-9.-]/g, '-')
    .slice(0, MAX_NAME_CHARACTERS)
    .replace(/[.-]+$/, '');
  return `${stem}.${randomUUID().replaceAll('-', '').slice(0, 16)}`;
}
