// The access that a pod has by its service account, and which access is meant when nothing is said.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { discoverAccess } from '../../../src/kubernetes/access-discovery.ts';
import { inClusterAccess } from '../../../src/kubernetes/in-cluster.ts';
import { FakeClock } from '../../harness/fake-clock.ts';
import { TemporaryDirectory } from '../provider/file/temporary-directory.ts';

const POD = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };

test('server, token, authority and namespace; the token is read again', async (t) => {
  const directory = new TemporaryDirectory(t);
  writeFileSync(directory.at('token'), 'one');
  writeFileSync(directory.at('ca.crt'), 'authority');
  writeFileSync(directory.at('namespace'), 'gateways\n');
  const access = await inClusterAccess({ environment: POD, clock: new FakeClock(), directory: directory.path });
  assert.equal(access.server.href, 'https://[fd00::1]/');
  assert.equal(access.namespace, 'gateways');
  writeFileSync(directory.at('token'), 'two');
  const { credentials } = await access.credentialSource();
  assert.equal(credentials.authorization?.reveal(), 'Bearer two');
  assert.equal(credentials.authorityPem, 'authority');
});

test('what a pod lacks is said', async (t) => {
  const directory = new TemporaryDirectory(t);
  const clock = new FakeClock();
  await assert.rejects(inClusterAccess({ environment: {}, clock }), /KUBERNETES_SERVICE_HOST .* use --kubeconfig/);
  const inPod = { environment: POD, clock, directory: directory.path };
  await assert.rejects(inClusterAccess(inPod), /token cannot be read \(ENOENT\)/);
  writeFileSync(directory.at('token'), ' ');
  await assert.rejects(inClusterAccess(inPod), /token holds no token/);
});

test('the file that was named, else KUBECONFIG, else the pod, else the home directory', async (t) => {
  const directory = new TemporaryDirectory(t);
  mkdirSync(directory.at('.kube'));
  const config = (name: string): string =>
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k' } }],
      clusters: [{ name: 'k', cluster: { server: `https://${name}` } }],
    });
  for (const name of ['named', 'listed', '.kube/config'])
    writeFileSync(directory.at(name), config(name.replace(/\W/g, '')));
  const base = { homeDirectory: () => directory.path, clock: new FakeClock() };
  const hostOf = async (options: object, environment: object): Promise<string> =>
    (await discoverAccess({ ...base, ...options, environment: { ...environment } })).server.hostname;
  const KUBECONFIG = `${directory.at('gone')}:${directory.at('listed')}`;
  assert.equal(await hostOf({ kubeconfig: directory.at('named') }, { KUBECONFIG, ...POD }), 'named');
  assert.equal(await hostOf({}, { KUBECONFIG, ...POD }), 'listed');
  assert.equal(await hostOf({ context: 'c' }, POD), 'kubeconfig');
  assert.equal(await hostOf({}, {}), 'kubeconfig');
  // The user of a pod may have no home.
  const homeDirectory = (): string => assert.fail('nobody asks');
  await assert.rejects(hostOf({ homeDirectory }, POD), /serviceaccount\/token cannot be read/);
});
