// Upstreams that never answer, close their side, reset in the middle of an answer, or send a byte a second: clients of HTTP/1.1 and HTTP/2
// get what is documented, with the flag that says why, and whoever asks for something else, on the same connection too, notices nothing.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TestBed } from '../../harness/test-bed.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import type { RuleSetup } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { ANY_200, Client, Traffic } from '../system/traffic.ts';
import { Http2Client } from './http2-client.ts';
import { TrafficUpstream } from './traffic-upstream.ts';

interface Hostility {
  /** A status, with all of its answer or not. */
  readonly outcome: number | 'cut';
  /** Absent: the answer is complete. */
  readonly flag?: string;
  readonly timeouts?: RuleSetup['timeouts'];
  /** When a request came. */
  readonly act: (socket: Socket) => void;
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n';
const OPEN_END = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n';
const CHUNK = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n';
/** Four of them; longer than the timeouts below. */
const BYTE_INTERVAL_MS = 1_000;
const TIMEOUT = '700ms';
/** By each client. */
const TIMES = 3;
const TIMEOUT_MS = 60_000;

/** By the name of the route. */
const HOSTILITIES: Readonly<Record<string, Hostility>> = {
  'never-answers-a-try': { outcome: 504, flag: 'UT', timeouts: { backendRequest: TIMEOUT }, act: () => {} },
  'never-answers': { outcome: 504, flag: 'DT', timeouts: { request: TIMEOUT }, act: () => {} },
  'half-closes-before-its-head': { outcome: 503, flag: 'UC', act: (socket) => socket.end() },
  'half-closes-in-its-head': { outcome: 503, flag: 'UC', act: (socket) => socket.end('HTTP/1.1 200 O') },
  'half-closes-in-its-body': { outcome: 'cut', flag: 'UC', act: (socket) => socket.end(`${HEAD}ok`) },
  'half-closes-in-a-chunk': { outcome: 'cut', flag: 'UC', act: (socket) => socket.end(CHUNK) },
  'half-closes-where-that-is-the-end': { outcome: 200, act: (socket) => socket.end(`${OPEN_END}ok`) },
  'resets-in-its-body': {
    outcome: 'cut',
    flag: 'UC',
    act: (socket) => socket.write(`${HEAD}ok`, () => socket.resetAndDestroy()),
  },
  'resets-in-a-chunk': {
    outcome: 'cut',
    flag: 'UC',
    act: (socket) => socket.write(CHUNK, () => socket.resetAndDestroy()),
  },
  'sends-a-byte-a-second': { outcome: 200, act: (socket) => drip(socket, HEAD) },
  'sends-a-byte-a-second-to-a-try': {
    outcome: 'cut',
    flag: 'UT',
    timeouts: { backendRequest: TIMEOUT },
    act: (socket) => drip(socket, HEAD),
  },
  'sends-a-byte-a-second-of-a-head': {
    outcome: 504,
    flag: 'DT',
    timeouts: { request: TIMEOUT },
    act: (socket) => drip(socket, 'HTTP/1.1'),
  },
};

/** The start at once, then four bytes, each a second after the other. */
function drip(socket: Socket, start: string): void {
  socket.write(start);
  let left = 4;
  const timer = setInterval(() => {
    socket.write('.');
    if (--left === 0) clearInterval(timer);
  }, BYTE_INTERVAL_MS);
  socket.on('close', () => clearInterval(timer));
}

test('hostile upstreams', { timeout: TIMEOUT_MS }, async (t) => {
  const bed = new TestBed(t);
  const directory = new TemporaryDirectory(t);
  const port = await freePort();
  const healthy = await TrafficUpstream.start(t, 'healthy');
  const objects = [route('healthy', { backend: 'healthy' }), backend('healthy', healthy.port)];
  for (const [name, { act, timeouts }] of Object.entries(HOSTILITIES)) {
    const at = await bed.server((socket) => void socket.once('data', () => act(socket)));
    const rule = { path: `/${name}`, backend: name };
    objects.push(route(name, timeouts === undefined ? rule : { ...rule, timeouts }), backend(name, at));
  }
  directory.write({ 'manifests/all.yaml': documents(gateway({ name: 'http', port }), ...objects) });
  const sluice = await SystemGateway.start(t, directory.at('manifests'));

  const http2 = new Http2Client({ port }, true);
  const neighbours = [
    new Traffic(t, { target: { port }, keepAlive: 3, fresh: 1, judge: ANY_200, intervalMs: 10 }),
    new Traffic(t, { target: { port }, keepAlive: 3, fresh: 0, judge: ANY_200, intervalMs: 10, open: () => http2 }),
  ];
  const goOn = async (): Promise<void> => {
    await Promise.all(neighbours.map((traffic) => traffic.untilMore(20)));
  };
  await goOn();
  const before = neighbours.map(({ completed }) => completed);
  const http1 = new Client({ port }, true);
  t.after(() => http1.close());
  const clients: readonly Pick<Client, 'ask'>[] = [http1, http2];
  await Promise.all(
    Object.entries(HOSTILITIES).map(async ([name, { outcome }]) => {
      const asks = clients.flatMap((client) => Array.from({ length: TIMES }, () => client.ask(`/${name}`)));
      const outcomes = (await Promise.allSettled(asks)).map((ask) =>
        ask.status === 'fulfilled' ? ask.value.status : 'cut',
      );
      assert.deepEqual(outcomes, Array<Hostility['outcome']>(clients.length * TIMES).fill(outcome), name);
    }),
  );
  const meanwhile = neighbours.map(({ completed }, index) => completed - (before[index] ?? 0));
  await goOn();
  for (const traffic of neighbours) await traffic.stop();

  const asked = Object.keys(HOSTILITIES).length * clients.length * TIMES;
  t.diagnostic(
    `${asked} requests to hostile upstreams fell into ${meanwhile.join(' + ')} requests of their neighbours; ` +
      `HTTP/1.1: ${String(neighbours[0])}; HTTP/2, on one connection with them: ${String(neighbours[1])}`,
  );
  for (const traffic of neighbours) assert.equal(traffic.failed, 0, String(traffic));
  assert.deepEqual(
    neighbours.map(({ keptConnections }) => keptConnections),
    [3, 1],
    'none lost its connection',
  );
  const metrics = await sluice.metrics();
  for (const [name, { flag }] of Object.entries(HOSTILITIES)) {
    const onRoute = { route: `default/${name}` };
    const flagged = metrics.sum('sluice_flagged_requests_total', onRoute);
    assert.equal(flagged, flag === undefined ? 0 : clients.length * TIMES, `${name}: flagged`);
    if (flag !== undefined)
      assert.equal(metrics.sum('sluice_flagged_requests_total', { ...onRoute, flag }), flagged, `${name}: ${flag}`);
  }
  assert.equal(metrics.sum('sluice_active_requests'), 0);
  assert.equal(metrics.sum('sluice_upstream_active_connections'), 0);
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:error|fatal)"/);
});
