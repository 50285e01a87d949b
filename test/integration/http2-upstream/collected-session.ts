// A process of its own, with --expose-gc: sessions of node:http2 end in the middle of a block of fields, while garbage is collected at
// every turn. Without release-order.ts an assertion of Node's ends it, within a round or two.
import { createHook } from 'node:async_hooks';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { ACK, frame, FRAME, headerBlock, PREFACE, settings } from '../../harness/http2-frames.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { loadSource } from '../../harness/source.ts';
import type * as releaseOrderModule from '../../../src/dataplane/codec/http2/release-order.ts';

const { nativeSession, releaseAfter } = await loadSource<typeof releaseOrderModule>(
  'dataplane/codec/http2/release-order.ts',
);
const collect = globalThis.gc ?? (() => {});
const ROUNDS = 4;

let isArmed = false;
createHook({
  init: () => isArmed && collect({ type: 'minor' }),
  before: () => isArmed && collect(),
  after: () => isArmed && collect(),
}).enable();

/** SETTINGS as they have to be, and to the first request a head that has no end. */
function serve(socket: Socket): void {
  let unread = Buffer.alloc(0);
  let isOpen = false;
  socket.on('error', () => {});
  socket.write(settings());
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    if (!isOpen) unread = unread.subarray(PREFACE.length);
    isOpen = true;
    while (unread.length >= 9) {
      const length = 9 + unread.readUIntBE(0, 3);
      const [type, flags] = [unread.readUInt8(3), unread.readUInt8(4)];
      if (type === FRAME.settings && flags === 0) socket.write(frame(FRAME.settings, ACK, 0));
      if (type === FRAME.headers) {
        isArmed = true;
        const field = headerBlock([['x-a', 'x'.repeat(1_000)]]);
        const rest = Array.from({ length: 60 }, () => frame(FRAME.continuation, 0, 1, field));
        socket.write(Buffer.concat([frame(FRAME.headers, 0, 1, headerBlock([[':status', '200']])), ...rest]));
      }
      unread = unread.subarray(length);
    }
  });
}

async function round(port: number): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const session = connect(`http://${ADDRESS}:${port}`);
  // Nothing but what is tested may hold it.
  let native = new WeakRef<object>({});
  session.on('connect', () => (native = new WeakRef(nativeSession(session) as object)));
  session.on('error', () => {});
  session.on('localSettings', () => {
    const stream = session.request({ ':path': '/' });
    stream.on('error', () => {});
    stream.on('close', () => releaseAfter(stream, native.deref()));
    stream.resume();
  });
  session.on('close', resolve);
  await closed;
  isArmed = false;
  collect({ type: 'minor' });
  collect();
}

const server = createServer(serve);
await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
for (let i = 0; i < ROUNDS; i++) await round((server.address() as AddressInfo).port);
process.stdout.write('survived');
process.exit();
