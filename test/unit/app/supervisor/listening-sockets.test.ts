import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { BindError, ListeningSockets } from '../../../../src/app/supervisor/listening-sockets.ts';

const LOOPBACK = '127.0.0.1';

it('a socket is bound once', async (t) => {
  const sockets = new ListeningSockets();
  t.after(() => sockets.retain(new Set()));
  const { handle, port } = sockets.open('a', LOOPBACK, 0);
  assert.ok(port > 0);
  assert.equal(sockets.open('a', LOOPBACK, 0).handle, handle);
});

it('an address in use is known before anybody listens', async (t) => {
  const taken = createServer().listen(0, LOOPBACK);
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const sockets = new ListeningSockets();
  assert.throws(
    () => sockets.open('a', LOOPBACK, port),
    (error) => error instanceof BindError && error.code === 'EADDRINUSE',
  );
  assert.deepEqual(sockets.entries(), []);
});

it('what nobody needs is closed, and nothing else', async () => {
  const sockets = new ListeningSockets();
  const kept = sockets.open('kept', LOOPBACK, 0);
  const closed = sockets.open('closed', LOOPBACK, 0);
  const server = createServer((socket) => socket.end('served')).listen(kept.handle);
  await once(server, 'listening');
  sockets.retain(new Set(['kept']));
  assert.deepEqual(
    sockets.entries().map(([name]) => name),
    ['kept'],
  );
  const client = connect(kept.port, LOOPBACK);
  assert.equal(String((await once(client, 'data'))[0]), 'served');
  server.close();
  // Nobody else would get it while it is held.
  const others = new ListeningSockets();
  assert.equal(others.open('closed', LOOPBACK, closed.port).port, closed.port);
  others.retain(new Set());
});
