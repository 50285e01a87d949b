// Random edits of a small configuration: few names, so that objects refer to each other, and come, change and go all the time.
import type { KubernetesObject } from '../../../src/api/object.ts';
import type { Binding, GatewayService } from '../../../src/gatewayapi/binding.ts';
import type { TranslateOptions } from '../../../src/gatewayapi/translate.ts';
import type { Certificate } from '../../../src/ir/certificate.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { KEY_PAIRS, CA_TEXTS } from './pem.ts';

const NAMESPACES = ['a', 'b'];
const HOSTNAMES = [undefined, 'a.example.com', '*.example.com', '*.b.example.com', 'c.example.org'];
const CREATION_TIMES = [undefined, '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'];
const CONTROLLER_NAME = 'sluice.dev/gateway-controller';
const GATEWAY_API = 'gateway.networking.k8s.io';

/** What two of the Secrets held before. */
const LAST_GOOD: readonly (readonly [string, Certificate])[] = ['a/t1', 'b/t1'].map((secret) => [
  secret,
  {
    kind: 'certificate',
    key: `certificate/${secret}`,
    chainPem: KEY_PAIRS[0]?.chain ?? '',
    privateKeyPem: new SecretText(KEY_PAIRS[0]?.key ?? ''),
  },
]);

const ADDRESSES = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
const PARAMETERS = { group: 'sluice.dev', kind: 'GatewayParameters', name: 'w1' };
const CRDS = [{ name: 'gateways.gateway.networking.k8s.io', bundleVersion: 'v1.2.0', channel: 'standard' }];

const UNAVAILABLE_PORTS: readonly (readonly (readonly [string, string])[])[] = [
  [],
  [['80', 'in use']],
  [['80', 'no privilege']],
  [['443', 'in use']],
  [['80/udp', 'in use']],
  [['192.0.2.1:80', 'in use']],
];

const SERVICES = servicesOfGateways(20_000);
const MOVED_SERVICES = servicesOfGateways(30_000);

/** What the Services of Gateways have. */
function servicesOfGateways(firstPort: number): readonly (readonly [string, GatewayService])[] {
  return ['a/g1', 'a/g2', 'b/g1', 'b/g2'].map((gateway, index) => [
    gateway,
    {
      addresses: [{ type: 'IPAddress', value: `198.51.100.${index}` }],
      clusterAddresses: [`10.96.0.${index}`],
      targetPorts: { '80': firstPort + index, '443': firstPort + 10 + index, '80/udp': firstPort + 20 + index },
    },
  ]);
}

type Fields = Readonly<Record<string, unknown>>;
/** Makes an object's fields besides kind and metadata. */
type Maker = (random: SeededRandom, namespace: string) => Fields;

interface KindOfEdit {
  readonly apiVersion: string;
  readonly names: readonly string[];
  readonly clusterScoped?: boolean;
  /** How often it is edited, compared with others. */
  readonly weight: number;
  readonly make: Maker;
}

export interface Edit {
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** Undefined: it goes. */
  readonly object: KubernetesObject | undefined;
}

export function randomEdit(random: SeededRandom): Edit {
  const kind = random.pick(WEIGHTED_KINDS);
  const { apiVersion, names, clusterScoped = false, make } = KINDS[kind] as KindOfEdit;
  const namespace = clusterScoped ? undefined : random.pick(NAMESPACES);
  const name = random.pick(names);
  if (random.below(6) === 0) return { kind, namespace, name, object: undefined };
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    generation: random.below(3) + 1,
    ...optional('creationTimestamp', random.pick(CREATION_TIMES)),
  };
  const { metadata: more = {}, ...fields } = make(random, namespace ?? '') as Fields & { readonly metadata?: Fields };
  return { kind, namespace, name, object: { apiVersion, kind, metadata: { ...metadata, ...more }, ...fields } };
}

/** Of what `previous` says, if anything, one thing is another. */
export function randomOptions(random: SeededRandom, previous?: TranslateOptions): TranslateOptions {
  const changes: readonly (() => Partial<TranslateOptions>)[] = [
    () => randomBindings(random),
    () => ({ installedCrds: random.pick([[], CRDS]) }),
    () => ({ unavailablePorts: new Map(random.pick(UNAVAILABLE_PORTS)) }),
    () => ({ gatewayServices: new Map(random.pick([[], SERVICES, MOVED_SERVICES])) }),
    () => ({ lastGoodCertificates: new Map(random.pick([[], LAST_GOOD])) }),
  ];
  if (previous !== undefined) return { ...previous, ...random.pick(changes)() };
  const options = { controllerName: CONTROLLER_NAME, ...randomBindings(random), unavailablePorts: new Map() };
  return changes.reduce<TranslateOptions>((sum, change) => ({ ...sum, ...change() }), options);
}

