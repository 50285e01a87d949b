// Edits that are wrong, or concern something else, while clients ask without pause over HTTP and HTTPS: no request fails, no connection
// is closed, and what was good before goes on. Each step waits until the gateway took notice of it.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { CertificateAuthority } from './certificates.ts';
import { backend, documents, gateway, route, tlsSecret } from './manifests.ts';
import type { KeyPair } from './manifests.ts';
import { startNginx } from './nginx.ts';
import { SystemGateway } from './system-gateway.ts';
import { Traffic } from './traffic.ts';
import type { Answer, Judge } from './traffic.ts';

const SERVER_NAME = 'shop.example.com';
/** After the gateway took notice, before the next step. */
const ANSWERS_PER_STEP = 40;

/** All answers come from one backend; their certificates may become newer, never older again on new connections. */
class Expectation implements Judge<number> {
  readonly #fingerprints: string[] = [];
  newest = 0;

  /** May be served from now on. */
  offer({ certificate }: KeyPair): void {
    this.#fingerprints.push(new X509Certificate(certificate).fingerprint256);
  }

  begin(): number {
    return this.newest;
  }

  judge({ status, body, certificate }: Answer, newest: number): string | undefined {
    if (status !== 200 || body !== 'good') return `${status} ${body}`;
    if (certificate === undefined) return undefined;
    const index = this.#fingerprints.indexOf(certificate);
    if (index < newest) return `certificate ${index} after ${newest}`;
    this.newest = Math.max(this.newest, index);
    return undefined;
  }
}

test('edits that are wrong or concern something else disturb nobody', async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority(directory);
  const [http, https, upstream] = [await freePort(), await freePort(), await freePort()];
  await startNginx(t, [upstream], `server { listen 127.0.0.1:${upstream}; location / { return 200 good; } }`);
  const good = documents(route('good', { backend: 'good' }));
  const other = documents(route('other', { path: '/other', backend: 'missing' }));
  const pairs = [authority.issue(SERVER_NAME), authority.issue(SERVER_NAME), authority.issue(SERVER_NAME)] as const;
  directory.write({
    'manifests/gateway.yaml': documents(
      gateway({ name: 'http', port: http }, { name: 'https', port: https, secret: 'pair' }),
      backend('good', upstream),
    ),
    'manifests/good.yaml': good,
    'manifests/other.yaml': other,
    'manifests/secret.yaml': documents(tlsSecret('pair', pairs[0])),
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'));
  const otherStatus = async (): Promise<number> => (await fetch(`http://127.0.0.1:${http}/other`)).status;
  const problemCount = async (): Promise<number> =>
    ((await sluice.admin('/problems')) as { readonly items: readonly unknown[] }).items.length;

  const plain = new Expectation();
  const newcomers = new Expectation();
  const regulars = new Expectation();
  for (const expectation of [newcomers, regulars]) expectation.offer(pairs[0]);
  const tls = { ca: authority.pem, serverName: SERVER_NAME };
  const traffics = [
    new Traffic(t, { target: { port: http }, keepAlive: 1, fresh: 1, judge: plain }),
    new Traffic(t, { target: { port: https, tls }, keepAlive: 2, fresh: 0, judge: regulars }),
    new Traffic(t, { target: { port: https, tls }, keepAlive: 0, fresh: 1, judge: newcomers }),
  ] as const;
  const [, , newcomerTraffic] = traffics;
  const goOn = async (): Promise<void> => {
    await Promise.all(traffics.map((traffic) => traffic.untilMore(ANSWERS_PER_STEP)));
    for (const traffic of traffics) assert.equal(traffic.failed, 0, String(traffic));
  };
  await goOn();
  assert.equal(await otherStatus(), 500, 'a route without a backend');

  await t.test('a syntax error', async () => {
    directory.write({ 'manifests/good.yaml': good.replace('"spec": {', '"spec": {{') });
    await sluice.process.untilErrors(/"level":"warn".*good\.yaml:\d+:\d+/);
    await goOn();
    assert.equal(await problemCount(), 1);
  });

  await t.test('an object that is wrong', async () => {
    directory.replace('manifests/good.yaml', good.replace('"backendRefs"', '"backendRef"'));
    await sluice.process.untilErrors(/"level":"warn".*good\.yaml:.*backendRef: unknown field/);
    await goOn();
    assert.equal(await problemCount(), 1);
    assert.equal(sluice.configVersion, 1, 'nothing to apply');
  });

  await t.test('the file as it was', async () => {
    directory.replace('manifests/good.yaml', good);
    // A change that is applied afterwards shows that it was read.
    directory.replace('manifests/other.yaml', other.replace('"/other"', '"/another"'));
    await sluice.untilConfigVersion(2);
    await goOn();
    assert.equal(await problemCount(), 0);
    // The route for everything takes over.
    assert.equal(await otherStatus(), 200);
  });

  await t.test('deletion of another route, and its return', async () => {
    directory.remove('manifests/other.yaml');
    await sluice.untilConfigVersion(3);
    await goOn();
    directory.write({ 'manifests/other.yaml': other });
    await sluice.untilConfigVersion(4);
    await goOn();
    assert.equal(await otherStatus(), 500);
  });

  await t.test('another certificate', async () => {
    for (const expectation of [newcomers, regulars]) expectation.offer(pairs[1]);
    directory.replace('manifests/secret.yaml', documents(tlsSecret('pair', pairs[1])));
    await newcomerTraffic.until('the new certificate', () => newcomers.newest === 1 || undefined);
    await goOn();
    assert.equal(regulars.newest, 0, 'open connections stay');
  });

  await t.test('a certificate with the key of another, and the right one', async () => {
    const mixed = { certificate: pairs[2].certificate, key: pairs[0].key };
    directory.replace('manifests/secret.yaml', documents(tlsSecret('pair', mixed)));
    await sluice.untilStatus(/"InvalidCertificateRef".*what it held before goes on being served/);
    await goOn();
    for (const expectation of [newcomers, regulars]) expectation.offer(pairs[2]);
    directory.replace('manifests/secret.yaml', documents(tlsSecret('pair', pairs[2])));
    await newcomerTraffic.until('the right certificate', () => newcomers.newest === 2 || undefined);
    await goOn();
  });

  await t.test('many files at once', async () => {
    const before = sluice.configVersion;
    for (let index = 0; index < 50; index++) {
      directory.write({
        [`manifests/more/${index}.yaml`]: documents(route(`r${index}`, { path: `/r${index}`, backend: 'good' })),
      });
    }
    await sluice.untilConfigVersion(before + 1);
    await goOn();
    directory.remove('manifests/more');
    await sluice.untilConfigVersion(before + 2);
    await goOn();
    assert.equal(sluice.configVersion, before + 2, 'one change for all');
  });

  for (const traffic of traffics) {
    await traffic.stop();
    t.diagnostic(String(traffic));
    assert.equal(traffic.failed, 0, String(traffic));
  }
  assert.deepEqual(
    traffics.map(({ keptConnections }) => keptConnections),
    [1, 2, 0],
    'no connection was closed',
  );
  assert.equal((await sluice.stop()).code, 0);
});
