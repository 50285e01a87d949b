// The backendRefs of one route: kind, then permission, then existence, so that nothing is told about what a route may not see.
import type { BackendObjectReference, BackendRef } from '../api/generated/shared.ts';
import { GATEWAY_GROUP, SLUICE_GROUP } from '../api/kinds.ts';
import type { WeightedBackend } from '../ir/route.ts';
import type { BackendTraffic } from './backend-protocol.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import { kindName } from './quote.ts';
import { isReferenceGranted } from './reference-grant.ts';
import { backendKindNotSupported, backendNotPermitted, backendNotUsable } from './route-condition.ts';
import type { RouteKind, RouteObject } from './route-model.ts';

const TRAFFIC_OF_KIND: Readonly<Record<RouteKind, BackendTraffic>> = {
  HTTPRoute: 'http',
  GRPCRoute: 'grpc',
  TLSRoute: 'stream',
  TCPRoute: 'stream',
  UDPRoute: 'datagram',
};

/** Resolves the references of one route and remembers what was wrong with them. */
export class BackendResolver {
  readonly #reader: FactReader;
  readonly #kind: RouteKind;
  readonly #namespace: string;
  readonly #problems: Problem[] = [];
  readonly #targets = new Set<string>();

  constructor(reader: FactReader, { kind, metadata }: RouteObject) {
    this.#reader = reader;
    this.#kind = kind;
    this.#namespace = metadata.namespace;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** `kind/namespace/name` of all that policies decide about, whether or not it could be had: not where datagrams go. */
  get targets(): readonly string[] {
    return [...this.#targets];
  }

  /** The share of a rule's traffic that a reference gets. */
  resolveWeighted(ref: BackendRef, field: string): Omit<WeightedBackend, 'filters'> {
    const cluster = this.resolve(ref, field);
    const key = objectKey(ref.namespace ?? this.#namespace, ref.name);
    return {
      name: ref.port === undefined ? key : `${key}:${ref.port}`,
      weight: ref.weight,
      ...(cluster === undefined ? {} : { cluster }),
    };
  }

  /** The key of the cluster; undefined where the reference is broken. */
  resolve(ref: BackendObjectReference, field: string): string | undefined {
    if (!isBackendKind(ref)) return this.#fail(backendKindNotSupported(field, kindName(ref)));
    const { group, kind, name, port } = ref;
    const namespace = ref.namespace ?? this.#namespace;
    const from = { group: GATEWAY_GROUP, kind: this.#kind, namespace: this.#namespace };
    if (!isReferenceGranted(this.#reader, from, { group, kind, namespace, name }))
      return this.#fail(backendNotPermitted(field, kind, objectKey(namespace, name), from));
    const traffic = TRAFFIC_OF_KIND[this.#kind];
    const target = targetKey(kind, namespace, name);
    if (traffic !== 'datagram') this.#targets.add(target);
    const withPort = kind === 'Service' && port !== undefined ? `${target}/${port}` : target;
    const { cluster, problem } = this.#reader.get('backendTarget', `${traffic}/${withPort}`);
    return problem === undefined ? cluster : this.#fail(backendNotUsable(field, problem));
  }

  #fail(problem: Problem): undefined {
    this.#problems.push(problem);
  }
}

/** Whether objects of that kind can be backends. */
export function isBackendKind({ group, kind }: { readonly group: string; readonly kind: string }): boolean {
  return (group === '' && kind === 'Service') || (group === SLUICE_GROUP && kind === 'Backend');
}
