// Changes of everything that may change while traffic flows, as edits of manifests, under all kinds of traffic at once: routes, weights,
// endpoints, certificates and policies. Nothing fails, and what was open before the first edit lives through all of them.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import {
  authorityConfigMap,
  backend,
  backendTlsPolicy,
  documents,
  gateway,
  route,
  tlsSecret,
} from '../system/manifests.ts';
import type { RuleSetup } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { ANY_200, Traffic } from '../system/traffic.ts';
import type { Answer, Judge, Target } from '../system/traffic.ts';
import { EventStreamClient } from './event-stream-client.ts';
import { Http2Client } from './http2-client.ts';
import { TrafficUpstream } from './traffic-upstream.ts';
import { WebSocketClient } from './websocket-client.ts';

const SERVER_NAME = 'shop.example.com';
/** The certificate of the upstream that speaks TLS has both. */
const UPSTREAM_NAMES = ['one.example.com', 'two.example.com'] as const;
const ROUNDS = 2;
/** More than are under way at once; of each kind of traffic. */
const ANSWERS = 8;
/** So that no kind takes all of the processor. */
const INTERVAL_MS = 15;
const TIMEOUT_MS = 60_000;

/** What was seen of the configuration since the last edit. */
class Witness implements Judge<undefined> {
  readonly bodies = new Set<string>();
  readonly versions = new Set<unknown>();
  readonly certificates = new Set<string>();

  begin(): undefined {
    return undefined;
  }

  judge(answer: Answer): string | undefined {
    this.bodies.add(answer.body);
    this.versions.add(answer.headers['x-version']);
    if (answer.certificate !== undefined) this.certificates.add(answer.certificate);
    return ANY_200.judge(answer, undefined);
  }

  forget(): void {
    for (const seen of [this.bodies, this.versions, this.certificates]) seen.clear();
  }
}

/** The same edits in each round, to and fro; `round` is 0 for what is served at first. */
interface Edit {
  readonly file: string;
  readonly text: (round: number) => string;
  readonly isSeen: (round: number) => boolean;
}

