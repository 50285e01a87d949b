// The kinds that only a cluster has, beside those of src/api, and the paths under which the API server serves a kind.
import { KINDS } from '../api/kinds.ts';
import type { ResourceKind } from '../api/schema.ts';

const EXPERIMENTAL_GATEWAY_GROUP = 'gateway.networking.x-k8s.io';

export const X_BACKEND: ResourceKind = {
  group: EXPERIMENTAL_GATEWAY_GROUP,
  versions: ['v1alpha1'],
  kind: 'XBackend',
  plural: 'xbackends',
  namespaced: true,
};

export const X_BACKEND_TRAFFIC_POLICY: ResourceKind = {
  group: EXPERIMENTAL_GATEWAY_GROUP,
  versions: ['v1alpha1'],
  kind: 'XBackendTrafficPolicy',
  plural: 'xbackendtrafficpolicies',
  namespaced: true,
};

export const CUSTOM_RESOURCE_DEFINITION: ResourceKind = {
  group: 'apiextensions.k8s.io',
  versions: ['v1'],
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** All kinds whose objects can matter to the translator, or say which of them there are. */
export const WATCHED_KINDS: readonly ResourceKind[] = [
  ...KINDS,
  X_BACKEND,
  X_BACKEND_TRAFFIC_POLICY,
  CUSTOM_RESOURCE_DEFINITION,
];

export const LEASE: ResourceKind = {
  group: 'coordination.k8s.io',
  versions: ['v1'],
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export const EVENT: ResourceKind = {
  group: 'events.k8s.io',
  versions: ['v1'],
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

export interface ResourceScope {
  /** One of the kind's versions, by default the first. */
  readonly version?: string | undefined;
  /** Absent: the whole cluster. */
  readonly namespace?: string | undefined;
}

export interface ObjectScope extends ResourceScope {
  readonly name: string;
  readonly subresource?: 'status' | undefined;
}

/** `gateway.networking.k8s.io/v1`, or `v1` of the core group. */
export function apiVersionOf({ group, versions }: ResourceKind, version: string = versions[0]): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of all objects of a kind, in a namespace or in all. */
export function collectionPath(kind: ResourceKind, { version, namespace }: ResourceScope = {}): string {
  const root = kind.group === '' ? '/api' : '/apis';
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace)}` : '';
  return `${root}/${apiVersionOf(kind, version)}${scope}/${kind.plural}`;
}

/** The path of one object. @throws TypeError where a name can't be part of a path; see isPathSegment. */
export function objectPath(kind: ResourceKind, { name, subresource, ...scope }: ObjectScope): string {
  if (kind.namespaced && scope.namespace === undefined) throw new TypeError(`${kind.kind} ${name} has no namespace`);
  const suffix = subresource === undefined ? '' : `/${subresource}`;
  return `${collectionPath(kind, scope)}/${segment(name)}${suffix}`;
}

/** Whether an object can have this name at all. References to objects may hold any text: Gateway API only bounds its length. */
export function isPathSegment(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name);
}

function segment(name: string): string {
  if (!isPathSegment(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of an object`);
  return encodeURIComponent(name);
}

/** How people name it: `httproutes.gateway.networking.k8s.io`, as its CRD. */
export function resourceName({ group, plural }: ResourceKind): string {
  return group === '' ? plural : `${plural}.${group}`;
}
