// Gateways with a Service each: what is planned for them, and what becomes of what the Service has by then.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubernetesObject } from '../../../src/api/object.ts';
import type { Binding, GatewayService } from '../../../src/gatewayapi/binding.ts';
import { createMemo, translate, type Translation } from '../../../src/gatewayapi/translate.ts';
import { gateway, hostBinding, listenerSet, options, parameters, resourcesOf } from './configuration.ts';

const SERVICE: Binding = { kind: 'service', bindAddress: '::' };

const ALLOWS_SETS = { allowedListeners: { namespaces: { from: 'Same' } } };

const READY: GatewayService = {
  addresses: [{ type: 'IPAddress', value: '198.51.100.7' }],
  clusterAddresses: ['10.96.0.7'],
  targetPorts: { '80': 20_080, '443': 20_443, '53/udp': 20_053 },
};

function translated(objects: readonly KubernetesObject[], service?: GatewayService): Translation {
  const gatewayServices = new Map(service === undefined ? [] : [['shop/gw', service]]);
  return translate(resourcesOf(...objects), createMemo(), options({ binding: SERVICE, gatewayServices }));
}

/** Conditions and addresses of the Gateway. */
function statusText({ statuses }: Translation): string {
  return JSON.stringify(statuses.get('Gateway/shop/gw')?.status);
}

describe('the plan of a Gateway', () => {
  it('has the ports that its listeners and those of its ListenerSets want, each once, and what its spec says of infrastructure', () => {
    const listeners = [
      { port: 443, protocol: 'TLS', tls: { mode: 'Passthrough' } },
      { port: 80, hostname: 'a.example.com' },
      { port: 80, hostname: 'b.example.com' },
      { port: 53, protocol: 'UDP' },
      { port: 1, protocol: 'OTHER' },
      { port: 9000, protocol: 'TCP' },
      { port: 9000 },
    ];
    const infrastructure = { labels: { team: 'red' }, annotations: { note: 'x' } };
    const addresses = [{ type: 'IPAddress', value: '198.51.100.7' }];
    const spec = { ...ALLOWS_SETS, infrastructure, addresses };
    const set = listenerSet('more', [
      { port: 53, protocol: 'TCP' },
      { port: 80, protocol: 'TCP' },
    ]);
    assert.deepEqual(translated([gateway(listeners, spec), set]).plans.get('shop/gw'), {
      binding: 'service',
      addresses,
      ports: [
        { name: '53', port: 53, transport: 'TCP' },
        { name: '53/udp', port: 53, transport: 'UDP' },
        { name: '80', port: 80, transport: 'TCP' },
        { name: '443', port: 443, transport: 'TCP' },
      ],
      service: {},
      ...infrastructure,
    });
  });

  it('has what the parameters of the Gateway say, then those of its class', () => {
    const gatewayClass = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'sluice' },
      spec: {
        controllerName: options().controllerName,
        parametersRef: { group: 'sluice.dev', kind: 'GatewayParameters', namespace: 'shop', name: 'of-class' },
      },
    };
    const ofClass = parameters('of-class', {
      binding: 'Host',
      service: { type: 'LoadBalancer', loadBalancerClass: 'example.com/a', externalTrafficPolicy: 'Local' },
    });
    const own = parameters('own', { binding: 'Service', service: { loadBalancerClass: 'example.com/b' } });
    const parametersRef = { group: 'sluice.dev', kind: 'GatewayParameters', name: 'own' };
    const objects = [gatewayClass, ofClass, own, gateway([{}], { infrastructure: { parametersRef } })];
    assert.deepEqual(translated(objects).plans.get('shop/gw')?.service, {
      type: 'LoadBalancer',
      loadBalancerClass: 'example.com/b',
      externalTrafficPolicy: 'Local',
    });
  });

  it('is not made for a Gateway that can not be accepted', () => {
    const parametersRef = { group: 'sluice.dev', kind: 'GatewayParameters', name: 'missing' };
    const { plans } = translated([gateway([{}], { infrastructure: { parametersRef } })]);
    assert.equal(plans.size, 0);
  });
});

describe('a Gateway with a Service', () => {
  it('waits for addresses, then for ports', () => {
    const nothing = translated([gateway()]);
    assert.match(statusText(nothing), /"Programmed","status":"False","reason":"AddressNotAssigned"/);
    const withoutPorts = translated([gateway()], { ...READY, targetPorts: {} });
    assert.match(statusText(withoutPorts), /"Programmed","status":"False","reason":"Pending","message":"The Service/);
    assert.equal(withoutPorts.ir.resources.size, 0);
  });

  it('listens where the Service leads', () => {
    const listeners = [{ port: 80 }, { port: 53, protocol: 'UDP' }];
    const { ir, statuses } = translated([gateway(listeners)], READY);
    assert.deepEqual(
      [...ir.resources.values()].map((resource) => resource.kind === 'listener' && [resource.key, resource.port]),
      [
        ['listener/::/20080', 80],
        ['listener/::/20053/udp', 53],
      ],
    );
    assert.match(
      JSON.stringify(statuses.get('Gateway/shop/gw')?.status),
      /"addresses":\[\{"type":"IPAddress","value":"198.51.100.7","routability":""\}\]/,
    );
  });

  it('says which of its addresses are the cluster’s, where these are asked for', () => {
    const asked = [{ type: 'IPAddress', routability: 'Cluster' }, { type: 'IPAddress' }];
    const status = translated([gateway([{}], { addresses: asked })], READY).statuses.get('Gateway/shop/gw')?.status;
    assert.deepEqual((status as { readonly addresses: unknown }).addresses, [
      { type: 'IPAddress', value: '10.96.0.7', routability: 'Cluster' },
      { type: 'IPAddress', value: '198.51.100.7', routability: '' },
    ]);
    const elsewhere = [{ type: 'IPAddress', value: '198.51.100.7', routability: 'Cluster' }];
    assert.match(
      statusText(translated([gateway([{}], { addresses: elsewhere })], READY)),
      /"AddressesAssigned","status":"False","reason":"NotAssigned","message":"spec.addresses\[0\].value \\"198.51.100.7/,
    );
    const unknown = [{ type: 'IPAddress', routability: 'example.com/vpc' }, { type: 'IPAddress' }];
    assert.match(
      statusText(translated([gateway([{}], { addresses: unknown })], READY)),
      /"Programmed","status":"False","reason":"AddressNotAssigned".*"reason":"PartiallyAssigned"/,
    );
  });

  it('has those of the cluster alone where its Service is of type ClusterIP', () => {
    const infrastructure = { parametersRef: { group: 'sluice.dev', kind: 'GatewayParameters', name: 'inside' } };
    const objects = [gateway([{}], { infrastructure }), parameters('inside', { service: { type: 'ClusterIP' } })];
    assert.match(
      statusText(translated(objects, { ...READY, addresses: [] })),
      /"addresses":\[\{"type":"IPAddress","value":"10.96.0.7","routability":"Cluster"\}\]/,
    );
  });

  it('can be beside Gateways with other bindings', () => {
    const infrastructure = { parametersRef: { group: 'sluice.dev', kind: 'GatewayParameters', name: 'host' } };
    const objects = [gateway([{}], { infrastructure }), parameters('host', { binding: 'Host' })];
    const { ir } = translate(
      resourcesOf(...objects),
      createMemo(),
      options({ binding: SERVICE, otherBindings: [hostBinding(8000)] }),
    );
    assert.deepEqual([...ir.resources.keys()], ['listener/::/8080']);
  });
});
