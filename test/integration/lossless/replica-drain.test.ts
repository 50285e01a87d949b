// SIGTERM to one of two replicas after the other, behind a health-checked haproxy, while clients ask over HTTP/1.1, HTTP/2, WebSockets and
// streams of events without ever asking twice: nothing fails. HTTP/1.1 hears `Connection: close`, HTTP/2 gets GOAWAY.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route, tlsSecret } from '../system/manifests.ts';
import { ANY_200, Client, Traffic } from '../system/traffic.ts';
import type { Target } from '../system/traffic.ts';
import { EventStreamClient } from './event-stream-client.ts';
import { Http2Client } from './http2-client.ts';
import { ReplicaSet } from './replicas.ts';
import type { Replica } from './replicas.ts';
import { TrafficUpstream } from './traffic-upstream.ts';
import { WebSocketClient } from './websocket-client.ts';

const SERVER_NAME = 'shop.example.com';
const DRAIN_DELAY_MS = 1_000;
const GRACE_MS = 5_000;
/** Clients of one request at a time; 50 ms are 20 requests a second. */
const INTERVAL_MS = 50;
const MIN_REQUESTS_PER_SECOND = 200;
/** Requests that a client of HTTP/2 has open at once. */
const OPEN_REQUESTS = [1, 4, 16] as const;
const TIMEOUT_MS = 60_000;

test('SIGTERM at 200 requests a second, of two replicas in turn', { timeout: TIMEOUT_MS }, async (t) => {
  const directory = new TemporaryDirectory(t);
  const authority = new CertificateAuthority();
  t.after(() => authority.remove());
  const { chain: certificate, key } = authority.issue(SERVER_NAME);
  const upstream = await TrafficUpstream.start(t, 'upstream');
  const { a, b, balancer } = await ReplicaSet.start(t, directory, {
    manifests: ({ http, https }) =>
      documents(
        gateway({ name: 'http', port: http }, { name: 'https', port: https, secret: 'pair' }),
        tlsSecret('pair', { certificate, key }),
        route('all', { backend: 'all' }),
        backend('all', upstream.port),
      ),
    environment: { SLUICE_DRAIN_DELAY: `${DRAIN_DELAY_MS}ms`, SLUICE_DRAIN_GRACE: `${GRACE_MS}ms` },
  });

  const path = '/?delayMs=20';
  const plain: Target = { port: balancer.http, path };
  const encrypted: Target = { port: balancer.https, path, tls: { ca: authority.pem, serverName: SERVER_NAME } };
  const common = { fresh: 1, intervalMs: INTERVAL_MS, judge: ANY_200 };
  const http2Clients: Http2Client[] = [];
  /** One connection for so many requests at once. */
  const http2 = (open: number): Traffic<undefined> => {
    const client = new Http2Client(encrypted, true);
    http2Clients.push(client);
    return new Traffic(t, { ...common, target: encrypted, keepAlive: open, fresh: 0, open: () => client });
  };
  const traffics: Readonly<Record<string, Traffic<undefined>>> = {
    'HTTP/1.1': new Traffic(t, { ...common, target: plain, keepAlive: 2 }),
    'HTTP/1.1 that haproxy parses': new Traffic(t, {
      ...common,
      target: { ...plain, port: balancer.parsed },
      keepAlive: 2,
    }),
    'HTTP/2 in plaintext': new Traffic(t, {
      ...common,
      target: plain,
      keepAlive: 1,
      open: (target, keepAlive) => new Http2Client(target, keepAlive),
    }),
    ...Object.fromEntries(OPEN_REQUESTS.map((open) => [`HTTP/2 over TLS, ${open} open`, http2(open)])),
    'WebSocket sessions': new Traffic(t, {
      ...common,
      target: { port: balancer.parsed },
      keepAlive: 0,
      fresh: 4,
      open: (target, keepAlive) => new WebSocketClient(target, keepAlive, { messages: 10, intervalMs: INTERVAL_MS }),
    }),
    'streams of events': new Traffic(t, {
      ...common,
      target: { port: balancer.parsed, path: '/events?count=25' },
      keepAlive: 0,
      fresh: 4,
      open: (target, keepAlive) => new EventStreamClient(target, keepAlive),
    }),
  };
  const all = Object.values(traffics);
  const goOn = async (): Promise<void> => {
    await Promise.all(all.map((traffic) => traffic.untilMore(4)));
  };
  const startMs = performance.now();
  await goOn();

  const end = async (replica: Replica): Promise<string> => {
    const { sluice, name, ports } = replica;
    const active = all.reduce((sum, traffic) => sum + traffic.active, 0);
    const before = await replica.requests();
    assert.ok(before > 0, `${name} has its share`);
    const signalledAtMs = performance.now();
    sluice.process.signal('SIGTERM');
    await sluice.process.untilErrors(/"signal":"SIGTERM"/);
    // Whoever has not noticed yet.
    await delay(DRAIN_DELAY_MS / 2);
    const late = await new Client({ port: ports.http }, true).ask();
    assert.deepEqual([late.status, late.headers.connection], [200, 'close']);
    const { code, errors } = await sluice.process.ending();
    const tookMs = performance.now() - signalledAtMs;
    assert.equal(code, 0, errors);
    assert.doesNotMatch(errors, /"level":"(?:warn|error|fatal)"/);
    assert.ok(tookMs >= DRAIN_DELAY_MS && tookMs < DRAIN_DELAY_MS + GRACE_MS, `took ${tookMs} ms`);
    return `  ${name}: ${active} requests and sessions under way, ended after ${Math.round(tookMs)} ms`;
  };
  const ends = [await end(a)];
  await goOn();
  await a.start();
  while ((await a.requests()) === 0) await goOn();
  ends.push(await end(b));
  await goOn();
  await Promise.all(all.map((traffic) => traffic.stop()));

  const requests = all.reduce((sum, { attempted }) => sum + attempted, 0);
  const perSecond = Math.round(requests / ((performance.now() - startMs) / 1_000));
  const rows = Object.entries(traffics).map(
    ([kind, traffic]) => `  ${kind}: ${String(traffic)}; ${traffic.closes} said to close`,
  );
  const goaways = http2Clients.map(
    ({ goaways: count, notBegun }, index) =>
      `  ${OPEN_REQUESTS[index]} open: ${count} GOAWAY; not begun by GOAWAY, and sent on a new connection: ${notBegun}`,
  );
  t.diagnostic(
    [`2 ends fell into the traffic, ${perSecond} requests a second`, ...ends, ...rows, ...goaways].join('\n'),
  );
  for (const traffic of all) assert.equal(traffic.failed, 0, String(traffic));
  assert.ok(perSecond >= MIN_REQUESTS_PER_SECOND);
  assert.ok((traffics['HTTP/1.1']?.closes ?? 0) > 0);
  for (const { goaways: count } of http2Clients) assert.ok(count > 0, 'HTTP/2 gets GOAWAY');
  assert.equal(http2Clients[0]?.notBegun, 0, 'with one request at a time none crosses a GOAWAY');
});