function randomBindings(random: SeededRandom): Pick<TranslateOptions, 'binding' | 'otherBindings'> {
  const host: Binding = {
    kind: 'host',
    bindAddress: '::',
    portOffset: random.pick([0, 0, 1000]),
    addresses: [{ type: 'IPAddress', value: random.pick(['192.0.2.1', '192.0.2.2']) }],
  };
  const pool: Binding = { kind: 'pool', addresses: random.pick([ADDRESSES, ADDRESSES.slice(1)]) };
  const service: Binding = { kind: 'service', bindAddress: '::' };
  const [binding = host, ...otherBindings] = random.pick([
    [host],
    [host, pool, service],
    [pool, host],
    [service, pool],
  ]);
  return { binding, otherBindings };
}

const KINDS: Readonly<Record<string, KindOfEdit>> = {
  GatewayClass: {
    apiVersion: `${GATEWAY_API}/v1`,
    names: ['sluice', 'other'],
    clusterScoped: true,
    weight: 1,
    make: (random) => ({
      spec: {
        controllerName: random.below(8) === 0 ? 'example.com/other' : CONTROLLER_NAME,
        ...(random.below(6) === 0 ? { parametersRef: { group: '', kind: 'ConfigMap', name: 'x' } } : {}),
        ...(random.below(8) === 0 ? { parametersRef: { ...PARAMETERS, namespace: 'a' } } : {}),
      },
    }),
  },
  Gateway: { apiVersion: `${GATEWAY_API}/v1`, names: ['g1', 'g2'], weight: 6, make: gatewayFields },
  HTTPRoute: { apiVersion: `${GATEWAY_API}/v1`, names: ['r1', 'r2', 'r3'], weight: 12, make: httpRouteFields },
  GRPCRoute: { apiVersion: `${GATEWAY_API}/v1`, names: ['r1', 'r2'], weight: 4, make: grpcRouteFields },
  TLSRoute: { apiVersion: `${GATEWAY_API}/v1`, names: ['r1'], weight: 2, make: tlsRouteFields },
  TCPRoute: { apiVersion: `${GATEWAY_API}/v1`, names: ['r1', 'r2'], weight: 2, make: streamRouteFields },
  UDPRoute: { apiVersion: `${GATEWAY_API}/v1`, names: ['r1'], weight: 2, make: streamRouteFields },
  Service: { apiVersion: 'v1', names: ['s1', 's2'], weight: 8, make: serviceFields },
  EndpointSlice: { apiVersion: 'discovery.k8s.io/v1', names: ['e1', 'e2', 'e3'], weight: 20, make: sliceFields },
  ReferenceGrant: { apiVersion: `${GATEWAY_API}/v1`, names: ['x1', 'x2'], weight: 6, make: grantFields },
  Namespace: {
    apiVersion: 'v1',
    names: NAMESPACES,
    clusterScoped: true,
    weight: 3,
    make: (random) => ({ metadata: { labels: random.pick([{}, { team: 'red' }, { team: 'blue' }]) } }),
  },
  Secret: { apiVersion: 'v1', names: ['t1', 't2'], weight: 4, make: secretFields },
  ConfigMap: {
    apiVersion: 'v1',
    names: ['t1', 't2'],
    weight: 4,
    make: (random) => ({ data: { 'ca.crt': random.pick(CA_TEXTS) } }),
  },
  Backend: { apiVersion: 'sluice.dev/v1alpha1', names: ['k1'], weight: 4, make: backendFields },
  BackendTLSPolicy: { apiVersion: `${GATEWAY_API}/v1`, names: ['p1', 'p2', 'p3'], weight: 6, make: policyFields },
  ListenerPolicy: {
    apiVersion: 'sluice.dev/v1alpha1',
    names: ['q1', 'q2'],
    weight: 3,
    make: listenerPolicyFields,
  },
  ListenerSet: { apiVersion: `${GATEWAY_API}/v1`, names: ['m1', 'm2'], weight: 9, make: listenerSetFields },
  GatewayParameters: { apiVersion: 'sluice.dev/v1alpha1', names: ['w1'], weight: 3, make: parametersFields },
  ClusterTrustBundle: {
    apiVersion: 'certificates.k8s.io/v1',
    names: ['t1', 't2'],
    clusterScoped: true,
    weight: 2,
    make: (random) => ({ spec: { trustBundle: random.pick(CA_TEXTS) } }),
  },
};

