// The private parts of Node behind reading clients into buffers of our own. A Node that changes them breaks the first of these tests, and no
// connection: those stay on the sockets that they were accepted on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type * as reopenedSocketModule from '../../../../src/dataplane/listener/reopened-socket.ts';
import { loadSource } from '../../../harness/source.ts';

const { reopen } = await loadSource<typeof reopenedSocketModule>('dataplane/listener/reopened-socket.ts');

interface Pair {
  readonly server: Server;
  readonly near: Socket;
  readonly far: Socket;
}

async function accept(t: TestContext): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const far = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  far.on('error', () => {});
  const [near] = (await once(server, 'connection')) as [Socket];
  t.after(async () => {
    far.destroy();
    near.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, near, far };
}

async function connectionsOf(server: Server): Promise<number> {
  return await new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

describe('a reopened socket', { timeout: 10_000 }, () => {
  test('reads with the reader what comes, and not what came early', async (t) => {
    const { server, near, far } = await accept(t);
    const { socket, reader, early } = reopen(near, Buffer.from('early'));
    assert.ok(reader, 'this Node makes no socket on a handle that reads into a buffer of ours');
    assert.notEqual(socket, near);
    const arrived = Promise.withResolvers<void>();
    let received = '';
    reader.receiver = {
      onRead: (chunk) => {
        received += String(chunk);
        if (received.endsWith('.')) arrived.resolve();
        return false;
      },
    };
    reader.begin(early);
    socket.resume();
    far.write(' and late.');
    await arrived.promise;
    assert.equal(received, 'early and late.');
    assert.equal(near.destroyed, true);
    assert.equal(await connectionsOf(server), 0);
    assert.deepEqual([socket.remotePort, socket.localPort], [far.localPort, far.remotePort]);
  });

  test('has an end, a half that stays open, and a close', async (t) => {
    const { near, far } = await accept(t);
    const { socket } = reopen(near);
    socket.resume();
    far.end();
    await once(socket, 'end');
    const closed = once(socket, 'close');
    socket.end('bye');
    assert.equal(String((await once(far, 'data'))[0]), 'bye');
    await closed;
  });

  test('can be reset from either side', async (t) => {
    for (const side of ['near', 'far'] as const) {
      const { near, far } = await accept(t);
      const { socket } = reopen(near);
      socket.resume();
      const other = side === 'near' ? far.resume() : socket;
      const failed = once(other, 'error');
      (side === 'near' ? socket : far).resetAndDestroy();
      assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, 'ECONNRESET');
    }
  });

  test('is the accepted one where Node lacks the parts for another', async (t) => {
    const { near, far } = await accept(t);
    Object.defineProperty(Reflect.get(near, '_handle'), 'useUserBuffer', { value: undefined });
    const { socket, reader, early } = reopen(near, Buffer.from('early '));
    assert.deepEqual([socket === near, reader, early], [true, undefined, undefined]);
    far.write('and late');
    far.end();
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += String(chunk)));
    await once(socket, 'end');
    assert.equal(received, 'early and late');
  });
});
