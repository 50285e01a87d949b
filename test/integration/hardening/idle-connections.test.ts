// R05 as it is in earnest: as many idle connections as the default limit allows. They cost little, and more clients are served, each at
// the cost of the connection that was idle the longest.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { Conditions } from '../../harness/deadline.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';

/** `limits.connections` by default. */
const CONNECTIONS = 10_000;
const NEWCOMERS = 500;
/** Connecting and asking at the same time. */
const AT_ONCE = 100;
/** Each process has one for each connection, and some more. */
const DESCRIPTORS = CONNECTIONS + NEWCOMERS + 500;
/** What the gateway's memory grows by. Measured: 8 KiB; the kernel's buffers are not among them. */
const MAX_BYTES_PER_CONNECTION = 16 * 1024;
const BOUND_MS = 60_000;

const REQUEST = 'GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n';

class IdleClients {
  readonly open = new Set<Socket>();
  readonly #port: number;
  readonly #conditions = new Conditions();

  constructor(port: number) {
    this.#port = port;
  }

  /** Each connects, asks once, and stays. */
  async add(count: number): Promise<void> {
    let left = count;
    const addOneByOne = async (): Promise<void> => {
      while (left-- > 0) await this.#add();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, addOneByOne));
  }

  async untilOpen(count: number): Promise<void> {
    await this.#conditions.until(`${count} are open`, () => this.open.size === count || undefined, BOUND_MS);
  }

  async #add(): Promise<void> {
    const socket = connect({ host: ADDRESS, port: this.#port, noDelay: true });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.open.delete(socket);
      this.#conditions.changed();
    });
    this.open.add(socket);
    await once(socket, 'connect');
    socket.write(REQUEST);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.match(answer.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n/);
  }
}

/** Of this process, and so of what it starts. */
function descriptorLimit(): number {
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return Number(soft);
}

test('R05 10 000 idle connections, and 500 more clients', { timeout: 2 * BOUND_MS }, async (t) => {
  assert.ok(descriptorLimit() >= DESCRIPTORS, `ulimit -n is ${descriptorLimit()}: this test needs ${DESCRIPTORS}`);
  const directory = new TemporaryDirectory(t);
  const upstream = createServer((_request, response) => response.end('ok'));
  await once(upstream.listen(0, ADDRESS), 'listening');
  t.after(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const port = await freePort();
  directory.write({
    'manifests/all.yaml': documents(
      gateway({ name: 'http', port }),
      backend('node', (upstream.address() as AddressInfo).port),
      route('all', { backend: 'node' }),
    ),
  });
  const sluice = await SystemGateway.start(t, directory.at('manifests'), {
    environment: { SLUICE_TIMEOUTS_KEEP_ALIVE_IDLE: '5m' },
  });
  const clients = new IdleClients(port);
  t.after(() => {
    for (const socket of clients.open) socket.destroy();
  });
  await clients.add(AT_ONCE);
  const before = sluice.residentBytes();
  await clients.add(CONNECTIONS - AT_ONCE);
  await clients.untilOpen(CONNECTIONS);
  const bytes = (sluice.residentBytes() - before) / (CONNECTIONS - AT_ONCE);
  t.diagnostic(`${Math.round(bytes)} bytes of memory for each idle connection`);
  assert.ok(bytes < MAX_BYTES_PER_CONNECTION, `${bytes} bytes for each`);

  const old = [...clients.open].slice(0, NEWCOMERS / 2);
  await clients.add(NEWCOMERS);
  await clients.untilOpen(CONNECTIONS);
  assert.equal(old.filter((socket) => clients.open.has(socket)).length, 0, 'the oldest made room');
  const metrics = await sluice.metrics();
  assert.equal(metrics.sum('sluice_active_connections'), CONNECTIONS);
  assert.equal(metrics.sum('sluice_requests_total', { status: '2xx' }), CONNECTIONS + NEWCOMERS);
  assert.doesNotMatch(sluice.process.errors, /defect|"level":"(?:error|fatal)"/);
});