const WEIGHTED_KINDS: readonly string[] = Object.entries(KINDS).flatMap(([kind, { weight }]) =>
  Array.from({ length: weight }, () => kind),
);

function gatewayFields(random: SeededRandom): Fields {
  const count = random.below(3) + 1;
  return {
    spec: {
      gatewayClassName: random.pick(['sluice', 'other']),
      listeners: Array.from({ length: count }, (_, index) => randomListener(random, `l${index}`)),
      ...(random.below(6) === 0 ? { addresses: [{ type: 'IPAddress', value: random.pick(ADDRESSES) }] } : {}),
      ...(random.below(2) === 0 ? { tls: gatewayTls(random) } : {}),
      ...(random.below(4) > 0
        ? { allowedListeners: { namespaces: random.pick([{ from: 'All' }, randomRouteNamespaces(random)]) } }
        : {}),
      ...(random.below(8) === 0 ? { infrastructure: { parametersRef: PARAMETERS, labels: { a: 'b' } } } : {}),
    },
    ...(random.below(4) === 0 ? { status: { addresses: [{ type: 'IPAddress', value: random.pick(ADDRESSES) }] } } : {}),
  };
}

function listenerSetFields(random: SeededRandom): Fields {
  return {
    spec: {
      parentRef: {
        group: GATEWAY_API,
        kind: 'Gateway',
        name: random.pick(['g1', 'g1', 'g2']),
        ...optional('namespace', random.pick([undefined, 'a', 'a', 'b'])),
      },
      listeners: Array.from({ length: random.below(3) + 1 }, (_, index) => randomListener(random, `l${index}`)),
    },
  };
}

function parametersFields(random: SeededRandom): Fields {
  const binding = random.pick([undefined, undefined, undefined, 'Pool', 'Host', 'Service']);
  const addressPool = random.pick([undefined, ['192.0.2.2-192.0.2.3']]);
  return { spec: { ...optional('binding', binding), ...optional('addressPool', addressPool) } };
}

function gatewayTls(random: SeededRandom): Fields {
  const certificate = { group: '', kind: 'Secret', name: random.pick(['t1', 't2']), ...optionalNamespace(random) };
  const perPort = { port: random.pick([443, 8443]), tls: clientValidation(random) };
  return {
    backend: random.below(2) === 0 ? { clientCertificateRef: certificate } : {},
    ...(random.below(2) === 0 ? { frontend: { default: clientValidation(random), perPort: [perPort] } } : {}),
  };
}

function clientValidation(random: SeededRandom): Fields {
  if (random.below(4) === 0) return {};
  const mode = random.pick(['AllowValidOnly', 'AllowValidOnly', 'AllowInsecureFallback']);
  const caCertificateRefs = randomCaRefs(random).map((ref) => ({ ...ref, ...optionalNamespace(random) }));
  return { validation: { mode, caCertificateRefs } };
}

function randomCaRefs(random: SeededRandom): readonly Fields[] {
  return Array.from({ length: random.below(2) + 1 }, () => ({
    ...random.pick([
      { group: '', kind: random.pick(['ConfigMap', 'ConfigMap', 'Secret', 'Other']) },
      { group: '', kind: 'ConfigMap' },
      { group: 'certificates.k8s.io', kind: 'ClusterTrustBundle' },
    ]),
    name: random.pick(['t1', 't2']),
  }));
}

function randomListener(random: SeededRandom, name: string): Fields {
  const protocol = random.pick(['HTTP', 'HTTP', 'HTTP', 'HTTPS', 'HTTPS', 'HTTPS', 'TLS', 'TCP', 'UDP', 'OTHER']);
  const isTls = protocol === 'HTTPS' || protocol === 'TLS';
  const mode = protocol === 'TLS' ? random.pick(['Terminate', 'Passthrough']) : 'Terminate';
  const certificateRefs = [
    { group: '', kind: 'Secret', name: random.pick(['t1', 't2']), ...optionalNamespace(random) },
  ];
  return {
    name,
    protocol,
    port: random.pick(isTls ? [443, 443, 443, 8443, 80] : [80, 80, 80, 80, 8080, 8080, 443]),
    ...optional('hostname', random.pick(HOSTNAMES)),
    ...(isTls ? { tls: { mode, certificateRefs } } : {}),
    allowedRoutes: { namespaces: randomRouteNamespaces(random) },
  };
}

