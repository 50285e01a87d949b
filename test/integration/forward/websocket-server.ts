// A WebSocket server (RFC 6455) that sends back what it gets: whole unfragmented messages, pings and closes, nothing else.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';

const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly length: number;
}

export function echoWebSocket(socket: Socket): void {
  let unread = Buffer.alloc(0);
  let isOpen = false;
  socket.on('data', (chunk) => {
    unread = Buffer.concat([unread, chunk]);
    if (!isOpen) {
      const end = unread.indexOf('\r\n\r\n');
      if (end === -1) return;
      const key = /^sec-websocket-key: (.*)$/im.exec(unread.toString('latin1', 0, end))?.[1] ?? '';
      unread = unread.subarray(end + 4);
      isOpen = true;
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${createHash('sha1').update(`${key}${KEY_SUFFIX}`).digest('base64')}\r\n\r\n`,
      );
    }
    for (let frame = readFrame(unread); frame !== undefined; frame = readFrame(unread)) {
      unread = unread.subarray(frame.length);
      socket.write(writeFrame(frame.opcode === PING ? PONG : frame.opcode, frame.payload));
      if (frame.opcode === CLOSE) socket.end();
    }
  });
  socket.on('end', () => socket.end());
}

/** The masked frame at the start of the buffer, if it is all there. */
function readFrame(buffer: Buffer): Frame | undefined {
  if (buffer.length < 2) return undefined;
  const short = buffer.readUInt8(1) & 0x7f;
  const maskAt = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (buffer.length < maskAt + 4) return undefined;
  const size = short === 127 ? Number(buffer.readBigUInt64BE(2)) : short === 126 ? buffer.readUInt16BE(2) : short;
  const start = maskAt + 4;
  if (buffer.length < start + size) return undefined;
  const payload = Buffer.from(buffer.subarray(start, start + size));
  for (let i = 0; i < size; i++) payload[i] = (payload[i] as number) ^ (buffer[maskAt + (i % 4)] as number);
  return { opcode: buffer.readUInt8(0) & 0x0f, payload, length: start + size };
}

function writeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head.writeUInt8(0x80 | opcode, 0);
  head.writeUInt8(length < 126 ? length : length < 65_536 ? 126 : 127, 1);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
