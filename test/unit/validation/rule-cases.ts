// For every rule of every kind, a spec that breaks it. A case names the rule by the beginning of its message.

export interface RuleCase {
  readonly kind: string;
  readonly message: string;
  readonly spec: unknown;
}

const ref = { name: 'x', group: '', kind: 'Service' };
const extensionRef = { group: 'example.com', kind: 'Filter', name: 'x' };
const mirror = { backendRef: { name: 'x', port: 80 } };
const prefixRewrite = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/x' };
const redirect = { type: 'RequestRedirect', requestRedirect: { path: prefixRewrite } };
const rewrite = { type: 'URLRewrite', urlRewrite: { path: prefixRewrite } };
const xBackend = { name: 'x', group: 'gateway.networking.x-k8s.io', kind: 'XBackend' };
const gatewayRef = { name: 'x', group: 'gateway.networking.k8s.io', kind: 'Gateway' };
const grpc = {};
const http = {};

function broken(kind: string, message: string, spec: unknown): RuleCase {
  return { kind, message, spec };
}

function httpRule(message: string, rule: object): RuleCase {
  return broken('HTTPRoute', message, { rules: [rule] });
}

function httpFilters(message: string, ...filters: readonly object[]): RuleCase {
  return httpRule(message, { filters });
}

/** The same rules hold for the filters of a backendRef. */
function httpBackendFilters(message: string, ...filters: readonly object[]): RuleCase {
  return httpRule(message, { backendRefs: [{ ...ref, port: 80, filters }] });
}

function grpcFilters(message: string, ...filters: readonly object[]): RuleCase {
  return broken('GRPCRoute', message, { rules: [{ filters }] });
}

function httpPath(message: string, value: string, type = 'PathPrefix'): RuleCase {
  return httpRule(message, { matches: [{ path: { type, value } }] });
}

function listeners(message: string, ...list: readonly object[]): readonly RuleCase[] {
  const named = list.map((listener, index) => ({ name: `l${index}`, port: 80, protocol: 'HTTP', ...listener }));
  const gateway = broken('Gateway', message, { gatewayClassName: 'x', listeners: named });
  return [gateway, broken('ListenerSet', message, { parentRef: { name: 'x' }, listeners: named })];
}

function listenerAuth(message: string, externalAuth: object): readonly RuleCase[] {
  return listeners(message, { filters: { requests: [{ type: 'ExternalAuth', externalAuth }] } });
}

function gateway(message: string, spec: object): RuleCase {
  return broken('Gateway', message, { gatewayClassName: 'x', ...spec });
}

function policy(message: string, validation: object, targetRefs: readonly object[] = [ref]): RuleCase {
  return broken('BackendTLSPolicy', message, { targetRefs, validation: { hostname: 'x', ...validation } });
}

function subjectAltName(message: string, name: object): RuleCase {
  return policy(message, { wellKnownCACertificates: 'System', subjectAltNames: [name] });
}

function backend(message: string, endpoint: object, spec: object = {}): RuleCase {
  return broken('Backend', message, { endpoints: [endpoint], ...spec });
}

function backendSan(message: string, name: object): RuleCase {
  return backend(
    message,
    { fqdn: { hostname: 'x', port: 1 } },
    { tls: { wellKnownCACertificates: 'System', subjectAltNames: [name] } },
  );
}

function listenerPolicy(message: string, settings: object, targets: readonly object[] = [{}]): RuleCase {
  const targetRefs = targets.map((target) => ({ ...gatewayRef, ...target }));
  return broken('ListenerPolicy', message, { targetRefs, ...settings });
}

const ROUTES = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];
const noExternalAuth = 'filter.externalAuth must be nil';
const tooManyMatches = 'While 16 rules and 64 matches per rule';
const fullRules = Array.from({ length: 3 }, () => ({ matches: Array.from({ length: 43 }, () => ({})) }));

