// Manifests for the tests of the file provider, as short as they can be and still be valid.

export function httpRoute(name: string, backend = 'app', namespace = 'shop'): string {
  return [
    'apiVersion: gateway.networking.k8s.io/v1',
    'kind: HTTPRoute',
    `metadata: {name: ${name}, namespace: ${namespace}}`,
    'spec:',
    '  parentRefs: [{name: edge}]',
    '  rules:',
    `    - backendRefs: [{name: ${backend}, port: 80}]`,
    '',
  ].join('\n');
}

/** Says which object it is, but not well. */
export function badHttpRoute(name: string): string {
  return httpRoute(name).replace('port: 80', 'port: 80, weigth: 1');
}

export function configMap(name: string, data: string, namespace = 'shop'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: ${namespace}}\ndata: ${data}\n`;
}

export function join(...manifests: readonly string[]): string {
  return manifests.join('---\n');
}
