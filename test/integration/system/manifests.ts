// The manifests of the system tests as text: JSON documents, which are YAML too. Everything is in the namespace `default` and hangs on
// one Gateway, `web`.

export interface ListenerSetup {
  readonly name: string;
  readonly port: number;
  /** Name of a Secret; with it the listener speaks HTTPS. */
  readonly secret?: string;
}

export interface RuleSetup {
  readonly path?: string;
  readonly backend: string;
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

type Manifest = Readonly<Record<string, unknown>>;

export function documents(...manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => `${JSON.stringify(manifest, undefined, 2)}\n`).join('---\n');
}

export function gateway(...listeners: readonly ListenerSetup[]): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'web' },
    spec: {
      gatewayClassName: 'sluice',
      listeners: listeners.map(({ name, port, secret }) =>
        secret === undefined
          ? { name, port, protocol: 'HTTP' }
          : { name, port, protocol: 'HTTPS', tls: { certificateRefs: [{ name: secret }] } },
      ),
    },
  };
}

/** On all listeners and for all hosts. */
export function route(name: string, ...rules: readonly RuleSetup[]): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name },
    spec: {
      parentRefs: [{ name: 'web' }],
      rules: rules.map(({ path = '/', backend, timeouts }) => ({
        matches: [{ path: { type: 'PathPrefix', value: path } }],
        backendRefs: [{ group: 'sluice.dev', kind: 'Backend', name: backend }],
        ...(timeouts === undefined ? {} : { timeouts }),
      })),
    },
  };
}

/** One endpoint on the loopback address. */
export function backend(name: string, port: number): Manifest {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Backend',
    metadata: { name },
    spec: { endpoints: [{ ip: { address: '127.0.0.1', port } }] },
  };
}

export function tlsSecret(name: string, { certificate, key }: KeyPair): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  };
}