export const RULE_CASES: readonly RuleCase[] = [
  // Gateway and ListenerSet
  gateway('IPAddress values must be unique', { addresses: [{ value: '1.1.1.1' }, { value: '1.1.1.1' }] }),
  gateway('Hostname values must be unique', {
    addresses: [
      { type: 'Hostname', value: 'a.b' },
      { type: 'Hostname', value: 'a.b' },
    ],
  }),
  gateway('Hostname value must be empty or', { addresses: [{ type: 'Hostname', value: 'A_b' }] }),
  gateway('Routability must be empty', { addresses: [{ value: '1.1.1.1', routability: 'Public' }] }),
  gateway('Routability must be empty', { addresses: [{ value: '1.1.1.1', routability: 'a.k8s.io/x' }] }),
  gateway('Routability must be empty', { addresses: [{ value: '1.1.1.1', routability: 'A/x' }] }),
  gateway('Annotation keys must be in the form', { infrastructure: { annotations: { 'a b': 'c' } } }),
  gateway("If specified, the annotation key's prefix", {
    infrastructure: { annotations: { [`${'a'.repeat(253)}/b`]: 'c' } },
  }),
  gateway('Label keys must be in the form', { infrastructure: { labels: { 'a b': 'c' } } }),
  gateway("If specified, the label key's prefix", { infrastructure: { labels: { [`${'a'.repeat(253)}/b`]: 'c' } } }),
  ...listeners('tls must not be specified for protocols', { tls: { options: { a: 'b' } } }),
  ...listeners('tls mode must be Terminate for protocol HTTPS', { protocol: 'HTTPS', tls: { mode: 'Passthrough' } }),
  ...listeners('tls mode must be set for protocol TLS', { protocol: 'TLS' }),
  ...listeners('hostname must not be specified for protocols', { protocol: 'UDP', hostname: 'a.b' }),
  ...listeners('Listener name must be unique', { name: 'a' }, { name: 'a', port: 81 }),
  ...listeners('Combination of port, protocol and hostname', { hostname: 'a.b' }, { hostname: 'a.b' }),
  ...listeners('Combination of port, protocol and hostname', {}, {}),
  gateway('filters may only be set when protocol is HTTP', {
    listeners: [{ name: 'a', port: 80, protocol: 'TCP', filters: {} }],
  }),
  ...listeners(noExternalAuth, { filters: { requests: [{ type: 'ExtensionRef', extensionRef, externalAuth: {} }] } }),
  ...listeners('filter.externalAuth must be specified', { filters: { requests: [{ type: 'ExternalAuth' }] } }),
  ...listeners('filter.extensionRef must be nil', { filters: { requests: [{ type: 'ExternalAuth', extensionRef }] } }),
  ...listeners('filter.extensionRef must be specified', { filters: { requests: [{ type: 'ExtensionRef' }] } }),
  ...[
    listenerAuth('grpc must be specified', { protocol: 'GRPC' }),
    listenerAuth("protocol must be 'GRPC'", { protocol: 'HTTP', http, grpc }),
    listenerAuth('http must be specified', { protocol: 'HTTP' }),
    listenerAuth("protocol must be 'HTTP'", { protocol: 'GRPC', http, grpc }),
    listenerAuth('Must have port for Service', { backendRef: { name: 'x' } }),
    listenerAuth('Must not have port for Backend', { backendRef: { ...xBackend, port: 1 } }),
  ].flat(),
  ...listeners('certificateRefs or options must be specified', { protocol: 'HTTPS', tls: {} }),
  gateway('ClusterTrustBundle references must not specify namespace', {
    tls: {
      frontend: {
        default: {
          validation: {
            caCertificateRefs: [
              { group: 'certificates.k8s.io', kind: 'ClusterTrustBundle', name: 'x', namespace: 'y' },
            ],
          },
        },
      },
    },
  }),
  gateway('Port for TLS configuration must be unique', {
    tls: { frontend: { default: {}, perPort: [{ port: 1 }, { port: 1 }] } },
  }),
  // All routes
  ...ROUTES.flatMap((kind) => [
    broken(kind, 'sectionName or port must be specified', { parentRefs: [{ name: 'x' }, { name: 'x', port: 1 }] }),
    broken(kind, 'sectionName or port must be unique', {
      parentRefs: [
        { name: 'x', namespace: 'a', port: 1 },
        { name: 'x', namespace: 'a', port: 1 },
      ],
    }),
    broken(kind, 'Must have port for Service', { rules: [{ backendRefs: [ref] }] }),
    broken(kind, 'Must not have port for Backend', {
      rules: [{ backendRefs: [{ ...xBackend, port: 1 }] }],
    }),
  ]),
  // HTTPRoute
  broken('HTTPRoute', 'Rule name must be unique', { rules: [{ name: 'a' }, { name: 'a' }] }),
  broken('HTTPRoute', tooManyMatches, { rules: fullRules }),
  httpRule('RequestRedirect filter must not be used together with backendRefs', {
    filters: [redirect],
    backendRefs: [{ ...ref, port: 80 }],
  }),
  httpRule('When using RequestRedirect filter with path.replacePrefixMatch', {
    matches: [{ path: { type: 'Exact', value: '/' } }],
    filters: [redirect],
  }),
  httpRule('When using URLRewrite filter with path.replacePrefixMatch', { matches: [{}, {}], filters: [rewrite] }),
  httpRule('Within backendRefs, when using RequestRedirect filter', {
    matches: [{}, {}],
    backendRefs: [{ ...ref, port: 80, filters: [redirect] }],
  }),
  httpRule('Within backendRefs, When using URLRewrite filter', {
    matches: [{}, {}],
    backendRefs: [{ ...ref, port: 80, filters: [rewrite] }],
  }),
  ...[httpFilters, httpBackendFilters].flatMap((filters) => [
    filters('May specify either httpRouteFilterRequestRedirect', redirect, rewrite),
    filters('CORS filter cannot be repeated', { type: 'CORS', cors: {} }, { type: 'CORS', cors: {} }),
    filters('RequestRedirect filter cannot be repeated', redirect, redirect),
    filters('URLRewrite filter cannot be repeated', rewrite, rewrite),
    filters('filter.cors must be nil', { type: 'URLRewrite', cors: {} }),
    filters('filter.cors must be specified', { type: 'CORS' }),
    filters('filter.requestRedirect must be nil', { ...redirect, type: 'URLRewrite' }),
    filters('filter.requestRedirect must be specified', { type: 'RequestRedirect' }),
    filters('filter.urlRewrite must be nil', { ...rewrite, type: 'RequestRedirect' }),
    filters('filter.urlRewrite must be specified', { type: 'URLRewrite' }),
    filters("AllowHeaders cannot contain '*'", { type: 'CORS', cors: { allowHeaders: ['*', 'a'] } }),
    filters("AllowMethods cannot contain '*'", { type: 'CORS', cors: { allowMethods: ['GET', '*'] } }),
    filters("AllowOrigins cannot contain '*'", { type: 'CORS', cors: { allowOrigins: ['*', 'http://a'] } }),
    filters(noExternalAuth, { type: 'CORS', externalAuth: { protocol: 'HTTP', http } }),
    filters('filter.externalAuth must be specified', { type: 'ExternalAuth' }),
    filters('grpc must be specified', { type: 'ExternalAuth', externalAuth: { protocol: 'GRPC' } }),
    filters("protocol must be 'GRPC'", { type: 'ExternalAuth', externalAuth: { protocol: 'HTTP', http, grpc } }),
    filters('http must be specified', { type: 'ExternalAuth', externalAuth: { protocol: 'HTTP' } }),
    filters("protocol must be 'HTTP'", { type: 'ExternalAuth', externalAuth: { protocol: 'GRPC', http, grpc } }),
    ...[redirect, rewrite].flatMap(({ type }) => {
      const name = type === 'URLRewrite' ? 'urlRewrite' : 'requestRedirect';
      const withPath = (message: string, path: object): RuleCase => filters(message, { type, [name]: { path } });
      return [
        withPath('replaceFullPath must be specified', { type: 'ReplaceFullPath' }),
        withPath("type must be 'ReplaceFullPath'", { ...prefixRewrite, replaceFullPath: '/' }),
        withPath('replacePrefixMatch must be specified', { type: 'ReplacePrefixMatch' }),
        withPath("type must be 'ReplacePrefixMatch'", { type: 'ReplaceFullPath', replacePrefixMatch: '/' }),
      ];
    }),
  ]),
  ...[httpFilters, httpBackendFilters, grpcFilters].flatMap((filters) => [
    ...['Request', 'Response'].flatMap((direction) => {
      const type = `${direction}HeaderModifier`;
      const name = `${direction.toLowerCase()}HeaderModifier`;
      return [
        filters(`${type} filter cannot be repeated`, { type, [name]: {} }, { type, [name]: {} }),
        filters(`filter.${name} must be nil`, { type: 'RequestMirror', requestMirror: mirror, [name]: {} }),
        filters(`filter.${name} must be specified`, { type }),
      ];
    }),
    filters('filter.requestMirror must be nil', { type: 'ExtensionRef', extensionRef, requestMirror: mirror }),
    filters('filter.requestMirror must be specified', { type: 'RequestMirror' }),
    filters('filter.extensionRef must be nil', { type: 'RequestMirror', requestMirror: mirror, extensionRef }),
    filters('filter.extensionRef must be specified', { type: 'ExtensionRef' }),
    filters('Only one of percent or fraction', {
      type: 'RequestMirror',
      requestMirror: { ...mirror, percent: 1, fraction: { numerator: 1 } },
    }),
    filters('numerator must be less than or equal to denominator', {
      type: 'RequestMirror',
      requestMirror: { ...mirror, fraction: { numerator: 101 } },
    }),
  ]),
  httpPath('value must be an absolute path', 'a'),
  httpPath("must not contain '//'", '/a//b'),
  httpPath("must not contain '/./'", '/a/./b'),
  httpPath("must not contain '/../'", '/a/../b'),
  httpPath("must not contain '%2f'", '/a%2fb'),
  httpPath("must not contain '%2F'", '/a%2Fb', 'Exact'),
  httpPath("must not contain '#'", '/a#b'),
  httpPath("must not end with '/..'", '/a/..'),
  httpPath("must not end with '/.'", '/a/.'),
  httpPath('type must be one of', '/a', 'Prefix'),
  httpPath('must only contain valid characters', '/a[b]'),
  httpRule('backendRequest timeout cannot be longer', { timeouts: { request: '1s', backendRequest: '1001ms' } }),
  ...['HTTPRoute', 'GRPCRoute'].flatMap((kind) => {
    const session = (message: string, sessionPersistence: object): RuleCase =>
      broken(kind, message, { rules: [{ sessionPersistence }] });
    return [
      session('AbsoluteTimeout must be specified', { cookie: { lifetimeType: 'Permanent' } }),
      session('cookie must be nil', { type: 'Header', header: { name: 'a' }, cookie: {} }),
      session('cookie must be specified', {}),
      session('header must be nil', { cookie: {}, header: { name: 'a' } }),
      session('header must be specified', { type: 'Header' }),
    ];
  }),
  // GRPCRoute
  broken('GRPCRoute', 'Rule name must be unique', { rules: [{ name: 'a' }, { name: 'a' }] }),
  broken('GRPCRoute', tooManyMatches, { rules: fullRules }),
  broken('GRPCRoute', "One or both of 'service' or 'method'", { rules: [{ matches: [{ method: {} }] }] }),
  broken('GRPCRoute', 'service must only contain', { rules: [{ matches: [{ method: { service: 'a-b' } }] }] }),
  broken('GRPCRoute', 'method must only contain', { rules: [{ matches: [{ method: { method: '1a' } }] }] }),
  // TLSRoute
  broken('TLSRoute', 'Hostnames cannot contain an IP', { hostnames: ['10.0.0.1'] }),
  broken('TLSRoute', 'Hostnames must be valid', { hostnames: ['a_b'] }),
  broken('TLSRoute', 'Wildcards on hostnames must be the first label', { hostnames: ['a.*.b'] }),
  // BackendTLSPolicy
  policy('sectionName must be specified when targetRefs', {}, [ref, { ...ref, sectionName: 'a' }]),
  policy('sectionName must be unique when targetRefs', {}, [ref, ref]),
  policy('exactly one of the fields in [caCertificateRefs', {}),
  policy('exactly one of the fields in [caCertificateRefs', {
    wellKnownCACertificates: 'System',
    caCertificateRefs: [ref],
  }),
  subjectAltName('SubjectAltName element must contain Hostname', { type: 'Hostname' }),
  subjectAltName('SubjectAltName element must not contain Hostname', { type: 'URI', uri: 'a://b', hostname: 'a' }),
  subjectAltName('SubjectAltName element must contain URI', { type: 'URI' }),
  subjectAltName('SubjectAltName element must not contain URI', { type: 'Hostname', hostname: 'a', uri: 'a://b' }),
  // Backend
  backend('exactly one of ip and fqdn', {}),
  backend('exactly one of ip and fqdn', { ip: { address: '::1', port: 1 }, fqdn: { hostname: 'a.b', port: 1 } }),
  backend('address must be an IPv4 or IPv6 address', { ip: { address: 'a.b', port: 1 } }),
  backend('hostname must not be an IP address', { fqdn: { hostname: '10.0.0.1', port: 1 } }),
  ...[{}, { wellKnownCACertificates: 'System', caCertificateRefs: [{ name: 'x' }] }].map((tls) =>
    backend('exactly one of caCertificateRefs', { fqdn: { hostname: 'a.b', port: 1 } }, { tls }),
  ),
  backend(
    'sni must not be an IP address',
    { ip: { address: '::1', port: 1 } },
    { tls: { sni: '10.0.0.1', wellKnownCACertificates: 'System' } },
  ),
  backendSan('hostname must be set if type is Hostname', { type: 'Hostname' }),
  backendSan('uri must be set if type is URI', { type: 'URI', hostname: 'a' }),
  // ListenerPolicy
  ...[
    [{}, {}],
    [{ sectionName: 'a' }, { sectionName: 'b' }, { sectionName: 'a' }],
  ].map((targets) => listenerPolicy('targetRefs must be unique', { limits: { headers: 1 } }, targets)),
  listenerPolicy('at least one setting must be given', {}),
  ...['10.0.0.1', '10.0.0.0/33', '2001:db8::/129', '10.0.0.0/08', '::ffff:10.0.0.0/104', 'example.com/8'].map(
    (network) =>
      listenerPolicy('trustedSources must be networks', { proxyProtocol: { trustedSources: ['10.0.0.0/8', network] } }),
  ),
  listenerPolicy('with minVersion 1.3, cipherSuites must be of TLS 1.3', {
    tls: {
      minVersion: '1.3',
      cipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
    },
  }),
  // GatewayParameters
  broken('GatewayParameters', 'addressPool is for binding Pool', { binding: 'Host', addressPool: ['10.0.0.1'] }),
  broken('GatewayParameters', 'service is for binding Service', { binding: 'Pool', service: { type: 'NodePort' } }),
  ...['10.0.0.0/8', '10.0.0.1-', '10.0.0.1-10.0.0.2-10.0.0.3', 'example.com'].map((range) =>
    broken('GatewayParameters', 'addressPool must have IP addresses', { addressPool: ['::1-::9', range] }),
  ),
  ...[{ loadBalancerClass: 'a/b' }, { loadBalancerSourceRanges: ['10.0.0.0/8'] }].map((setting) =>
    broken('GatewayParameters', 'loadBalancerClass and loadBalancerSourceRanges are for type LoadBalancer', {
      service: { type: 'NodePort', ...setting },
    }),
  ),
  broken('GatewayParameters', 'externalTrafficPolicy is not for type ClusterIP', {
    service: { type: 'ClusterIP', externalTrafficPolicy: 'Local' },
  }),
  broken('GatewayParameters', 'loadBalancerSourceRanges must be networks', {
    service: { loadBalancerSourceRanges: ['10.0.0.1'] },
  }),
];