test('edits of all kinds under all kinds of traffic', { timeout: TIMEOUT_MS }, async (t) => {
  const directory = new TemporaryDirectory(t);
  const [authority, otherAuthority] = [new CertificateAuthority(), new CertificateAuthority()];
  t.after(() => [authority, otherAuthority].forEach((each) => each.remove()));
  const pairs = Array.from({ length: ROUNDS + 1 }, () => authority.issue(SERVER_NAME));
  const fingerprints = pairs.map(({ chain }) => new X509Certificate(chain).fingerprint256);
  const [a, b, c] = (await Promise.all(['a', 'b', 'c'].map((name) => TrafficUpstream.start(t, name)))) as [
    TrafficUpstream,
    TrafficUpstream,
    TrafficUpstream,
  ];
  const secure = await TrafficUpstream.start(t, 'secure', authority.issue(...UPSTREAM_NAMES));
  const [http, https] = [await freePort(), await freePort()];

  const witness = new Witness();
  const newcomers = new Witness();
  let connectionsBefore = 0;
  const isOdd = (round: number): boolean => round % 2 === 1;
  const live: RuleSetup = { path: '/live', backend: 'live' };
  const EDITS: Readonly<Record<string, Edit>> = {
    'a filter of a route': {
      file: 'route',
      text: (round) => documents(route('all', { backend: 'first', sets: { 'x-version': String(round) } }, live)),
      isSeen: (round) => isOnly(witness.versions, String(round)),
    },
    'weights, timeouts and retries of a route': {
      file: 'route',
      text: (round) => {
        const weights = { first: 1, second: isOdd(round) ? 1 : 0 };
        const timeouts = { request: `${10 + round}s`, backendRequest: '5s' };
        return documents(route('all', { backend: weights, timeouts, retry: { attempts: round } }, live));
      },
      isSeen: (round) => witness.bodies.has('c') === isOdd(round),
    },
    'endpoints of a backend': {
      file: 'first',
      text: (round) => documents(backend('first', ...(isOdd(round) ? [a.port, b.port] : [a.port]))),
      isSeen: (round) => witness.bodies.has('b') === isOdd(round),
    },
    'the endpoint of what is open': {
      file: 'live',
      text: (round) => documents(backend('live', isOdd(round) ? b.port : a.port)),
      isSeen: (round) => (isOdd(round) ? b : a).liveRequests > 0,
    },
    'the certificate of a listener': {
      file: 'secret',
      text: (round) => {
        const { chain: certificate, key } = pairs[round] ?? assert.fail();
        return documents(tlsSecret('pair', { certificate, key }));
      },
      isSeen: (round) => isOnly(newcomers.certificates, fingerprints[round]),
    },
    'the name in a BackendTLSPolicy': {
      file: 'policy',
      text: (round) => documents(backendTlsPolicy('secure', UPSTREAM_NAMES[round % 2] ?? '', 'authorities')),
      isSeen: (round) => secure.serverNames.at(-1) === UPSTREAM_NAMES[round % 2],
    },
    'the authorities of a BackendTLSPolicy': {
      file: 'authorities',
      text: (round) =>
        documents(authorityConfigMap('authorities', authority.pem + (isOdd(round) ? otherAuthority.pem : ''))),
      isSeen: () => secure.serverNames.length > connectionsBefore,
    },
  };
  directory.write({
    'manifests/others.yaml': documents(
      gateway({ name: 'http', port: http }, { name: 'https', port: https, secret: 'pair' }),
      backend('second', c.port),
      backend('secure', secure.port),
      route('secure', { path: '/secure', backend: 'secure' }),
    ),
    ...Object.fromEntries(Object.values(EDITS).map(({ file, text }) => [`manifests/${file}.yaml`, text(0)])),
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'));

  const plain: Target = { port: http };
  const encrypted: Target = { port: https, tls: { ca: authority.pem, serverName: SERVER_NAME } };
  const http2 = (target: Target, keepAlive: boolean): Http2Client => new Http2Client(target, keepAlive);
  const common = { keepAlive: 1, fresh: 1, intervalMs: INTERVAL_MS };
  const traffics: Readonly<Record<string, Traffic<undefined>>> = {
    'HTTP/1.1': new Traffic(t, { ...common, target: plain, judge: witness, keepAlive: 2 }),
    'HTTP/1.1 over TLS': new Traffic(t, { ...common, target: encrypted, judge: ANY_200 }),
    'HTTP/2 over TLS': new Traffic(t, { ...common, target: encrypted, judge: witness, open: http2, fresh: 0 }),
    'HTTP/2 over TLS, new connections': new Traffic(t, {
      ...common,
      target: encrypted,
      judge: newcomers,
      open: http2,
      keepAlive: 0,
    }),
    'HTTP/2 in plaintext': new Traffic(t, { ...common, target: plain, judge: witness, open: http2 }),
    'to an upstream with TLS': new Traffic(t, {
      ...common,
      target: { ...encrypted, path: '/secure' },
      judge: ANY_200,
      open: http2,
    }),
    'WebSocket messages': new Traffic(t, {
      ...common,
      target: { ...plain, path: '/live' },
      judge: ANY_200,
      open: (target, keepAlive) =>
        new WebSocketClient(target, keepAlive, { messages: keepAlive ? 1 : 3, intervalMs: INTERVAL_MS }),
    }),
    'server-sent events': new Traffic(t, {
      ...common,
      target: { ...plain, path: '/live/events' },
      judge: ANY_200,
      open: (target, keepAlive) =>
        new EventStreamClient(keepAlive ? target : { ...target, path: `${target.path}?count=3` }, keepAlive),
    }),
  };
  const all = Object.values(traffics);
  const goOn = async (): Promise<void> => {
    await Promise.all(all.map((traffic) => traffic.untilMore(ANSWERS)));
  };
  await goOn();

  let edits = 0;
  const fellInto = all.map(() => 0);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [what, { file, text, isSeen }] of Object.entries(EDITS)) {
      const before = all.map(({ answered }) => answered);
      connectionsBefore = secure.serverNames.length;
      directory.replace(`manifests/${file}.yaml`, text(round));
      edits++;
      await sluice.untilConfigVersion(edits + 1);
      all.forEach(({ attempted }, index) => {
        fellInto[index] = (fellInto[index] ?? 0) + attempted - (before[index] ?? 0);
      });
      await goOn();
      for (const each of [witness, newcomers]) each.forget();
      for (const upstream of [a, b]) upstream.liveRequests = 0;
      await goOn();
      assert.ok(isSeen(round), `round ${round}: ${what} takes effect`);
    }
  }

  await Promise.all(all.map((traffic) => traffic.stop()));
  const rows = Object.entries(traffics).map(
    ([kind, traffic], index) =>
      `  ${kind}: ${String(traffic)}; ${fellInto[index]} under way between an edit and its effect`,
  );
  t.diagnostic(`${edits} edits fell into the traffic\n${rows.join('\n')}`);
  for (const [index, traffic] of all.entries()) {
    assert.equal(traffic.failed, 0, String(traffic));
    assert.ok((fellInto[index] ?? 0) > 0);
  }
  assert.deepEqual(
    all.map(({ keptConnections }) => keptConnections),
    [2, 1, 1, 0, 1, 1, 1, 1],
    'no change closes a connection',
  );
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:warn|error|fatal)"/);
});

function isOnly(seen: ReadonlySet<unknown>, value: unknown): boolean {
  return seen.size === 1 && seen.has(value);
}
