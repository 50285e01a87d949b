// T08 and L04: a private key and the admin token are nowhere but where they are needed. They are not in the log, in errors, in the admin
// API or in what commands print, whatever is wrong with the manifests that hold them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { freePort, sluice as runSluice } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route, tlsSecret } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';

const TOKEN = 'token-that-nobody-may-read-5b1f';
/** What an operator can ask for. */
const ENDPOINTS = ['/healthz', '/readyz', '/metrics', '/config', '/status', '/problems', '/version', '/openapi.json'];
/** What people ask for who know other servers. */
const UNKNOWN = [
  '/heapdump',
  '/debug',
  '/debug/pprof',
  '/memory',
  '/config_dump',
  '/env',
  '/secrets',
  '/certs',
  '/report',
];

test('T08 L04 no key and no token gets out', async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority();
  t.after(() => authority.remove());
  const pairs = [authority.issue('a.example'), authority.issue('b.example'), authority.issue('c.example')];
  const [good, other, broken] = pairs as [(typeof pairs)[0], (typeof pairs)[0], (typeof pairs)[0]];
  const cut = broken.key.replace(/.{8}\n-----END/, '\n-----END');
  const [http, https, ...lost] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  directory.write({
    token: TOKEN,
    'manifests/all.yaml': documents(
      gateway(
        { name: 'http', port: http },
        { name: 'good', port: https, secret: 'good' },
        ...lost.map((port, index) => ({ name: `lost-${index}`, port, secret: `lost-${index}` })),
      ),
      route('all', { backend: 'nobody' }),
      backend('nobody', await freePort()),
      tlsSecret('good', { certificate: good.chain, key: good.key }),
      tlsSecret('lost-0', { certificate: good.chain, key: other.key }),
      tlsSecret('lost-1', { certificate: broken.chain, key: cut }),
      // As if somebody had mixed them up.
      tlsSecret('lost-2', { certificate: other.key, key: other.chain }),
    ),
    // YAML that is none, with a key in it.
    'manifests/broken.yaml': `kind: Secret\ndata: {tls.key: "${other.key.replaceAll('\n', ' ')}\n  : [`,
    // A kind that has no such field.
    'manifests/wrong.yaml': documents({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'wrong' },
      spec: { parentRefs: [{ name: 'web' }], key: other.key },
    }),
  });
  const gatewayProcess = await SystemGateway.start(t, directory.at('manifests'), {
    environment: {
      SLUICE_ADMIN_TOKEN_FILE: directory.at('token'),
      SLUICE_LOG_LEVEL: 'trace',
      SLUICE_ACCESS_LOG_ENABLED: 'true',
    },
  });
  const { adminUrl } = gatewayProcess;
  const texts = new Map<string, string>();
  const keep = async (path: string, init?: RequestInit): Promise<number> => {
    const response = await fetch(adminUrl + path, init);
    const headers = [...response.headers].join('\n');
    texts.set(path, `${headers}\n${await response.text()}`);
    return response.status;
  };
  for (const path of ENDPOINTS) assert.ok((await keep(path)) < 400 || path === '/readyz', path);
  for (const path of UNKNOWN) assert.equal(await keep(path), 404, path);
  const authorization = (token: string): RequestInit => ({
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(await keep('/drain', authorization(`${TOKEN}x`)), 401);
  await fetch(`http://127.0.0.1:${http}/`);
  for (const command of ['translate', 'validate'] as const) {
    const { output, errors } = await runSluice([command, '--manifests', directory.at('manifests')]);
    texts.set(command, output + errors);
  }
  assert.equal(await keep('/drain', authorization(TOKEN)), 202);
  texts.set('the log', gatewayProcess.process.errors + gatewayProcess.process.output);

  assert.match(texts.get('/config') ?? '', /\[redacted\]/);
  assert.match(texts.get('/status') ?? '', /InvalidCertificateRef/);
  const secrets = [TOKEN, ...[good.key, other.key, cut].flatMap(linesOf)];
  for (const [where, text] of texts) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `${where} has ${JSON.stringify(secret)}`);
  }
});

/** The lines that have the private part: behind it comes the public one, which the certificate has too. */
function linesOf(pem: string): readonly string[] {
  return pem.split('\n').slice(1, 3);
}
