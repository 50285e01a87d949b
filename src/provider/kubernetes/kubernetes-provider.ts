// Configuration from an API server: all objects that can matter, followed by a reflector for each kind (and namespace). What an object asks
// for goes on as a change; what its status says stays here, for the writer of statuses. Of Secrets and ConfigMaps only those are
// held that somebody names.
import type { KubernetesObject } from '../../api/object.ts';
import { CUSTOM_RESOURCES, GATEWAY_GROUP, KINDS, SLUICE_GROUP } from '../../api/kinds.ts';
import type { ResourceKind } from '../../api/schema.ts';
import type { InstalledCrd } from '../../gatewayapi/facts.ts';
import type { ObjectIdentity } from '../../gatewayapi/resources.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { Clock } from '../../kubernetes/clock.ts';
import type { StoredObject } from '../../kubernetes/object-reading.ts';
import type { Change as ReflectedChange, ObjectName } from '../../kubernetes/reflected-set.ts';
import { Reflector } from '../../kubernetes/reflector.ts';
import type { ReflectorState } from '../../kubernetes/reflector-state.ts';
import { CUSTOM_RESOURCE_DEFINITION } from '../../kubernetes/resource.ts';
import type { Logger } from '../../observability/process-log.ts';
import { formatPath } from '../../validation/problem.ts';
import { createValidator } from '../../validation/validator.ts';
import { shareStructure } from '../../lib/shared-structure.ts';
import { liveKey } from './live-objects.ts';
import type { LiveObject, LiveObjects } from './live-objects.ts';

export interface KubernetesChange {
  readonly put: readonly KubernetesObject[];
  readonly remove: readonly ObjectIdentity[];
}

export interface KubernetesProviderOptions {
  readonly client: ApiClient;
  /** Absent: all of the cluster. */
  readonly namespaces?: readonly string[] | undefined;
  readonly live: LiveObjects;
  readonly onChange: (change: KubernetesChange) => void;
  /** A status, or what it is of, is another one. */
  readonly onLive: (key: string) => void;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Kinds of which a cluster has many that are nobody's business here. */
export type DemandedKind = 'Secret' | 'ConfigMap';
export const DEMANDED_KINDS: readonly DemandedKind[] = ['Secret', 'ConfigMap'];

/** An API server that just learnt of a CRD may not serve its kind yet. */
const CRD_SETTLING_MS = 3_000;
const RECOVERY_MS = 500;
const GROUPS_OF_CRDS: ReadonlySet<string> = new Set([GATEWAY_GROUP, SLUICE_GROUP]);
const BUNDLE_VERSION = 'gateway.networking.k8s.io/bundle-version';
const CHANNEL = 'gateway.networking.k8s.io/channel';

type WithStatus = StoredObject & { readonly status?: LiveObject['status'] };

/** What is kept of an object: what it asks for, or why that can't be told. */
interface Kept {
  readonly object?: KubernetesObject;
  readonly problem?: string;
}

export class KubernetesProvider {
  readonly #options: KubernetesProviderOptions;
  readonly #validator = createValidator();
  readonly #reflectors: Reflector<unknown>[] = [];
  readonly #demanded: Readonly<Record<DemandedKind, Reflector<unknown>[]>> = { Secret: [], ConfigMap: [] };
  /** By kind: `namespace/name`. */
  readonly #wanted: Record<DemandedKind, ReadonlySet<string>> = { Secret: new Set(), ConfigMap: new Set() };
  readonly #crds = new Map<string, InstalledCrd>();
  /** By liveKey(): what came last. */
  readonly #kept = new Map<string, Kept>();
  /** By liveKey(): what was told of. */
  readonly #passed = new Map<string, Kept>();
  #givenAddresses: ReadonlyMap<string, unknown> = new Map();
  readonly #settled = Promise.withResolvers<void>();
  /** Until the first state is complete. */
  #isComplete = false;
  /** By the state that it is for. */
  readonly #cancelRetry = new Map<ReflectorState['kind'], () => void>();

  constructor(options: KubernetesProviderOptions) {
    this.#options = options;
    for (const kind of KINDS) this.#follow(kind);
    this.#followCrds();
  }

