// The texts by which objects are looked up and compared.

/** `namespace/name`, or the name where the kind is cluster-scoped. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** `kind/namespace/name`, for tables that hold several kinds. Kinds are unique among those that Sluice knows. */
export function targetKey(kind: string, namespace: string | undefined, name: string): string {
  return `${kind}/${objectKey(namespace, name)}`;
}

/** The name of a listener all over the IR: `namespace/gateway/section`, or `ListenerSet/namespace/name/section`. No namespace is called so. */
export function listenerName(parentKind: 'Gateway' | 'ListenerSet', parentKey: string, section: string): string {
  return parentKind === 'Gateway' ? `${parentKey}/${section}` : `${parentKind}/${parentKey}/${section}`;
}
