// A process: echoes WebSocket messages (RFC 6455) of at most 125 bytes on the port that is its argument. Other requests get 200.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { Duplex } from 'node:stream';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const FINAL_BINARY = 0x82;
const LENGTH = 0x7f;
/** Of a masked frame with a short length. */
const HEAD_BYTES = 6;

const server = createServer((_request, response) => response.end());
server.on('upgrade', ({ headers }, socket, head) => {
  const accept = createHash('sha1')
    .update(`${headers['sec-websocket-key'] ?? ''}${KEY_SUFFIX}`)
    .digest('base64');
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
  socket.unshift(head);
  echoMessages(socket);
});
server.listen(Number(process.argv[2]), '127.0.0.1');

function echoMessages(socket: Duplex): void {
  let unread: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    while (unread.length >= HEAD_BYTES && unread.length >= HEAD_BYTES + payloadLength(unread)) {
      const end = HEAD_BYTES + payloadLength(unread);
      socket.write(echoOf(unread.subarray(0, end)));
      unread = unread.subarray(end);
    }
  });
}

function payloadLength(frame: Buffer): number {
  return (frame[1] ?? 0) & LENGTH;
}

/** The payload without its mask. */
function echoOf(frame: Buffer): Buffer {
  const length = payloadLength(frame);
  const echo = Buffer.allocUnsafe(2 + length);
  echo[0] = FINAL_BINARY;
  echo[1] = length;
  for (let i = 0; i < length; i++) echo[2 + i] = (frame[HEAD_BYTES + i] ?? 0) ^ (frame[2 + (i % 4)] ?? 0);
  return echo;
}
