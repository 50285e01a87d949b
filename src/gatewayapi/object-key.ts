// The texts by which objects are looked up and compared.

/** `namespace/name`, or the name where the kind is cluster-scoped. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** `kind/namespace/name`, for tables that hold several kinds. Kinds are unique among those that Sluice knows. */
export function targetKey(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${objectKey(namespace, name)}`;
}

/** `namespace/gateway/section`: the name of a listener all over the IR. */
export function listenerName(gatewayKey: string, section: string): string {
  return `${gatewayKey}/${section}`;
}
