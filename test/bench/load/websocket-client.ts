// A process: WebSocket connections that each send a message, wait for its echo, and send the next. Prints a LoadResult of messages.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { quantile } from '../statistics.ts';
import type { LoadResult } from './load-result.ts';

export interface WebSocketTask {
  readonly port: number;
  readonly host: string;
  readonly path: string;
  readonly connections: number;
  readonly messageBytes: number;
  readonly seconds: number;
}

const FINAL_BINARY = 0x82;
const MASKED = 0x80;
const MASK = Buffer.from('mask');

const task = JSON.parse(process.argv[2] ?? '') as WebSocketTask;
const sent = maskedFrame(Buffer.alloc(task.messageBytes, 'x'));
const echo = Buffer.concat([Buffer.from([FINAL_BINARY, task.messageBytes]), Buffer.alloc(task.messageBytes, 'x')]);
const durationsMs: number[] = [];

const sockets = await Promise.all(Array.from({ length: task.connections }, openWebSocket));
for (const socket of sockets) exchangeMessages(socket);
await new Promise((resolve) => setTimeout(resolve, task.seconds * 1000));
const sorted = Float64Array.from(durationsMs).sort();
const result: LoadResult = { done: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
console.log(JSON.stringify(result));
process.exit();

async function openWebSocket(): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: task.port, noDelay: true });
  socket.write(
    `GET ${task.path} HTTP/1.1\r\nHost: ${task.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2x1aWNlIGJlbmNobWFyaw==\r\n\r\n',
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(`no upgrade: ${head.toString('latin1')}`);
  return socket;
}

function exchangeMessages(socket: Socket): void {
  let sentAt = 0;
  let unread: Buffer = Buffer.alloc(0);
  const send = (): void => {
    sentAt = performance.now();
    socket.write(sent);
  };
  socket.on('data', (chunk) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    if (unread.length < echo.length) return;
    if (!unread.equals(echo)) throw new Error(`not the echo: ${unread.toString('latin1')}`);
    unread = Buffer.alloc(0);
    durationsMs.push(performance.now() - sentAt);
    send();
  });
  socket.on('close', () => {
    throw new Error('a connection was closed');
  });
  send();
}

/** Of at most 125 bytes (RFC 6455 section 5.2). */
function maskedFrame(payload: Buffer): Buffer {
  const masked = payload.map((byte, index) => byte ^ (MASK[index % MASK.length] ?? 0));
  return Buffer.concat([Buffer.from([FINAL_BINARY, MASKED | payload.length]), MASK, masked]);
}
