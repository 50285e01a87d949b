// A certificate is replaced again and again while 100 new TLS connections a second are made: no handshake fails, and each sees the old
// certificate or the new one, whole and with its own key.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route, tlsSecret } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { Traffic } from '../system/traffic.ts';
import type { Answer, Judge, Target } from '../system/traffic.ts';
import { Http2Client } from './http2-client.ts';
import { TrafficUpstream } from './traffic-upstream.ts';

const SERVER_NAME = 'shop.example.com';
const ROTATIONS = 10;
const ROTATION_INTERVAL_MS = 400;
/** Each makes a connection every 80 ms. */
const CLIENTS = 10;
const INTERVAL_MS = 80;
const MIN_CONNECTIONS_PER_SECOND = 100;
const TIMEOUT_MS = 60_000;

/**
 * A connection sees the certificate that was served when it began, or one of those that were offered since. That the key is its own is
 * what the handshake proves.
 */
class Succession implements Judge<number> {
  /** The one that is served, as far as is known. */
  served = 0;
  readonly seen: number[];
  readonly #fingerprints: readonly string[];

  constructor(fingerprints: readonly string[]) {
    this.#fingerprints = fingerprints;
    this.seen = fingerprints.map(() => 0);
  }

  begin(): number {
    return this.served;
  }

  judge({ status, certificate }: Answer, servedAtBegin: number): string | undefined {
    const index = this.#fingerprints.indexOf(certificate ?? '');
    if (status !== 200 || index === -1) return `${status}, certificate ${certificate}`;
    this.seen[index] = (this.seen[index] ?? 0) + 1;
    return index < servedAtBegin ? `certificate ${index} after ${servedAtBegin}` : undefined;
  }
}

test('rotation under 100 new connections a second', { timeout: TIMEOUT_MS }, async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority();
  t.after(() => authority.remove());
  const pairs = Array.from({ length: ROTATIONS + 1 }, () => authority.issue(SERVER_NAME));
  const secrets = pairs.map(({ chain: certificate, key }) => documents(tlsSecret('pair', { certificate, key })));
  const upstream = await TrafficUpstream.start(t, 'upstream');
  const port = await freePort();
  directory.write({
    'manifests/all.yaml': documents(
      gateway({ name: 'https', port, secret: 'pair' }),
      route('all', { backend: 'all' }),
      backend('all', upstream.port),
    ),
    'manifests/secret.yaml': secrets[0] ?? '',
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'));

  const target: Target = { port, tls: { ca: authority.pem, serverName: SERVER_NAME } };
  const judge = new Succession(pairs.map(({ chain }) => new X509Certificate(chain).fingerprint256));
  const common = { target, judge, keepAlive: 0, intervalMs: INTERVAL_MS };
  const traffics = [
    new Traffic(t, { ...common, fresh: CLIENTS / 2 }),
    new Traffic(t, { ...common, fresh: CLIENTS / 2, open: (to, keepAlive) => new Http2Client(to, keepAlive) }),
  ];
  await Promise.all(traffics.map((traffic) => traffic.untilMore(CLIENTS)));
  const startMs = performance.now();
  const before = traffics.reduce((sum, { completed }) => sum + completed, 0);
  let fellInto = 0;
  for (let rotation = 1; rotation <= ROTATIONS; rotation++) {
    const answered = traffics.reduce((sum, traffic) => sum + traffic.answered, 0);
    directory.replace('manifests/secret.yaml', secrets[rotation] ?? '');
    await sluice.untilConfigVersion(rotation + 1);
    judge.served = rotation;
    fellInto += traffics.reduce((sum, { attempted }) => sum + attempted, -answered);
    await delay(startMs + rotation * ROTATION_INTERVAL_MS - performance.now());
  }
  const connections = traffics.reduce((sum, { completed }) => sum + completed, 0) - before;
  const perSecond = Math.round(connections / ((performance.now() - startMs) / 1_000));
  await Promise.all(traffics.map((traffic) => traffic.stop()));

  t.diagnostic(
    `${ROTATIONS} rotations fell into the traffic, ${fellInto} connections under way until they took effect; ${perSecond} a second; ` +
      `HTTP/1.1: ${String(traffics[0])}; HTTP/2: ${String(traffics[1])}; by certificate: ${judge.seen.join(' ')}`,
  );
  for (const traffic of traffics) assert.equal(traffic.failed, 0, String(traffic));
  assert.ok(fellInto > 0);
  assert.ok(perSecond >= MIN_CONNECTIONS_PER_SECOND, `${perSecond} a second`);
  assert.ok(
    judge.seen.every((count) => count > 0),
    'each certificate was served',
  );
  assert.equal((await sluice.metrics()).sum('sluice_protocol_errors_total'), 0);
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:warn|error|fatal)"/);
});
