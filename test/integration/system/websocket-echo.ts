// A WebSocket server written from RFC 6455, that says back what it is told. It knows no extensions and no fragments, which the clients
// of these tests do not use.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const FIN = 0x80;
const MASKED = 0x80;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
/** Stands for a close frame without one. */
const NO_CODE = 1005;

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Of the whole frame. */
  readonly size: number;
}

export class WebSocketEcho {
  /** Codes of the close frames that clients sent. */
  readonly closeCodes: number[] = [];
  readonly #sockets = new Set<Duplex>();

  /** For the `upgrade` event of a server. */
  readonly accept = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const key = request.headers['sec-websocket-key'] ?? '';
    const answer = createHash('sha1')
      .update(key + GUID)
      .digest('base64');
    const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${answer}`];
    socket.write(['HTTP/1.1 101 Switching Protocols', ...fields, '', ''].join('\r\n'));
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    let rest = head;
    socket.on('data', (chunk: Buffer) => (rest = this.#takeFrames(socket, Buffer.concat([rest, chunk]))));
  };

  /** Begins the close handshake. */
  closeAll(code: number, reason: string): void {
    const payload = Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)]);
    for (const socket of this.#sockets) socket.write(encodeFrame(CLOSE, payload));
  }

  #takeFrames(socket: Duplex, bytes: Buffer): Buffer {
    let rest = bytes;
    for (let frame = decodeFrame(rest); frame !== undefined; frame = decodeFrame(rest)) {
      rest = rest.subarray(frame.size);
      if (frame.opcode === TEXT || frame.opcode === BINARY) {
        socket.write(encodeFrame(frame.opcode, frame.payload));
      } else if (frame.opcode === CLOSE) {
        this.closeCodes.push(frame.payload.length === 0 ? NO_CODE : frame.payload.readUInt16BE(0));
        socket.end(encodeFrame(CLOSE, frame.payload));
      }
    }
    return rest;
  }
}

/** Undefined as long as it is not complete. Frames of clients are masked. */
function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  if ((first & FIN) === 0 || (second & MASKED) === 0) throw new Error('a fragment, or not masked');
  const shortLength = second & 0x7f;
  const lengthSize = shortLength === 127 ? 8 : shortLength === 126 ? 2 : 0;
  const start = 2 + lengthSize + 4;
  if (bytes.length < start) return undefined;
  const length = lengthSize === 0 ? shortLength : Number(`0x${bytes.toString('hex', 2, 2 + lengthSize)}`);
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (mask[i & 3] as number);
  return { opcode: first & 0x0f, payload, size: start + length };
}

function encodeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = FIN | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  else if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
