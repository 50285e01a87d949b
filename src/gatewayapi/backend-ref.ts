// The backendRefs of one route: kind, then permission, then existence, so that nothing is told about what a route may not see.
import type { BackendObjectReference } from '../api/generated/shared.ts';
import { GATEWAY_GROUP, SLUICE_GROUP } from '../api/kinds.ts';
import type { FactReader } from './facts.ts';
import { objectKey, targetKey } from './object-key.ts';
import type { Problem } from './object-status.ts';
import { kindName } from './quote.ts';
import { isReferenceGranted } from './reference-grant.ts';
import { backendKindNotSupported, backendNotPermitted, backendNotUsable } from './route-condition.ts';

/** Resolves the references of one route and remembers what was wrong with them. */
export class BackendResolver {
  readonly #reader: FactReader;
  readonly #namespace: string;
  readonly #problems: Problem[] = [];
  readonly #targets = new Set<string>();

  constructor(reader: FactReader, routeNamespace: string) {
    this.#reader = reader;
    this.#namespace = routeNamespace;
  }

  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** `kind/namespace/name` of all that was asked for, whether or not it could be had. */
  get targets(): readonly string[] {
    return [...this.#targets];
  }

  /** The key of the cluster; undefined where the reference is broken. */
  resolve(ref: BackendObjectReference, field: string): string | undefined {
    if (!isBackendKind(ref)) return this.#fail(backendKindNotSupported(field, kindName(ref)));
    const { group, kind, name, port } = ref;
    const namespace = ref.namespace ?? this.#namespace;
    const from = { group: GATEWAY_GROUP, kind: 'HTTPRoute', namespace: this.#namespace };
    if (!isReferenceGranted(this.#reader, from, { group, kind, namespace, name }))
      return this.#fail(backendNotPermitted(field, kind, objectKey(namespace, name), this.#namespace));
    const target = targetKey(kind, namespace, name);
    this.#targets.add(target);
    const withPort = kind === 'Service' && port !== undefined ? `${target}/${port}` : target;
    const { cluster, problem } = this.#reader.get('backendTarget', withPort);
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

/** `namespace/name[:port]`: how a backend is called in logs and metrics. */
export function backendName(ref: BackendObjectReference, routeNamespace: string): string {
  const key = objectKey(ref.namespace ?? routeNamespace, ref.name);
  return ref.port === undefined ? key : `${key}:${ref.port}`;
}
