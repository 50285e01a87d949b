// A process of its own, with --expose-gc: a client of node:http2 cuts the trailers of its requests short, while garbage is collected at every
// turn. Without release-order.ts an assertion of Node's ends it.
import { createHook } from 'node:async_hooks';
import { createServer } from 'node:http2';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { END_HEADERS, frame, FRAME, headerBlock, PREFACE, settings } from '../../harness/http2-frames.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { loadSource } from '../../harness/source.ts';
import type * as releaseOrderModule from '../../../src/dataplane/codec/http2/release-order.ts';

const { nativeSession, releaseAfter } = await loadSource<typeof releaseOrderModule>(
  'dataplane/codec/http2/release-order.ts',
);
const collect = globalThis.gc ?? (() => {});
const ROUNDS = 4;
const ARRIVAL_MS = 30;

let isArmed = false;
createHook({
  init: () => isArmed && collect({ type: 'minor' }),
  before: () => isArmed && collect(),
  after: () => isArmed && collect(),
}).enable();

const server = createServer();
// Nothing but what is tested may hold it.
let native = new WeakRef<object>({});
server.on('session', (session) => {
  native = new WeakRef(nativeSession(session) as object);
  session.on('error', () => {});
});
server.on('stream', (stream) => {
  isArmed = true;
  stream.on('error', () => {});
  stream.on('close', () => releaseAfter(stream, native.deref()));
  stream.resume();
});

async function round(port: number): Promise<void> {
  const client = connect(port, ADDRESS);
  const closed = new Promise((resolve) => client.on('close', resolve));
  client.on('error', () => {}).resume();
  const head = headerBlock([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':authority', 'a'],
    [':path', '/'],
  ]);
  client.write(Buffer.concat([PREFACE, settings(), frame(FRAME.headers, END_HEADERS, 1, head)]));
  await new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));
  const field = headerBlock([['x-a', 'x'.repeat(1_000)]]);
  const rest = Array.from({ length: 60 }, () => frame(FRAME.continuation, 0, 1, field));
  client.write(Buffer.concat([frame(FRAME.headers, 1, 1, field), ...rest]));
  await closed;
  isArmed = false;
  collect({ type: 'minor' });
  collect();
}

await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
for (let i = 0; i < ROUNDS; i++) await round((server.address() as AddressInfo).port);
process.stdout.write('survived');
process.exit();
