// An HTTP/2 client that knows only frames: it sends exactly those it is given, valid or not, and keeps those that come back. Header blocks
// are written as literals without any compression; of those that come back only the status is read.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Conditions } from './deadline.ts';

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;

export const SETTING = { headerTableSize: 1, initialWindowSize: 4 } as const;

export const ERROR = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  refused: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export type Fields = readonly (readonly [string, string])[];

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function headers(stream: number, fields: Fields, flags: number = END_STREAM): Buffer {
  return frame(FRAME.headers, flags | END_HEADERS, stream, headerBlock(fields));
}

export function data(stream: number, payload: string | Uint8Array, flags = 0): Buffer {
  return frame(FRAME.data, flags, stream, typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload);
}

export function settings(...entries: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(entries.length * 6);
  entries.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FRAME.settings, 0, 0, payload);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function rstStream(stream: number, code: number): Buffer {
  return frame(FRAME.rstStream, 0, stream, uint32(code));
}

export function windowUpdate(stream: number, increment: number): Buffer {
  return frame(FRAME.windowUpdate, 0, stream, uint32(increment));
}

/** Literals without indexing and without Huffman coding (RFC 7541 section 6.2.2). */
/** A request head; further fields behind the pseudo-header fields. */
export function requestFields(method: string, path: string, ...fields: Fields): Fields {
  return [[':method', method], [':scheme', 'http'], [':path', path], [':authority', 'example.com'], ...fields];
}

export function headerBlock(fields: Fields): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7), bytes]);
}

function integer(value: number, prefixBits: number): Buffer {
  const limit = 2 ** prefixBits - 1;
  if (value < limit) return Buffer.of(value);
  const bytes = [limit];
  let rest = value - limit;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** The first field of an answer, from an encoder without a dynamic table: an index of the static table, or a literal with digits. */
export function statusOf(block: Buffer): number {
  let position = 0;
  while (((block[position] as number) & 0xe0) === 0x20) position++;
  const first = block[position] as number;
  if (first >= 0x80) return [200, 204, 206, 304, 400, 404, 500][first - 0x88] ?? Number.NaN;
  const length = block[position + 1] as number;
  const value = block.subarray(position + 2, position + 2 + (length & 0x7f));
  return Number(length >= 0x80 ? huffmanDigits(value) : value.toString('latin1'));
}

/** `0`, `1` and `2` have five bits, the others six (RFC 7541 appendix B). */
function huffmanDigits(coded: Buffer): string {
  const bits = Array.from(coded, (byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  for (let position = 0; bits.length - position >= 8 || bits.slice(position).includes('0');) {
    const short = Number.parseInt(bits.slice(position, position + 5), 2);
    const isShort = short <= 2;
    digits += String(isShort ? short : Number.parseInt(bits.slice(position, position + 6), 2) - 0x19 + 3);
    position += isShort ? 5 : 6;
  }
  return digits;
}

export interface FrameAddress {
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
}

export class FrameClient {
  readonly socket: Socket;
  /** In the order they came. */
  readonly frames: Frame[] = [];
  readonly #conditions = new Conditions();
  #unparsed: Buffer = Buffer.alloc(0);
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => {});
    socket.on('end', () => this.#onClosed());
    socket.on('close', () => this.#onClosed());
  }

  /** Connected, without a byte sent. */
  static async connect({ address, port, isTls }: FrameAddress): Promise<FrameClient> {
    const to = { host: address, port, allowHalfOpen: true };
    const socket = isTls ? connectTls({ ...to, ALPNProtocols: ['h2'], rejectUnauthorized: false }) : connect(to);
    socket.setNoDelay(true);
    const client = new FrameClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once(isTls ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** The preface and the settings are exchanged. */
  static async open(to: FrameAddress, ...entries: readonly (readonly [number, number])[]): Promise<FrameClient> {
    const client = await FrameClient.connect(to);
    client.send(PREFACE, settings([SETTING.headerTableSize, 0], ...entries));
    await client.until('SETTINGS', () => client.first(FRAME.settings));
    client.send(frame(FRAME.settings, ACK, 0));
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(...frames: readonly Uint8Array[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
    return this;
  }

  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((seen) => seen.type === type && (stream === undefined || seen.stream === stream));
  }

  first(type: number, stream?: number): Frame | undefined {
    return this.of(type, stream)[0];
  }

  async until<T>(what: string, probe: () => T | undefined, boundMs?: number): Promise<T> {
    try {
      return await this.#conditions.until(what, probe, boundMs);
    } catch (error) {
      const seen = this.frames.slice(-20).map(({ type, flags, stream, payload }) => {
        return `${type}/${flags}/${stream} ${payload.subarray(0, 16).toString('hex')}`;
      });
      throw new Error(`${(error as Error).message}; closed: ${this.#isClosed}, frames: ${seen.join(', ')}`, {
        cause: error,
      });
    }
  }

  async untilClosed(boundMs?: number): Promise<void> {
    await this.until('the server closes', () => this.#isClosed || undefined, boundMs);
  }

  /** The status of the answer on a stream, informational ones left out. */
  async status(stream: number): Promise<number> {
    return await this.until(`an answer on ${stream}`, () => {
      const statuses = this.of(FRAME.headers, stream).map(({ payload }) => statusOf(payload));
      if (this.#isClosed && statuses.length === 0) throw new Error('closed without an answer');
      return statuses.find((status) => status >= 200);
    });
  }

  /** The code that the server resets the stream with. */
  async resetCode(stream: number): Promise<number> {
    return await this.until(`RST_STREAM on ${stream}`, () =>
      this.first(FRAME.rstStream, stream)?.payload.readUInt32BE(),
    );
  }

  async goawayCode(): Promise<number> {
    return await this.until('GOAWAY', () => this.of(FRAME.goaway).at(-1)?.payload.readUInt32BE(4));
  }

  /** Everything sent before was read by the server, unless it closed. */
  async roundTrip(): Promise<void> {
    const before = this.#pongs();
    this.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
    await this.until('PING comes back', () => this.#isClosed || this.#pongs() > before || undefined);
  }

  /** The bytes of the answer on a stream so far. */
  body(stream: number): Buffer {
    return Buffer.concat(this.of(FRAME.data, stream).map(({ payload }) => payload));
  }

  destroy(): void {
    this.socket.destroy();
  }

  #pongs(): number {
    return this.of(FRAME.ping).filter(({ flags }) => (flags & ACK) !== 0).length;
  }

  #onData(chunk: Buffer): void {
    let bytes: Buffer = Buffer.concat([this.#unparsed, chunk]);
    while (bytes.length >= 9) {
      const end = 9 + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      const [type, flags] = [bytes.readUInt8(3), bytes.readUInt8(4)];
      this.frames.push({ type, flags, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) });
      bytes = bytes.subarray(end);
    }
    this.#unparsed = bytes;
    this.#conditions.changed();
  }

  #onClosed(): void {
    this.#isClosed = true;
    this.#conditions.changed();
  }
}
