// The kustomizations of deploy/ at a real API server: everything in them is applied server-side and strict, namespaces that enforce a Pod
// Security Standard admit the pods, and what two files say of one thing agrees.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { startCluster } from '../../conformance/cluster.ts';
import type { Cluster } from '../../conformance/cluster.ts';
import { GATEWAY_API_CRDS } from '../../conformance/programs.ts';
import { ROOT } from '../../harness/markdown-page.ts';
import { buildKustomization, kubectl, skipWithoutCrds, tryKubectl } from './kubectl.ts';
import type { BuiltObject } from './kubectl.ts';

const BASE = 'deploy/kustomize/base';
const HOST_NETWORK = 'deploy/kustomize/overlays/host-network';
const FOLDERS = [BASE, 'deploy/kustomize/overlays/node-port', HOST_NETWORK];
const APPLY = ['apply', '--server-side', '--validate=strict', '-k'];
/** Bounds of a drain beside delay and grace: the last connections, and the logs. */
const MIN_DRAIN_MARGIN_MS = 5_000;
const PODS = '/api/v1/namespaces/sluice-system/pods?dryRun=All';

interface Container {
  readonly image: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
}

interface Deployment extends BuiltObject {
  readonly spec: {
    readonly template: {
      readonly metadata: object;
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly [Container];
      };
    };
  };
}

interface Service extends BuiltObject {
  readonly spec: { readonly ports: readonly { readonly port: number; readonly targetPort: number }[] };
}

describe('the kustomizations', { skip: skipWithoutCrds() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-deploy-'));
  let cluster: Cluster;

  before(async () => {
    cluster = await startCluster(folder);
    await kubectl(cluster.kubeconfig, [...APPLY, GATEWAY_API_CRDS]);
    await kubectl(cluster.kubeconfig, ['wait', '--for=condition=Established', '--timeout=30s', 'crd', '--all']);
    await kubectl(cluster.kubeconfig, [...APPLY, 'deploy/crds']);
  });
  after(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const folder of FOLDERS) {
    test(`${folder}: every object is taken as it is, without a warning; each says whose it is`, async () => {
      const { code, output, errors } = await tryKubectl(cluster.kubeconfig, [...APPLY, folder]);
      assert.deepEqual({ code, errors }, { code: 0, errors: '' });
      const { objects } = await buildKustomization(folder);
      assert.equal(output.trim().split('\n').length, objects.length);
      for (const { kind, metadata } of objects) {
        const { name, labels = {} } = metadata;
        for (const label of ['name', 'instance', 'part-of'])
          assert.equal(labels[`app.kubernetes.io/${label}`], 'sluice', `${kind} ${name}: ${label}`);
      }
    });

    test(`${folder}: its namespace admits its pods`, async () => {
      const { metadata, spec } = (await deploymentOf(folder)).spec.template;
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'sluice' }, spec };
      const { status, body } = await cluster.adminRequest('POST', PODS, pod);
      assert.equal(status, 201, JSON.stringify(body));
      const namespace = await cluster.admin.call<BuiltObject>('GET', '/api/v1/namespaces/sluice-system');
      const standard = namespace.metadata.labels?.['pod-security.kubernetes.io/enforce'];
      assert.equal(standard, folder === HOST_NETWORK ? 'privileged' : 'restricted');
    });
  }

  test('the time to terminate is that of a drain, and a little more', async () => {
    const { drain } = loadConfig({ file: join(ROOT, BASE, 'sluice.yaml') });
    const { terminationGracePeriodSeconds } = (await deploymentOf(BASE)).spec.template.spec;
    const marginMs = terminationGracePeriodSeconds * 1000 - drain.delayMs - drain.graceMs;
    assert.ok(marginMs >= MIN_DRAIN_MARGIN_MS && marginMs <= 4 * MIN_DRAIN_MARGIN_MS, `${marginMs} ms`);
  });

  test('the Services lead where the pods listen', async () => {
    const { objects } = await buildKustomization(BASE);
    const { admin, portOffset } = loadConfig({ file: join(ROOT, BASE, 'sluice.yaml') });
    const [{ ports }] = (await deploymentOf(BASE)).spec.template.spec.containers;
    const traffic = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'sluice') as Service;
    const targets = traffic.spec.ports.map(({ targetPort }) => targetPort);
    assert.deepEqual(
      targets,
      traffic.spec.ports.map(({ port }) => port + portOffset),
    );
    assert.deepEqual(
      ports.map(({ containerPort }) => containerPort),
      [...targets, admin.port],
    );
  });

  test('on the network of the host, ports are those of the listeners and the admin API is for the node', async () => {
    const [{ env = [] }] = (await deploymentOf(HOST_NETWORK)).spec.template.spec.containers;
    const environment = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const { admin, portOffset } = loadConfig({ file: join(ROOT, BASE, 'sluice.yaml'), environment });
    assert.deepEqual({ host: admin.host, portOffset }, { host: '127.0.0.1', portOffset: 0 });
  });

  test('the image has the version of the checkout', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const [{ image }] = (await deploymentOf(BASE)).spec.template.spec.containers;
    assert.equal(image, `sluice:${version}`);
  });
});

async function deploymentOf(folder: string): Promise<Deployment> {
  const { objects } = await buildKustomization(folder);
  return objects.find(({ kind }) => kind === 'Deployment') as Deployment;
}