function randomRouteNamespaces(random: SeededRandom): Fields {
  const from = random.pick(['Same', 'All', 'All', 'Selector']);
  return { from, ...(from === 'Selector' ? { selector: { matchLabels: { team: 'red' } } } : {}) };
}

function randomParentRef(random: SeededRandom): Fields {
  return {
    group: GATEWAY_API,
    ...random.pick([
      { kind: 'ListenerSet', name: random.pick(['m1', 'm2']) },
      { kind: 'Gateway', name: random.pick(['g1', 'g2']) },
      { kind: 'Gateway', name: random.pick(['g1', 'g2']) },
    ]),
    ...optionalNamespace(random),
    ...optional('sectionName', random.pick([undefined, undefined, undefined, 'l0', 'l1'])),
    ...optional('port', random.pick([undefined, undefined, undefined, undefined, 80])),
  };
}

function httpRouteFields(random: SeededRandom): Fields {
  const hostname = random.pick(HOSTNAMES);
  return {
    spec: {
      parentRefs: randomParentRefs(random),
      ...(hostname === undefined ? {} : { hostnames: [hostname] }),
      rules: Array.from({ length: random.below(2) + 1 }, () => ({
        matches: [{ path: { type: 'PathPrefix', value: random.pick(['/', '/x']) } }],
        ...randomRule(random),
      })),
    },
  };
}

function grpcRouteFields(random: SeededRandom): Fields {
  const hostname = random.pick(HOSTNAMES);
  const methods = [
    { type: 'Exact', service: 'a.B', method: 'Get' },
    { type: 'RegularExpression', service: random.pick(['a.*', '(']) },
  ];
  return {
    spec: {
      parentRefs: randomParentRefs(random),
      ...(hostname === undefined ? {} : { hostnames: [hostname] }),
      rules: Array.from({ length: random.below(3) }, () => ({
        ...(random.below(2) === 0 ? {} : { matches: [{ method: random.pick(methods) }] }),
        ...randomRule(random),
      })),
    },
  };
}

function tlsRouteFields(random: SeededRandom): Fields {
  const hostname = random.pick(HOSTNAMES) ?? 'd.example.com';
  return { spec: { parentRefs: randomParentRefs(random), hostnames: [hostname], rules: [randomStreamRule(random)] } };
}

function streamRouteFields(random: SeededRandom): Fields {
  return { spec: { parentRefs: randomParentRefs(random), rules: [randomStreamRule(random)] } };
}

function randomParentRefs(random: SeededRandom): readonly Fields[] {
  return Array.from({ length: random.below(2) + 1 }, () => randomParentRef(random));
}

/** But for its matches. */
function randomRule(random: SeededRandom): Fields {
  const mirror = { type: 'RequestMirror', requestMirror: { backendRef: randomBackendRef(random) } };
  const extension = { type: 'ExtensionRef', extensionRef: { group: 'example.com', kind: 'F', name: 'f' } };
  return { filters: random.pick([[], [], [mirror], [extension]]), ...randomStreamRule(random) };
}

function randomStreamRule(random: SeededRandom): Fields {
  return {
    backendRefs: Array.from({ length: random.below(2) + 1 }, () => ({ ...randomBackendRef(random), weight: 1 })),
  };
}

function randomBackendRef(random: SeededRandom): Fields {
  if (random.below(4) === 0) return { group: 'sluice.dev', kind: 'Backend', name: 'k1', ...optionalNamespace(random) };
  const port = random.pick([80, 81]);
  return { group: '', kind: 'Service', name: random.pick(['s1', 's2']), port, ...optionalNamespace(random) };
}

