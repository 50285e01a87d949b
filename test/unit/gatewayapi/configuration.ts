// Objects as validation leaves them, with defaults, so that a test names only what it is about.
import { SERVICE_NAME_LABEL, type EndpointSlice, type Secret } from '../../../src/api/core.ts';
import type { KubernetesObject, ObjectMeta } from '../../../src/api/object.ts';
import type { Binding } from '../../../src/gatewayapi/binding.ts';
import { Resources } from '../../../src/gatewayapi/resources.ts';
import type { TranslateOptions } from '../../../src/gatewayapi/translate.ts';

export const CONTROLLER_NAME = 'sluice.dev/gateway-controller';

const GATEWAY_API = 'gateway.networking.k8s.io/v1';

export function hostBinding(portOffset: number): Binding {
  return { kind: 'host', bindAddress: '::', portOffset, addresses: [{ type: 'IPAddress', value: '192.0.2.1' }] };
}

export function options(setup: Partial<TranslateOptions> = {}): TranslateOptions {
  return {
    controllerName: CONTROLLER_NAME,
    binding: hostBinding(0),
    unavailablePorts: new Map(),
    ...setup,
  };
}

/** With the class of all Gateways. */
export function resourcesOf(...objects: readonly KubernetesObject[]): Resources {
  const resources = new Resources();
  resources.put(manifest(GATEWAY_API, 'GatewayClass', { name: 'sluice' }, { controllerName: CONTROLLER_NAME }));
  for (const object of objects) resources.put(object);
  return resources;
}

type Fields = Readonly<Record<string, unknown>>;

export function gateway(listeners: readonly Fields[] = [{}], spec: Fields = {}): KubernetesObject {
  return manifest(
    GATEWAY_API,
    'Gateway',
    { name: 'gw', namespace: 'shop' },
    { gatewayClassName: 'sluice', listeners: listeners.map(listener), ...spec },
  );
}

/** Of the Gateway. */
export function listenerSet(name: string, listeners: readonly Fields[] = [{}]): KubernetesObject {
  const parentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' };
  const metadata = { name, namespace: 'shop' };
  return manifest(GATEWAY_API, 'ListenerSet', metadata, { parentRef, listeners: listeners.map(listener) });
}

function listener(fields: Fields, index: number): Fields {
  const allowedRoutes = { namespaces: { from: 'Same' } };
  return { name: `listener-${index}`, port: 80, protocol: 'HTTP', allowedRoutes, ...fields };
}

export function parameters(name: string, spec: Fields): KubernetesObject {
  return manifest('sluice.dev/v1alpha1', 'GatewayParameters', { name, namespace: 'shop' }, spec);
}

export function route(name: string, rules: readonly Fields[] = [{}], kind = 'HTTPRoute'): KubernetesObject {
  const complete = rules.map((rule) => ({
    matches: [{ path: { type: 'PathPrefix', value: '/' } }],
    backendRefs: [{ group: '', kind: 'Service', name: 'web', port: 80, weight: 1 }],
    ...rule,
  }));
  const parentRefs = [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'gw' }];
  return manifest(GATEWAY_API, kind, { name, namespace: 'shop' }, { parentRefs, rules: complete });
}

export function service(name: string, spec: Fields = {}): KubernetesObject {
  const ports = [{ port: 80, targetPort: 8080, protocol: 'TCP' }];
  return manifest('v1', 'Service', { name, namespace: 'shop' }, { type: 'ClusterIP', ports, ...spec });
}

export function slice(name: string, serviceName: string, address: string): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'shop', labels: { [SERVICE_NAME_LABEL]: serviceName } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: [{ addresses: [address] }],
  };
}

export function tlsSecret(name: string, chain: string, key: string): Secret {
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  const data = { 'tls.crt': encode(chain), 'tls.key': encode(key) };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'shop' }, type: 'kubernetes.io/tls', data };
}

/** A manifest of any kind with a spec. */
function manifest(apiVersion: string, kind: string, metadata: ObjectMeta, spec: Fields): KubernetesObject {
  const object: KubernetesObject & { readonly spec: Fields } = { apiVersion, kind, metadata, spec };
  return object;
}
