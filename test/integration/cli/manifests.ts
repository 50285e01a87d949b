// Small manifests for tests of the commands.

export interface GatewayPorts {
  readonly port: number;
  readonly upstreamPort: number;
}

/** A Gateway with one HTTP listener, and a route from it to an upstream on the loopback address. */
export function gatewayManifest({ port, upstreamPort }: GatewayPorts): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: shop}
spec:
  gatewayClassName: sluice
  listeners: [{name: http, port: ${port}, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop}
spec:
  parentRefs: [{name: web}]
  rules:
    - backendRefs: [{group: sluice.dev, kind: Backend, name: upstream}]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: {name: upstream, namespace: shop}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: ${upstreamPort}}}]
`;
}
