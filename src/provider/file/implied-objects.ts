// The objects that exist without a manifest: the namespaces that others are in, with the label that an API server gives them, and
// the GatewayClass by which Gateways find Sluice.
import { CONTROLLER_NAME, DEFAULT_CLASS_NAME } from '../../api/condition.ts';
import type { GatewayClass } from '../../api/generated/gateway-class.ts';
import type { KubernetesObject } from '../../api/object.ts';

const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

const DEFAULT_GATEWAY_CLASS: GatewayClass = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: DEFAULT_CLASS_NAME },
  spec: { controllerName: CONTROLLER_NAME },
};

/** What these objects imply; what is declared as well counts as declared. */
export function* impliedObjects(objects: Iterable<KubernetesObject>): Generator<KubernetesObject, void, undefined> {
  yield DEFAULT_GATEWAY_CLASS;
  const namespaces = new Set<string>();
  for (const { metadata } of objects) {
    if (metadata.namespace !== undefined) namespaces.add(metadata.namespace);
  }
  for (const name of namespaces) yield labelNamespace({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** A Namespace with the label that holds its name; other objects as they are. */
export function labelNamespace(object: KubernetesObject): KubernetesObject {
  if (object.kind !== 'Namespace') return object;
  const { metadata } = object;
  return {
    ...object,
    metadata: { ...metadata, labels: { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name } },
  };
}
