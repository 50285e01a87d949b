// The validator as its users see it: from a manifest to a normalised object, or to problems.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GATEWAY_GROUP } from '../../../src/api/kinds.ts';
import { createValidator } from '../../../src/validation/validator.ts';
import { problemsOf, valid } from './validation.ts';

const validator = createValidator();

function route(spec: unknown, fields: object = {}): object {
  return { apiVersion: `${GATEWAY_GROUP}/v1`, kind: 'HTTPRoute', metadata: { name: 'r' }, spec, ...fields };
}

test('an HTTPRoute gets all defaults of its CRD and loses its status', () => {
  const manifest = route(
    {
      parentRefs: [{ name: 'gw' }],
      hostnames: ['*.example.com'],
      rules: [
        {
          backendRefs: [{ name: 'a', port: 80 }],
          filters: [],
          timeouts: { request: '10s' },
        },
        { matches: [{ path: { value: '/x' }, headers: [{ name: 'A', value: 'b' }] }], retry: {} },
      ],
    },
    { status: { parents: 'anything' } },
  );
  assert.deepEqual(valid(manifest), {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'r', namespace: 'default' },
    spec: {
      hostnames: ['*.example.com'],
      parentRefs: [{ group: GATEWAY_GROUP, kind: 'Gateway', name: 'gw' }],
      rules: [
        {
          backendRefs: [{ group: '', kind: 'Service', name: 'a', port: 80, weight: 1 }],
          filters: [],
          matches: [{ path: { type: 'PathPrefix', value: '/' } }],
          timeouts: { request: '10s' },
        },
        {
          matches: [{ headers: [{ name: 'A', type: 'Exact', value: 'b' }], path: { type: 'PathPrefix', value: '/x' } }],
          retry: { attempts: 1 },
        },
      ],
    },
  });
});

test('an HTTPRoute without rules gets the rule of the CRD', () => {
  assert.deepEqual((valid(route({})) as unknown as { spec: unknown }).spec, {
    rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
  });
});

test('a Backend of each form', () => {
  const backend = {
    apiVersion: 'sluice.dev/v1alpha1',
    kind: 'Backend',
    metadata: { name: 'b', namespace: 'n' },
    spec: {
      endpoints: [{ ip: { address: '::1', port: 8080 } }, { fqdn: { hostname: 'example.com', port: 443 } }],
      protocol: 'WS',
      tls: { sni: 'example.com', caCertificateRefs: [{ name: 'ca' }] },
    },
  };
  const refs = [{ group: '', kind: 'ConfigMap', name: 'ca' }];
  assert.deepEqual(valid(backend), {
    ...backend,
    spec: { ...backend.spec, tls: { sni: 'example.com', caCertificateRefs: refs } },
  });
  const [endpoint] = backend.spec.endpoints;
  const system = { endpoints: [endpoint], tls: { wellKnownCACertificates: 'System' } };
  assert.deepEqual((valid({ ...backend, spec: system }) as unknown as { spec: unknown }).spec, {
    ...system,
    protocol: 'HTTP',
  });
  assert.deepEqual(problemsOf({ ...backend, spec: { endpoints: [] } }), [
    'spec.endpoints: must have at least 1 and at most 256 items; found 0',
  ]);
  assert.deepEqual(problemsOf({ ...backend, spec: { ...system, tls: { insecureSkipVerify: true } } }), [
    'spec.tls.insecureSkipVerify: unknown field; the fields here are sni, subjectAltNames, caCertificateRefs, wellKnownCACertificates',
  ]);
});

test('versions that are served are accepted and become the first version; others are refused with the one to use', () => {
  for (const version of ['v1', 'v1beta1']) {
    const object = valid(route({}, { apiVersion: `${GATEWAY_GROUP}/${version}` }));
    assert.equal(object.apiVersion, `${GATEWAY_GROUP}/v1`);
  }
  assert.deepEqual(problemsOf(route({}, { apiVersion: `${GATEWAY_GROUP}/v1alpha2` })), [
    'apiVersion: HTTPRoute is not served in "gateway.networking.k8s.io/v1alpha2"; use gateway.networking.k8s.io/v1',
  ]);
  assert.deepEqual(problemsOf({ apiVersion: 'v2', kind: 'Service' }), [
    'apiVersion: Service is not served in "v2"; use v1',
  ]);
});

