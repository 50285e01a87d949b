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
  /** Weights by name, where there are several. */
  readonly backend: string | Readonly<Record<string, number>>;
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: { readonly attempts: number; readonly codes?: readonly number[]; readonly backoff?: string };
  /** Fields that answers get. */
  readonly sets?: Readonly<Record<string, string>>;
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
      rules: rules.map(({ path = '/', backend, timeouts, retry, sets }) => ({
        matches: [{ path: { type: 'PathPrefix', value: path } }],
        backendRefs: backendRefs(backend),
        ...(timeouts === undefined ? {} : { timeouts }),
        ...(retry === undefined ? {} : { retry }),
        ...(sets === undefined ? {} : { filters: [responseHeaderModifier(sets)] }),
      })),
    },
  };
}

function backendRefs(backend: RuleSetup['backend']): Manifest[] {
  const weights = typeof backend === 'string' ? [[backend, 1] as const] : Object.entries(backend);
  return weights.map(([name, weight]) => ({ group: 'sluice.dev', kind: 'Backend', name, weight }));
}

function responseHeaderModifier(sets: Readonly<Record<string, string>>): Manifest {
  const set = Object.entries(sets).map(([name, value]) => ({ name, value }));
  return { type: 'ResponseHeaderModifier', responseHeaderModifier: { set } };
}

/** Endpoints on the loopback address. */
export function backend(name: string, ...ports: readonly number[]): Manifest {
  return {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Backend',
    metadata: { name },
    spec: { endpoints: ports.map((port) => ({ ip: { address: '127.0.0.1', port } })) },
  };
}

/** TLS to the endpoints of the Backend of the same name, verified by the authority in a ConfigMap. */
export function backendTlsPolicy(name: string, hostname: string, configMap: string): Manifest {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'BackendTLSPolicy',
    metadata: { name },
    spec: {
      targetRefs: [{ group: 'sluice.dev', kind: 'Backend', name }],
      validation: { hostname, caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: configMap }] },
    },
  };
}

export function authorityConfigMap(name: string, pem: string): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { 'ca.crt': pem } };
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
