// Objects of Kubernetes' own kinds: what is read of them, and how it is completed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsOf, valid } from './validation.ts';

const metadata = { name: 'a', namespace: 'b' };

function service(spec: unknown): object {
  return { apiVersion: 'v1', kind: 'Service', metadata, spec };
}

function endpointSlice(fields: object): object {
  return { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, ...fields };
}

function secret(fields: object): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata, ...fields };
}

function configMap(fields: object): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...fields };
}

test('Service: defaults are filled in, and fields that nobody reads are dropped', () => {
  const manifest = service({
    selector: { app: 'a' },
    sessionAffinity: 'None',
    ports: [{ port: 80 }, { port: 80, protocol: 'UDP', name: 'dns', targetPort: 'dns', nodePort: 30_000 }].map(
      (port, index) => ({ name: `p${index}`, ...port }),
    ),
  });
  assert.deepEqual(valid(manifest), {
    ...service({
      type: 'ClusterIP',
      ports: [
        { name: 'p0', port: 80, targetPort: 80, protocol: 'TCP' },
        { name: 'dns', port: 80, targetPort: 'dns', protocol: 'UDP' },
      ],
    }),
  });
});

test('Service: one port needs no name, several need different ones', () => {
  assert.deepEqual(valid(service({ ports: [{ name: '', port: 80, appProtocol: 'http' }] })), {
    ...service({ type: 'ClusterIP', ports: [{ port: 80, targetPort: 80, protocol: 'TCP', appProtocol: 'http' }] }),
  });
  assert.deepEqual(problemsOf(service({ ports: [{ port: 80 }, { name: 'b', port: 81 }] })), [
    'spec.ports[0].name: is required when a Service has several ports',
  ]);
  assert.deepEqual(
    problemsOf(
      service({
        ports: [
          { name: 'b', port: 80 },
          { name: 'b', port: 81 },
        ],
      }),
    ),
    ['spec.ports[1].name: another port of the Service has this name'],
  );
  assert.deepEqual(
    problemsOf(
      service({
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80, protocol: 'TCP' },
        ],
      }),
    ),
    ['spec.ports[1]: has the same port and protocol as item 0 of the list'],
  );
});

test('Service: ports may be missing only where there is nothing to map; ExternalName needs a name', () => {
  assert.deepEqual(problemsOf(service({})), ['spec.ports: is required']);
  assert.deepEqual(problemsOf(service({ ports: [] })), ['spec.ports: is required']);
  valid(service({ clusterIP: 'None' }));
  valid(service({ type: 'ExternalName', externalName: 'example.com' }));
  assert.deepEqual(problemsOf(service({ type: 'ExternalName' })), [
    'spec.externalName: is required for a Service of type ExternalName',
  ]);
  assert.equal(problemsOf(service({ ports: [{ port: 0 }] })).length, 1);
  assert.equal(problemsOf({ apiVersion: 'v1', kind: 'Service', metadata }).length, 1);
});

test('EndpointSlice: what is read is kept and defaulted', () => {
  const manifest = endpointSlice({
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true, serving: null }, nodeName: 'n', zone: 'z' }],
    ports: [{ port: 8080 }, { name: 'h2', port: 8443, appProtocol: 'kubernetes.io/h2c' }],
  });
  assert.deepEqual(valid(manifest), {
    ...endpointSlice({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true }, zone: 'z' }],
      ports: [
        { name: '', port: 8080, protocol: 'TCP' },
        { name: 'h2', port: 8443, protocol: 'TCP', appProtocol: 'kubernetes.io/h2c' },
      ],
    }),
  });
});

test('EndpointSlice: addresses are of the type that it says, and bounded', () => {
  valid(endpointSlice({ addressType: 'IPv6', endpoints: [{ addresses: ['::1'] }] }));
  valid(endpointSlice({ addressType: 'FQDN', endpoints: [{ addresses: ['example.com'] }] }));
  assert.deepEqual(
    problemsOf(endpointSlice({ addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1', '::1'] }] })),
    ['endpoints[0].addresses[1]: must be an IPv4 address, as addressType says'],
  );
  assert.equal(problemsOf(endpointSlice({ addressType: 'IPv4', endpoints: [{ addresses: [] }] })).length, 1);
  const endpoints = Array.from({ length: 1001 }, () => ({ addresses: ['10.0.0.1'] }));
  assert.equal(problemsOf(endpointSlice({ addressType: 'IPv4', endpoints })).length, 1);
  assert.deepEqual(problemsOf(endpointSlice({})), ['addressType: is required']);
});

test('Secret: stringData becomes data and wins; the type has a default', () => {
  const manifest = secret({ data: { a: 'eA==', b: 'eQ==' }, stringData: { b: 'ü', c: '' }, immutable: true });
  assert.deepEqual(valid(manifest), { ...secret({ type: 'Opaque', data: { a: 'eA==', b: 'w7w=', c: '' } }) });
  assert.deepEqual(valid(secret({ type: 'kubernetes.io/tls' })), { ...secret({ type: 'kubernetes.io/tls' }) });
});

test('Secret: problems never show the value', () => {
  const problems = problemsOf(secret({ data: { a: 'hunter2!' }, stringData: { b: 1 } }));
  assert.deepEqual(problems, [
    'data.a: must be base64 with padding',
    'stringData.b: must be a string, not an integer; put it in quotes',
  ]);
});

test('Secret and ConfigMap: keys are file names, and the data is bounded', () => {
  for (const key of ['', 'a/b', 'a b', '.', '..', 'a'.repeat(254)]) {
    assert.equal(problemsOf(secret({ data: { [key]: '' } })).length, 1, key);
    assert.equal(problemsOf(secret({ stringData: { [key]: '' } })).length, 1, key);
    assert.equal(problemsOf(configMap({ data: { [key]: '' } })).length, 1, key);
    assert.equal(problemsOf(configMap({ binaryData: { [key]: '' } })).length, 1, key);
  }
  const hostile = JSON.parse('{"__proto__": "eA=="}') as object;
  assert.deepEqual(Object.keys((valid(secret({ data: hostile })) as unknown as { data: object }).data), ['__proto__']);
  const half = 'x'.repeat(512 * 1024);
  valid(configMap({ data: { a: half, b: half } }));
  assert.deepEqual(problemsOf(configMap({ data: { a: half, b: half, c: 'ü' } })), [
    'data: must have at most 1048576 bytes in all, has 1048578',
  ]);
  assert.deepEqual(problemsOf(secret({ stringData: { a: half, b: half, c: 'ü' } })), [
    'data: must have at most 1048576 bytes in all, has 1048578',
  ]);
});

test('ConfigMap: data and binaryData are kept and share no key', () => {
  const manifest = configMap({ data: { a: 'x' }, binaryData: { b: 'eA==' } });
  assert.deepEqual(valid(manifest), manifest);
  assert.deepEqual(problemsOf(configMap({ data: { a: 'x' }, binaryData: { a: 'eA==' } })), [
    'binaryData.a: the key is also in data',
  ]);
});

test('Namespace: only its metadata counts', () => {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', labels: { team: 'x' } } };
  assert.deepEqual(valid({ ...namespace, spec: { finalizers: [] }, status: { phase: 'Active' } }), namespace);
});
