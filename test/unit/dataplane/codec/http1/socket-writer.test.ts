// When a writer asks its source to wait, and when it holds what it was given.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type * as socketWriterModule from '../../../../../src/dataplane/codec/http1/socket-writer.ts';
import { loadSource } from '../../../../harness/source.ts';

const { SocketWriter } = await loadSource<typeof socketWriterModule>('dataplane/codec/http1/socket-writer.ts');

/** As much as a socket takes before it asks for a drain. */
const PIECE: Buffer = Buffer.alloc(64 * 1024);

async function open(t: TestContext): Promise<{ readonly near: Socket; readonly far: Socket }> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  t.after(async () => {
    near.destroy();
    far.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { near, far };
}

describe('socket writer', { timeout: 10_000 }, () => {
  test('needs no drain for what the kernel took at once, however much that was', async (t) => {
    const { near } = await open(t);
    const writer = new SocketWriter(near);
    writer.bytes(PIECE);
    assert.deepEqual([writer.isHolding, writer.needsDrain], [true, false]);
    assert.equal(writer.flush(), true);
    writer.text('head');
    writer.bytes(PIECE);
    assert.deepEqual([writer.flush(), writer.isHolding, writer.needsDrain], [true, false, false]);
  });

  test('needs one, and holds what is left, when the other side does not read', async (t) => {
    const { near, far } = await open(t);
    const writer = new SocketWriter(near);
    let isTaken = true;
    while (isTaken) {
      writer.bytes(PIECE);
      isTaken = writer.flush();
    }
    assert.deepEqual([writer.needsDrain, writer.isHolding], [true, true]);
    far.resume();
    await once(near, 'drain');
    writer.drained();
    assert.deepEqual([writer.needsDrain, writer.isHolding, writer.flush()], [false, false, true]);
  });
});
