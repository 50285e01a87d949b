// Upstreams as they are: nginx with files, servers that close idle connections, slow ones, broken ones. What a client gets and what the
// metrics say of it; and after all of it the gateway is as healthy as before.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestBed } from '../../harness/test-bed.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { curl } from './curl.ts';
import { backend, documents, gateway, route } from './manifests.ts';
import type { RuleSetup } from './manifests.ts';
import { startNginx } from './nginx.ts';
import { SystemGateway } from './system-gateway.ts';
import { Client } from './traffic.ts';

interface BackendSetup extends Omit<RuleSetup, 'backend' | 'path'> {
  readonly port: number;
}

/** A gateway with a route `/name` and a backend of each name. */
async function start(
  t: TestContext,
  backends: Readonly<Record<string, BackendSetup>>,
): Promise<{ sluice: SystemGateway; port: number }> {
  const directory = new TemporaryDirectory(t);
  const port = await freePort();
  const objects = Object.entries(backends).flatMap(([name, { port: at, ...rule }]) => [
    route(name, { path: `/${name}`, backend: name, ...rule }),
    backend(name, at),
  ]);
  directory.write({ 'manifests/all.yaml': documents(gateway({ name: 'http', port }), ...objects) });
  return { sluice: await SystemGateway.start(t, directory.at('manifests')), port };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

test('nginx with files: validators, ranges and big files', async (t) => {
  const files = new TemporaryDirectory(t);
  files.write({ 'nginx/small.txt': 'abcdefghij', 'nginx/big.txt': '0123456789'.repeat(1_000_000) });
  const upstream = await freePort();
  await startNginx(t, [upstream], `sendfile on; server { listen 127.0.0.1:${upstream}; root ${files.path}; }`);
  files.chmod('', 0o755);
  const { sluice, port } = await start(t, { nginx: { port: upstream } });
  const url = `http://127.0.0.1:${port}/nginx`;
  const fetched = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    await fetch(url + path, { headers });

  const whole = await fetched('/small.txt');
  assert.deepEqual([whole.status, await whole.text()], [200, 'abcdefghij']);
  const validator = whole.headers.get('etag') ?? '';
  assert.notEqual(validator, '');
  const unchanged = await fetched('/small.txt', { 'if-none-match': validator });
  assert.deepEqual([unchanged.status, await unchanged.text()], [304, '']);
  const part = await fetched('/small.txt', { range: 'bytes=2-4' });
  assert.deepEqual([part.status, part.headers.get('content-range'), await part.text()], [206, 'bytes 2-4/10', 'cde']);
  assert.equal((await fetched('/missing')).status, 404);
  const { output } = await curl(`${url}/big.txt`);
  assert.equal(output.length, 10_000_000);
  assert.equal((await sluice.stop()).code, 0);
});

const KEEP_ALIVE_MS = 200;
const CLIENTS = 12;
/** How long before and after the moment in which the upstream closes the next requests are sent. */
const GAPS_MS = Array.from({ length: 24 }, (_, index) => KEEP_ALIVE_MS - 18 + index);

test('upstreams that close idle connections: no request fails, whenever it comes', async (t) => {
  const nginx = await freePort();
  const answer = 'location / { return 200 ok; }';
  await startNginx(t, [nginx], `keepalive_timeout ${KEEP_ALIVE_MS}ms; server { listen 127.0.0.1:${nginx}; ${answer} }`);
  const node = (headers: Record<string, string>): Server => {
    const server = createServer({ keepAliveTimeoutBuffer: 0 }, (_request, response) =>
      response.writeHead(200, headers).end('ok'),
    );
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    return server;
  };
  const { sluice, port } = await start(t, {
    nginx: { port: nginx },
    // It says `Keep-Alive: timeout=…`, unless the handler speaks of the connection.
    announced: { port: await listen(t, node({})) },
    silent: { port: await listen(t, node({ connection: 'keep-alive' })) },
  });
  let answered = 0;
  await Promise.all(
    ['/nginx', '/announced', '/silent'].map(async (path) => {
      const clients = Array.from({ length: CLIENTS }, () => new Client({ port, path }, true));
      for (const gapMs of GAPS_MS) {
        const answers = await Promise.all(clients.map((client) => client.ask()));
        for (const { status, body } of answers) assert.deepEqual([status, body], [200, 'ok'], path);
        answered += answers.length;
        await delay(gapMs);
      }
      for (const client of clients) client.close();
    }),
  );
  const metrics = await sluice.metrics();
  const count = (name: string): string =>
    ['nginx', 'announced', 'silent'].map((cluster) => metrics.sum(name, { cluster: `default/${cluster}` })).join(', ');
  t.diagnostic(
    `${answered} requests, 0 failed; connections to nginx, announced, silent: ${count('sluice_upstream_connects_total')}; ` +
      `sent once more: ${count('sluice_upstream_retries_total')}`,
  );
  const retriesOfAnnounced = metrics.sum('sluice_upstream_retries_total', { cluster: 'default/announced' });
  assert.equal(retriesOfAnnounced, 0, 'an upstream that says how long it waits is not asked later');
  assert.equal(answered, 3 * CLIENTS * GAPS_MS.length);
  assert.equal((await sluice.stop()).code, 0);
});

const BYTES = 64;

/** Sends bytes, each when the one before it was received; then there is nothing more. */
async function passBytes(send: (byte: string) => void, receiver: IncomingMessage, finish: () => void): Promise<void> {
  const ended = once(receiver, 'end');
  for (let index = 0; index < BYTES; index++) {
    const received = once(receiver, 'data');
    send(String(index % 10));
    const [byte] = (await received) as [Buffer];
    assert.equal(byte.toString(), String(index % 10));
  }
  finish();
  await ended;
}

test('a slow upstream and a slow client: each byte passes before the next one is there', async (t) => {
  const bed = new TestBed(t);
  const connections: Socket[] = [];
  const upstream = await bed.server((socket) => {
    connections.push(socket);
    // In pieces of one byte, as far as the kernel keeps them apart.
    socket.once('data', () => {
      for (const byte of `HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`) socket.write(byte);
    });
  });
  const echo = await listen(
    t,
    createServer((incoming, response) => void incoming.pipe(response)),
  );
  const { sluice, port } = await start(t, { slow: { port: upstream }, echo: { port: echo } });

  const download = request({ port, path: '/slow' }).end();
  const [answer] = (await once(download, 'response')) as [IncomingMessage];
  await passBytes(
    (byte) => connections[0]?.write(byte),
    answer,
    () => {},
  );

  const upload = request({ port, path: '/echo', method: 'POST' });
  upload.write('first');
  const [echoed] = (await once(upload, 'response')) as [IncomingMessage];
  await once(echoed, 'data');
  await passBytes(
    (byte) => upload.write(byte),
    echoed,
    () => upload.end(),
  );
  assert.equal((await sluice.stop()).code, 0);
});

interface Breakage {
  /** A status, or that the answer is cut. */
  readonly outcome: number | 'cut';
  readonly flag: string;
  readonly timeouts?: RuleSetup['timeouts'];
  /** What the upstream does when a request came; absent: nobody listens there. */
  readonly act?: (socket: Socket) => void;
}

const say =
  (bytes: string) =>
  (socket: Socket): void =>
    void socket.end(bytes);

/** By the name of the route, which takes the metric's label too. */
const BREAKAGES: Readonly<Record<string, Breakage>> = {
  'refuses-connections': { outcome: 503, flag: 'UF' },
  'closes-at-once': { outcome: 503, flag: 'UC', act: (socket) => void socket.end() },
  'resets-at-once': { outcome: 503, flag: 'UC', act: (socket) => void socket.resetAndDestroy() },
  'speaks-ssh': { outcome: 502, flag: 'UPE', act: say('SSH-2.0-OpenSSH_9.2\r\n\r\n') },
  'two-framings': {
    outcome: 502,
    flag: 'UPE',
    act: say('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  },
  'endless-head': {
    outcome: 502,
    flag: 'UPE',
    act: (socket) => socket.write(`HTTP/1.1 200 OK\r\n${'X-More: and more\r\n'.repeat(10_000)}`),
  },
  'closes-in-head': { outcome: 503, flag: 'UC', act: say('HTTP/1.1 200 OK\r\nContent-Le') },
  'closes-in-body': {
    outcome: 'cut',
    flag: 'UC',
    act: say('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.'),
  },
  'resets-in-chunk': {
    outcome: 'cut',
    flag: 'UC',
    act: (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nten bytes.', () =>
        socket.resetAndDestroy(),
      ),
  },
  'wrong-chunk': {
    outcome: 'cut',
    flag: 'UPE',
    act: say('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense\r\n'),
  },
  'no-answer-to-a-try': { outcome: 504, flag: 'UT', timeouts: { backendRequest: '200ms' }, act: () => {} },
  'no-answer-in-time': { outcome: 504, flag: 'DT', timeouts: { request: '200ms' }, act: () => {} },
};
const TIMES = 8;

test('broken upstreams: 502, 503, 504 or a cut connection, with the flag that says why', async (t) => {
  const bed = new TestBed(t);
  const healthy = createServer((_request, response) => response.end('ok'));
  const backends: Record<string, BackendSetup> = { healthy: { port: await listen(t, healthy) } };
  for (const [name, { act, timeouts }] of Object.entries(BREAKAGES)) {
    const port =
      act === undefined
        ? await bed.closedPort()
        : await bed.server((socket) => void socket.once('data', () => act(socket)));
    backends[name] = timeouts === undefined ? { port } : { port, timeouts };
  }
  const { sluice, port } = await start(t, backends);
  const client = new Client({ port }, true);
  t.after(() => client.close());
  const idleDescriptors = sluice.descriptorCount();

  await Promise.all(
    Object.entries(BREAKAGES).map(async ([name, { outcome }]) => {
      const outcomes = await Promise.all(
        Array.from({ length: TIMES }, async () =>
          client.ask(`/${name}`).then(
            ({ status }) => status,
            () => 'cut',
          ),
        ),
      );
      assert.deepEqual(outcomes, Array<Breakage['outcome']>(TIMES).fill(outcome), name);
    }),
  );
  const answers = await Promise.all(Array.from({ length: TIMES }, () => client.ask('/healthy')));
  assert.ok(answers.every(({ status, body }) => status === 200 && body === 'ok'));

  const metrics = await sluice.metrics();
  for (const [name, { outcome, flag }] of Object.entries(BREAKAGES)) {
    const onRoute = { route: `default/${name}` };
    assert.equal(metrics.sum('sluice_flagged_requests_total', { ...onRoute, flag }), TIMES, `${name}: flag ${flag}`);
    assert.equal(metrics.sum('sluice_flagged_requests_total', onRoute), TIMES, `${name}: no other flag`);
    const status = outcome === 'cut' ? '2xx' : '5xx';
    assert.equal(metrics.sum('sluice_requests_total', { ...onRoute, status }), TIMES, `${name}: ${status}`);
    const connectFailures = metrics.sum('sluice_upstream_connect_failures_total', { cluster: `default/${name}` });
    assert.equal(connectFailures, flag === 'UF' ? TIMES : 0, `${name}: failures to connect`);
  }
  assert.equal(metrics.sum('sluice_upstream_timeouts_total'), 2 * TIMES);
  assert.equal(metrics.sum('sluice_upstream_retries_total'), 0, 'nothing is asked twice of a fresh connection');
  assert.equal(metrics.sum('sluice_flagged_requests_total', { route: 'default/healthy' }), 0);
  assert.equal(metrics.sum('sluice_active_requests'), 0);
  assert.equal(metrics.sum('sluice_upstream_active_connections'), 0);

  client.close();
  healthy.closeAllConnections();
  await sluice.untilDescriptors(idleDescriptors);
  const { code, errors } = await sluice.stop();
  assert.equal(code, 0, errors);
  assert.doesNotMatch(errors, /"level":"(?:error|fatal)"/, 'a broken upstream is no defect of the gateway');
});
