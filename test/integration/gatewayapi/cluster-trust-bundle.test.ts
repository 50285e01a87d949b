// CA certificates from a ClusterTrustBundle: clients are let in with a certificate of theirs, backends are trusted by them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { CertificateAuthority, type KeyPair } from '../../harness/certificate-authority.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { POOL, ServedManifests } from './served-manifests.ts';

const [ADDRESS_OF_GATEWAY = ''] = POOL;
const BUNDLE = { group: 'certificates.k8s.io', kind: 'ClusterTrustBundle', name: 'trusted' };

const authority = new CertificateAuthority();
const stranger = new CertificateAuthority();
after(() => {
  authority.remove();
  stranger.remove();
});
const SERVER = authority.issue('gw.test', 'backend.test');
const CLIENT = authority.issueForClient('client.test');
const STRANGER = stranger.issueForClient('client.test');

/** Status of the answer, or the code of what went wrong. */
async function ask(port: number, client: KeyPair | undefined): Promise<unknown> {
  const identity = client === undefined ? {} : { cert: client.chain, key: client.key };
  const asked = request({
    host: ADDRESS_OF_GATEWAY,
    port,
    servername: 'gw.test',
    headers: { host: 'gw.test' },
    ca: authority.pem,
    agent: false,
    ...identity,
  });
  asked.end();
  try {
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  } catch {
    return 'refused';
  }
}

test(
  'a ClusterTrustBundle says which clients are let in and which backends are trusted',
  { timeout: 20_000 },
  async (t) => {
    const bed = new TestBed(t);
    const port = await bed.closedPort();
    const backend = createServer({ cert: SERVER.chain, key: SERVER.key }, (_request, response) => response.end('ok'));
    backend.listen(0, ADDRESS);
    await once(backend, 'listening');
    bed.atEnd(() => {
      backend.closeAllConnections();
      backend.close();
    });

    const manifests = await ServedManifests.start(bed);
    manifests.put('Secret', 'gw', {
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': SERVER.chain, 'tls.key': SERVER.key },
    });
    const listeners = [{ name: 'https', protocol: 'HTTPS', port, tls: { certificateRefs: [{ name: 'gw' }] } }];
    const tls = { frontend: { default: { validation: { caCertificateRefs: [BUNDLE] } } } };
    manifests.put('Gateway', 'gw', { spec: { gatewayClassName: 'test', listeners, tls } });
    const endpoint = { ip: { address: ADDRESS, port: (backend.address() as AddressInfo).port } };
    manifests.put('Backend', 'web', { spec: { endpoints: [endpoint] } });
    const target = { group: 'sluice.dev', kind: 'Backend', name: 'web' };
    manifests.put('BackendTLSPolicy', 'web', {
      spec: { targetRefs: [target], validation: { hostname: 'backend.test', caCertificateRefs: [BUNDLE] } },
    });
    manifests.put('HTTPRoute', 'web', { spec: { parentRefs: [{ name: 'gw' }], rules: [{ backendRefs: [target] }] } });
    const trust = async (trustBundle: string): Promise<void> => {
      manifests.put('ClusterTrustBundle', 'trusted', { spec: { trustBundle } });
      await manifests.apply();
    };

    await trust(authority.pem);
    assert.deepEqual(
      [await ask(port, CLIENT), await ask(port, STRANGER), await ask(port, undefined)],
      [200, 'refused', 'refused'],
    );
    // The stranger's clients are let in then, and the backend is not trusted any more.
    await trust(stranger.pem);
    assert.deepEqual([await ask(port, CLIENT), await ask(port, STRANGER)], ['refused', 503]);
    await trust(authority.pem + stranger.pem);
    assert.deepEqual([await ask(port, CLIENT), await ask(port, STRANGER)], [200, 200]);
  },
);