function serviceFields(random: SeededRandom): Fields {
  const [appProtocol, targetPort] = [
    random.pick([undefined, undefined, undefined, 'kubernetes.io/ws', 'kubernetes.io/h2c', 'https', 'unknown']),
    8080,
  ];
  return {
    spec: {
      type: random.below(8) === 0 ? 'ExternalName' : 'ClusterIP',
      ports: [
        { name: 'http', port: 80, targetPort, protocol: 'TCP', ...optional('appProtocol', appProtocol) },
        ...(random.below(2) === 0 ? [{ name: 'more', port: 81, targetPort, protocol: 'TCP' }] : []),
        ...(random.below(2) === 0 ? [{ name: 'udp', port: 80, targetPort, protocol: 'UDP' }] : []),
      ],
    },
  };
}

function sliceFields(random: SeededRandom): Fields {
  const name = random.pick(['http', 'more', 'udp']);
  return {
    metadata: { labels: { 'kubernetes.io/service-name': random.pick(['s1', 's2']) } },
    addressType: 'IPv4',
    ports: [{ name, port: 8080, protocol: name === 'udp' ? 'UDP' : 'TCP' }],
    endpoints: [{ addresses: [`10.0.0.${random.below(4)}`], conditions: { ready: random.below(4) > 0 } }],
  };
}

function grantFields(random: SeededRandom): Fields {
  const kind = random.pick([
    'Gateway',
    'Gateway',
    'ListenerSet',
    'HTTPRoute',
    'HTTPRoute',
    'GRPCRoute',
    'TCPRoute',
    'UDPRoute',
  ]);
  const isRoute = kind !== 'Gateway' && kind !== 'ListenerSet';
  const target = random.pick(isRoute ? ['Service', 'Backend'] : ['Secret', 'ConfigMap']);
  const group = target === 'Backend' ? 'sluice.dev' : '';
  const name = random.pick([undefined, undefined, 's1', 't1']);
  return {
    spec: {
      from: [{ group: GATEWAY_API, kind, namespace: random.pick(NAMESPACES) }],
      to: [{ group, kind: target, ...optional('name', name) }],
    },
  };
}

function secretFields(random: SeededRandom): Fields {
  const { chain, key } = random.pick(KEY_PAIRS);
  const encode = (text: string): string => Buffer.from(text).toString('base64');
  return { type: 'kubernetes.io/tls', data: { 'tls.crt': encode(chain), 'tls.key': encode(key) } };
}

function backendFields(random: SeededRandom): Fields {
  const tls = {
    sni: 'x.example.com',
    caCertificateRefs: [{ group: '', kind: random.pick(['ConfigMap', 'Secret']), name: 't1' }],
  };
  return {
    spec: {
      ...optional('proxyProtocol', random.pick([undefined, undefined, 'V1', 'V2'])),
      protocol: random.pick(['HTTP', 'HTTP', 'WS', 'H2C']),
      endpoints: [{ ip: { address: `10.9.0.${random.below(3)}`, port: 80 } }],
      ...(random.below(2) === 0 ? { tls } : {}),
    },
  };
}

function policyFields(random: SeededRandom): Fields {
  const service = { group: '', kind: 'Service', name: random.pick(['s1', 's2']) };
  const backend = { group: 'sluice.dev', kind: 'Backend', name: 'k1' };
  const targetRefs = random.pick([
    [service],
    [service],
    [{ ...service, sectionName: 'more' }],
    [backend],
    [service, backend],
  ]);
  const cas = random.pick([{ wellKnownCACertificates: 'System' }, { caCertificateRefs: randomCaRefs(random) }]);
  return { spec: { targetRefs, validation: { hostname: random.pick(['x', 'y']), ...cas } } };
}

function listenerPolicyFields(random: SeededRandom): Fields {
  const targetRefs = Array.from({ length: random.below(2) + 1 }, () => ({
    group: GATEWAY_API,
    kind: 'Gateway',
    name: random.pick(['g1', 'g2']),
    ...optional('sectionName', random.pick([undefined, undefined, 'l0', 'l1'])),
  }));
  const settings = random.pick([
    { limits: { headBytes: random.pick([1024, 2048]) } },
    { clientAddress: { trustedHops: random.below(2) } },
    { tls: { minVersion: random.pick(['1.2', '1.3']) } },
    { tls: { minVersion: '1.3' }, path: { escapedSlashes: random.pick(['Keep', 'Reject']) } },
  ]);
  return { spec: { targetRefs, ...settings } };
}

function optionalNamespace(random: SeededRandom): Fields {
  return optional('namespace', random.pick([undefined, undefined, undefined, undefined, ...NAMESPACES]));
}

function optional(name: string, value: unknown): Fields {
  return value === undefined ? {} : { [name]: value };
}
