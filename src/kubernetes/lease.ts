// Leader election by a Lease: at most one candidate leads. Nobody's clock is compared with another's: a lease has run out when it has
// not changed for its duration, seen from here. A leader that can't renew steps down before anybody else may take over.
import type { NamespacedObjectMeta } from '../api/object.ts';
import type { Logger } from '../observability/process-log.ts';
import { hasStatus } from './api-error.ts';
import type { ApiClient } from './api-client.ts';
import { jitter } from './backoff.ts';
import { Pause } from './clock.ts';
import type { Clock } from './clock.ts';
import { LEASE } from './resource.ts';

/** coordination.k8s.io/v1, with the fields that an election needs. */
export interface Lease {
  readonly apiVersion: 'coordination.k8s.io/v1';
  readonly kind: 'Lease';
  readonly metadata: NamespacedObjectMeta;
  readonly spec?: LeaseSpec;
}

export interface LeaseSpec {
  /** '' when it was released. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export interface LeaderElectionOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this candidate; unlike all others'. */
  readonly identity: string;
  readonly onLeading: () => void;
  /** What only a leader may do must have ended when this returns. */
  readonly onLost: () => void;
  /** Who leads, '' when nobody does. */
  readonly onLeader?: ((identity: string) => void) | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** A lease that does not change for so long is free. */
export const LEASE_DURATION_MS = 15_000;
/** A leader whose last renewal was begun so long ago leads no more; the rest of the duration is the margin. */
export const RENEW_DEADLINE_MS = 10_000;
export const RETRY_PERIOD_MS = 2_000;

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #stopping = new AbortController();
  readonly #pause: Pause;
  #observed: { readonly leader: string; readonly version: string | undefined; readonly atMs: number } = {
    leader: '',
    version: undefined,
    atMs: 0,
  };
  #isLeading = false;
  #renewedAtMs = -Infinity;
  #cancelDeadline: () => void = () => {};
  #attempt: AbortController | undefined = undefined;
  #running: Promise<void> | undefined = undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#pause = new Pause(options.clock);
  }

  /** Also false when the process was held up for so long that someone else may lead, before it could notice. */
  get isLeading(): boolean {
    return this.#isLeading && this.#options.clock.nowMs() - this.#renewedAtMs < RENEW_DEADLINE_MS;
  }

  /** The identity that was seen last; '' for none. */
  get leader(): string {
    return this.#observed.leader;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Steps down and gives the lease back, so that the next leader need not wait for its end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#attempt?.abort();
    this.#pause.close();
    await this.#running;
    this.#lose();
    await this.#release();
  }

  async #run(): Promise<void> {
    const { clock, random, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const startedAtMs = clock.nowMs();
      try {
        if (await this.#acquireOrRenew()) this.#renewed(startedAtMs);
      } catch (error) {
        if (!this.#stopping.signal.aborted) logger.warn({ err: error }, 'the lease could not be read or written');
      }
      await this.#pause.wait(jitter(RETRY_PERIOD_MS, random));
    }
  }

  /** Whether the lease is ours. */
  async #acquireOrRenew(): Promise<boolean> {
    const { client, clock, namespace, name, identity } = this.#options;
    const attempt = new AbortController();
    const { signal } = attempt;
    this.#attempt = attempt;
    const cancelTimeout = clock.after(RENEW_DEADLINE_MS, () => attempt.abort(new Error('no answer in time')));
    try {
      const lease = await this.#read(signal);
      const free = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name } } as const;
      if (lease === undefined) {
        this.#observe(await client.create(LEASE, { ...free, spec: this.#claim(undefined) }, { signal }));
        return true;
      }
      this.#observe(lease);
      const { leader } = this.#observed;
      if (leader !== identity && leader !== '' && !this.#hasRunOut(lease)) {
        if (this.#isLeading) this.#lose();
        return false;
      }
      const claimed = { ...lease, spec: { ...lease.spec, ...this.#claim(lease.spec) } };
      this.#observe(await client.update(LEASE, claimed, { signal }));
      return true;
    } catch (error) {
      // Someone else was faster; the next round shows who.
      if (hasStatus(error, 409)) return false;
      throw error;
    } finally {
      cancelTimeout();
    }
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get<Lease>(LEASE, { namespace, name, signal });
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  #claim(before: LeaseSpec | undefined): LeaseSpec {
    const { identity, clock } = this.#options;
    const now = microTime(clock.dateMs());
    const isOurs = before?.holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_DURATION_MS / 1_000,
      renewTime: now,
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (isOurs || before === undefined ? 0 : 1),
    };
  }

  #observe({ metadata, spec }: Lease): void {
    const leader = spec?.holderIdentity ?? '';
    const hasChanged = leader !== this.#observed.leader;
    if (metadata.resourceVersion !== this.#observed.version) {
      this.#observed = { leader, version: metadata.resourceVersion, atMs: this.#options.clock.nowMs() };
    }
    if (hasChanged) this.#options.onLeader?.(leader);
  }

  #hasRunOut({ spec }: Lease): boolean {
    const durationMs = (spec?.leaseDurationSeconds ?? LEASE_DURATION_MS / 1_000) * 1_000;
    return this.#options.clock.nowMs() - this.#observed.atMs >= durationMs;
  }

  /** Counts from before the request, as others count from after it. */
  #renewed(startedAtMs: number): void {
    const { clock, onLeading } = this.#options;
    const restMs = startedAtMs + RENEW_DEADLINE_MS - clock.nowMs();
    if (this.#stopping.signal.aborted || restMs <= 0) return;
    this.#renewedAtMs = startedAtMs;
    this.#cancelDeadline();
    this.#cancelDeadline = clock.after(restMs, () => this.#lose());
    if (this.#isLeading) return;
    this.#isLeading = true;
    this.#options.logger.info('leading');
    onLeading();
  }

  #lose(): void {
    this.#cancelDeadline();
    if (!this.#isLeading) return;
    this.#isLeading = false;
    this.#options.logger.info('leading no more');
    this.#options.onLost();
  }

  async #release(): Promise<void> {
    const { client, identity, logger, clock } = this.#options;
    const signal = AbortSignal.timeout(RETRY_PERIOD_MS);
    try {
      const lease = await this.#read(signal);
      if (lease === undefined || lease.spec?.holderIdentity !== identity) return;
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(clock.dateMs()) };
      await client.update(LEASE, { ...lease, spec }, { signal });
    } catch (error) {
      logger.warn({ err: error }, 'the lease could not be given back; it runs out by itself');
    }
  }
}

/** metav1.MicroTime. */
export function microTime(dateMs: number): string {
  return new Date(dateMs).toISOString().replace('Z', '000Z');
}