  /** Of Gateway API and of our own. */
  get installedCrds(): readonly InstalledCrd[] {
    return [...this.#crds.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Resolves with what there is; from then on, onChange is told what changes. It takes as long as the API server does. */
  async start(): Promise<KubernetesChange> {
    for (const reflector of this.#reflectors) reflector.start();
    await this.#settled.promise;
    this.#isComplete = true;
    return { put: [...this.#passed.values()].flatMap(({ object }) => object ?? []), remove: [] };
  }

  async close(): Promise<void> {
    for (const cancel of this.#cancelRetry.values()) cancel();
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /** As it was told of; by `kind/namespace/name`. */
  object(key: string): KubernetesObject | undefined {
    return this.#passed.get(key)?.object;
  }

  /** From now on these Secrets or ConfigMaps are held, and no others. Resolves when those that are new have been looked at. */
  async demand(kind: DemandedKind, keys: ReadonlySet<string>): Promise<void> {
    const before = this.#wanted[kind];
    const changed = [...keys.symmetricDifference(before)];
    if (changed.length === 0) return;
    this.#wanted[kind] = keys;
    await Promise.all(
      changed.flatMap((key) => {
        const [namespace = '', name = ''] = key.split('/');
        return this.#reflectorsOf(kind, namespace).map((reflector) => reflector.refresh({ namespace, name }));
      }),
    );
  }

  #reflectorsOf(kind: DemandedKind, namespace: string): readonly Reflector<unknown>[] {
    const index = this.#options.namespaces?.indexOf(namespace) ?? 0;
    const reflector = this.#demanded[kind][index];
    return reflector === undefined ? [] : [reflector];
  }

  #follow(kind: ResourceKind): void {
    const { namespaces, ...rest } = this.#options;
    for (const namespace of kind.namespaced ? (namespaces ?? [undefined]) : [undefined]) {
      const reflector: Reflector<Kept> = new Reflector<Kept>({
        client: rest.client,
        kind,
        namespace,
        keep: (object) => this.#keep(object),
        onChanges: (changes) => this.#onChanges(kind, changes),
        onState: (state) => this.#onState(state),
        logger: rest.logger,
        clock: rest.clock,
        random: rest.random,
      });
      this.#reflectors.push(reflector as Reflector<unknown>);
      if (kind.kind === 'Secret' || kind.kind === 'ConfigMap')
        this.#demanded[kind.kind].push(reflector as Reflector<unknown>);
    }
  }

  #followCrds(): void {
    const { client, logger, clock, random } = this.#options;
    const reflector = new Reflector<InstalledCrd>({
      client,
      kind: CUSTOM_RESOURCE_DEFINITION,
      keep: readCrd,
      onChanges: (changes) => this.#onCrds(changes),
      onState: (state) => this.#onState(state),
      logger,
      clock,
      random,
    });
    this.#reflectors.push(reflector as Reflector<unknown>);
  }

  #keep(stored: StoredObject): Kept | undefined {
    const { kind, metadata } = stored;
    const name = `${metadata.namespace}/${metadata.name}`;
    if ((kind === 'Secret' || kind === 'ConfigMap') && !this.#wanted[kind].has(name)) return undefined;
    const key = liveKey(stored);
    const before = this.#kept.get(key);
    if (STATUS_KINDS.has(kind) && !this.#noteLive(stored) && before !== undefined) return before;
    const kept = shareStructure(before, this.#read(stored));
    this.#kept.set(key, kept);
    return kept;
  }

  #read(stored: StoredObject): Kept {
    const result = this.#validator.validate(stored);
    switch (result.outcome) {
      case 'valid':
        return { object: this.#withServerFields(result.object, stored) };
      case 'invalid':
        return { problem: result.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`).join('; ') };
      case 'unrelated':
        return { problem: `${stored.apiVersion} ${stored.kind} is no kind of ours` };
    }
  }

  /**
   * What Gateways were given, by liveKey(), counts from now on: their statuses say so only when they were written, and until then a Gateway
   * that came or went would shift the addresses of others. Of a replica that writes no statuses: nothing.
   */
  adoptAddresses(given: ReadonlyMap<string, unknown>): void {
    this.#givenAddresses = given;
    const put: KubernetesObject[] = [];
    for (const [key, addresses] of given) {
      const before = this.#passed.get(key)?.object;
      if (before === undefined) continue;
      const object = shareStructure<KubernetesObject>(before, withAddresses(before, addresses));
      if (object === before) continue;
      const kept = { object };
      this.#kept.set(key, kept);
      this.#passed.set(key, kept);
      put.push(object);
    }
    if (put.length > 0) this.#options.onChange({ put, remove: [] });
  }

  /** What validation drops, as in a manifest it would mean nothing. Of statuses, only the addresses of a Gateway are ever read. */
  #withServerFields(object: KubernetesObject, stored: WithStatus): KubernetesObject {
    const { uid, generation, deletionTimestamp } = stored.metadata;
    const isGateway = object.kind === 'Gateway';
    const key = liveKey(stored);
    const isKnown = isGateway && this.#passed.get(key)?.object?.metadata.uid === uid;
    const addresses = isGateway
      ? ((isKnown ? this.#givenAddresses.get(key) : undefined) ?? stored.status?.['addresses'])
      : undefined;
    const metadata = {
      ...object.metadata,
      ...(uid === undefined ? {} : { uid }),
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    };
    return addresses === undefined ? { ...object, metadata } : withAddresses({ ...object, metadata }, addresses);
  }

  /** Returns whether anything but the status is other than before. */
  #noteLive(stored: StoredObject): boolean {
    const { live, onLive } = this.#options;
    const { apiVersion, kind, metadata, status = {} } = stored as WithStatus;
    const hasChanged = live.put({ apiVersion, kind, metadata, status });
    if (this.#isComplete) onLive(liveKey(stored));
    return hasChanged;
  }

  /** Of several changes of one object, the last one counts. */
  #onChanges({ kind }: ResourceKind, changes: readonly ReflectedChange<Kept>[]): void {
    const latest = new Map<string, ReflectedChange<Kept>>();
    for (const change of changes) latest.set(keyOf(kind, change), change);
    const put: KubernetesObject[] = [];
    const remove: ObjectIdentity[] = [];
    for (const [key, change] of latest) {
      const before = this.#passed.get(key);
      const now = change.kind === 'upsert' ? change.object : undefined;
      if (now === undefined) this.#forget(key);
      else this.#passed.set(key, now);
      if (now === before) continue;
      if (now?.problem !== undefined)
        this.#options.logger.warn({ object: key }, `the object is ignored: ${now.problem}`);
      if (now?.object !== undefined) put.push(now.object);
      else if (before?.object !== undefined) remove.push({ kind, namespace: change.namespace, name: change.name });
    }
    if (this.#isComplete && put.length + remove.length > 0) this.#options.onChange({ put, remove });
  }

  #forget(key: string): void {
    this.#passed.delete(key);
    this.#kept.delete(key);
    this.#options.live.delete(key);
  }

  #onCrds(changes: readonly ReflectedChange<InstalledCrd>[]): void {
    for (const change of changes) {
      if (change.kind === 'delete') this.#crds.delete(change.name);
      else this.#crds.set(change.name, change.object);
    }
    // What was absent may be there now.
    this.#retry('absent');
    this.#retryLater('absent', CRD_SETTLING_MS);
    if (this.#isComplete) this.#options.onChange({ put: [], remove: [] });
  }

  #retry(kind: ReflectorState['kind']): void {
    for (const reflector of this.#reflectors) if (reflector.state.kind === kind) reflector.retry();
  }

  #retryLater(kind: ReflectorState['kind'], delayMs: number): void {
    this.#cancelRetry.get(kind)?.();
    this.#cancelRetry.set(
      kind,
      this.#options.clock.after(delayMs, () => this.#retry(kind)),
    );
  }

  #onState({ kind }: ReflectorState): void {
    // What kept the others from the API server is likely to be over, too.
    if (kind === 'synced') this.#retryLater('failing', RECOVERY_MS);
    this.#checkSettled();
  }

  /** A kind that is not there, or may not be read, keeps nobody waiting: what it would have said is missing, as the log tells. */
  #checkSettled(): void {
    const isSettled = this.#reflectors.every(
      ({ hasSynced, state }) => hasSynced || state.kind === 'absent' || state.kind === 'forbidden',
    );
    if (isSettled) this.#settled.resolve();
  }
}

/** The kinds that have a status of ours. */
export const STATUS_KINDS: ReadonlyMap<string, ResourceKind> = new Map(
  CUSTOM_RESOURCES.map((kind) => [kind.kind, kind]),
);

function keyOf(kind: string, { namespace, name }: ObjectName): string {
  return liveKey({ kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } });
}

function withAddresses(object: KubernetesObject, addresses: unknown): KubernetesObject {
  return { ...object, status: { addresses } } as KubernetesObject;
}

function readCrd({ metadata, ...rest }: StoredObject): InstalledCrd | undefined {
  const { group } = (rest as { readonly spec?: { readonly group?: string } }).spec ?? {};
  if (group === undefined || !GROUPS_OF_CRDS.has(group)) return undefined;
  const { [BUNDLE_VERSION]: bundleVersion, [CHANNEL]: channel } = metadata.annotations ?? {};
  return {
    name: metadata.name,
    ...(bundleVersion === undefined ? {} : { bundleVersion }),
    ...(channel === undefined ? {} : { channel }),
  };
}
