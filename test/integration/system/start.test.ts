// What an operator sees of a gateway that starts: not ready until all is served, and a port that is taken is served as soon as it is free.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from './manifests.ts';
import { SystemGateway } from './system-gateway.ts';

/** Reading and applying them takes long enough to be seen. */
const ROUTES = 3_000;
const POLL_MS = 2;

async function upstream(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.end('ok'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

test('is not ready before the first configuration is served', async (t) => {
  const directory = new TemporaryDirectory(t);
  const [port, adminPort] = [await freePort(), await freePort()];
  const routes = Array.from({ length: ROUTES }, (_, index) => route(`r${index}`, { path: `/r${index}`, backend: 'a' }));
  const objects = [gateway({ name: 'http', port }), backend('a', await upstream(t)), ...routes];
  directory.write({ 'manifests/all.yaml': documents(...objects) });
  const sluice = new SystemGateway(t, directory.at('manifests'), { adminPort });

  const seen: string[] = [];
  while (seen.at(-1) !== '200 ') {
    // Refused as long as nobody listens.
    const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined);
    const { reasons } = ((await response?.json()) ?? {}) as { readonly reasons?: readonly string[] };
    const state = `${response?.status} ${reasons?.join() ?? ''}`;
    if (seen.at(-1) !== state) seen.push(state);
    sluice.unexpectedEnd.throwIfAborted();
    await delay(POLL_MS);
  }
  const last = await fetch(`http://127.0.0.1:${port}/r${ROUTES - 1}`);
  assert.deepEqual([last.status, await last.text()], [200, 'ok'], 'ready means that all is served');
  assert.deepEqual(seen, ['undefined ', '503 the first configuration is not served yet', '200 ']);
  await sluice.started();
  assert.equal((await sluice.stop()).code, 0);
});

test('serves a listener as soon as its port is free', async (t) => {
  const directory = new TemporaryDirectory(t);
  const [port, taken] = [await freePort(), await freePort()];
  directory.write({
    'manifests/all.yaml': documents(
      gateway({ name: 'free', port }, { name: 'taken', port: taken }),
      route('all', { backend: 'a' }),
      backend('a', await upstream(t)),
    ),
  });
  const other = createTcpServer();
  await once(other.listen(taken), 'listening');
  const sluice = await SystemGateway.start(t, directory.at('manifests'));
  const why = `port ${taken} is in use by another process`;
  assert.match(sluice.process.errors, new RegExp(`port ${taken} +NOT SERVED: ${why}`));
  assert.match((await sluice.listenerFault('taken')) ?? '', new RegExp(why));
  assert.equal(await sluice.listenerFault('free'), undefined);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200, 'the other listener is served');

  other.close();
  await once(other, 'close');
  await sluice.untilConfigVersion(sluice.configVersion + 1);
  assert.equal(await sluice.listenerFault('taken'), undefined);
  assert.equal((await fetch(`http://127.0.0.1:${taken}/`)).status, 200);
  assert.equal((await sluice.stop()).code, 0);
});
