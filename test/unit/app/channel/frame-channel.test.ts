import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { FrameChannel, MAX_FRAME_BYTES } from '../../../../src/app/channel/frame-channel.ts';
import { Conditions } from '../../../harness/deadline.ts';
import { TemporaryDirectory } from '../../provider/file/temporary-directory.ts';

/** Both ends of a connection. */
async function pair(t: TestContext): Promise<readonly [Socket, Socket]> {
  const path = new TemporaryDirectory(t).at('socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const client = connect(path);
  const [accepted] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return [client, accepted];
}

class Receiver {
  readonly conditions = new Conditions();
  readonly messages: unknown[] = [];
  isClosed = false;

  onMessage(message: unknown): void {
    this.messages.push(message);
    this.conditions.changed();
  }

  onClose(): void {
    this.isClosed = true;
    this.conditions.changed();
  }
}

const IGNORED = { onMessage: (): void => {}, onClose: (): void => {} };

it('messages arrive whole and in order, however they are cut', async (t) => {
  const [client, accepted] = await pair(t);
  const receiver = new Receiver();
  const channel = new FrameChannel(accepted, receiver);
  assert.ok(channel.isOpen);
  // Every byte of the first by itself.
  const recorder = new PassThrough();
  const sender = new FrameChannel(recorder as unknown as Socket, IGNORED);
  const sent = [{ a: 1, b: undefined }, 'x'.repeat(100_000), new Map([['k', [1n]]])];
  const recorded: Buffer[] = [];
  recorder.on('data', (bytes: Buffer) => recorded.push(Buffer.from(bytes)));
  for (const message of sent) await sender.send(message);
  const bytes = Buffer.concat(recorded);
  for (let i = 0; i < 40; i++) {
    client.write(bytes.subarray(i, i + 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.write(bytes.subarray(40));
  await receiver.conditions.until('all arrive', () => receiver.messages.length === sent.length || undefined);
  assert.deepEqual(receiver.messages, sent);
});

for (const [what, bytes] of [
  ['a frame beyond the bound', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['what is no structured clone', Buffer.from([0, 0, 0, 2, 1, 2])],
] as const) {
  it(`${what} ends the connection`, async (t) => {
    assert.ok(MAX_FRAME_BYTES < 0xffff_ffff);
    const [client, accepted] = await pair(t);
    const receiver = new Receiver();
    const channel = new FrameChannel(accepted, receiver);
    client.write(bytes);
    await receiver.conditions.until('it is closed', () => receiver.isClosed || undefined);
    assert.deepEqual(receiver.messages, []);
    // Nobody waits for a peer that is gone.
    await channel.send('too late');
  });
}