test('kinds of other groups are unrelated, whatever they hold', () => {
  for (const apiVersion of ['apps/v1', 'networking.istio.io/v1', 'gateway.networking.x-k8s.io/v1alpha1', 'v1', '//']) {
    for (const kind of ['Deployment', 'Pod', 'XBackend']) {
      assert.deepEqual(validator.validate({ apiVersion, kind, spec: 7 }), { outcome: 'unrelated' });
    }
  }
  assert.deepEqual(validator.validate({ apiVersion: 'networking.istio.io/v1', kind: 'Gateway' }), {
    outcome: 'unrelated',
  });
});

test('kinds that our groups do not have are refused with the one that was probably meant', () => {
  assert.deepEqual(problemsOf(route({}, { kind: 'HttpRoute' })), [
    'kind: "HttpRoute" is not a kind of gateway.networking.k8s.io; did you mean HTTPRoute?',
  ]);
  assert.deepEqual(problemsOf({ apiVersion: 'sluice.dev/v1alpha1', kind: 'Upstream' }), [
    'kind: "Upstream" is not a kind of sluice.dev; its kinds are Backend, ListenerPolicy, GatewayParameters',
  ]);
});

test('what is not an object of Kubernetes is refused', () => {
  const [mapping, apiVersion, kind] = [
    ': must be a mapping with apiVersion, kind and metadata',
    'apiVersion: is required and must be a string',
    'kind: is required and must be a string',
  ];
  for (const manifest of [null, undefined, 'text', 7, true, []]) assert.deepEqual(problemsOf(manifest), [mapping]);
  assert.deepEqual(problemsOf({}), [apiVersion, kind]);
  assert.deepEqual(problemsOf({ apiVersion: 1, kind: 'Service' }), [apiVersion]);
  assert.deepEqual(problemsOf({ apiVersion: 'v1', kind: [] }), [kind]);
});

test('unknown fields at every level are refused in our kinds', () => {
  const manifest = route({ rules: [{ backendRef: [] }], hostname: 'a' }, { specs: {}, metadata: { name: 'a', x: 1 } });
  assert.deepEqual(problemsOf(manifest), [
    'specs: unknown field; did you mean spec?',
    'metadata.x: unknown field; the fields here are name, namespace, labels, annotations, creationTimestamp',
    'spec.hostname: unknown field; did you mean hostnames?',
    'spec.rules[0].backendRef: unknown field; did you mean backendRefs?',
  ]);
});

test('rules are applied once the structure is right', () => {
  const withoutPort = { rules: [{ backendRefs: [{ name: 'a' }] }] };
  assert.deepEqual(problemsOf(route(withoutPort)), [
    'spec.rules[0].backendRefs[0]: Must have port for Service reference',
  ]);
  assert.deepEqual(problemsOf(route({ ...withoutPort, hostnames: ['UPPER'] })), [
    'spec.hostnames[0]: must be a lower-case host name, whose first label may be *; found "UPPER"',
  ]);
});

test('parentRefs to Gateways of one name in two namespaces differ', () => {
  valid(route({ parentRefs: ['a', 'b'].map((namespace) => ({ name: 'gw', namespace })) }));
  assert.equal(problemsOf(route({ parentRefs: [{ name: 'gw' }, { name: 'gw' }] })).length, 1);
});

test('a hostile header value of the greatest length is refused at once', () => {
  const set = [{ name: 'a', value: `${'a'.repeat(4095)}\u0001` }];
  const manifest = route({ rules: [{ filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set } }] }] });
  assert.match(problemsOf(manifest)[0] ?? '', /must be visible ASCII characters/);
});

test('the greatest objects that a schema allows take bounded time', () => {
  const listeners = Array.from({ length: 64 }, (_, index) => ({
    name: `l${index}`,
    port: 1000 + index,
    protocol: 'HTTP',
  }));
  valid({
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'Gateway',
    metadata: { name: 'g' },
    spec: { gatewayClassName: 'sluice', listeners },
  });
  const parentRefs = Array.from({ length: 32 }, (_, index) => ({ name: 'gw', sectionName: `s${index}` }));
  const rules = Array.from({ length: 16 }, (_, index) => ({
    name: `r${index}`,
    matches: Array.from({ length: 8 }, (_, match) => ({ path: { value: `/${index}/${match}` } })),
    backendRefs: Array.from({ length: 16 }, (_, backend) => ({ name: `b${backend}`, port: 80 })),
  }));
  valid(route({ parentRefs, rules }));
});
