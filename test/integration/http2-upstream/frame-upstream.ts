// An upstream that knows only frames: it sends exactly those it is told, valid or not, and keeps those that come.
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { Conditions } from '../../harness/deadline.ts';
import { ACK, data, END_STREAM, frame, FRAME, headers, PREFACE, settings } from '../../harness/http2-frames.ts';
import type { Fields, Frame } from '../../harness/http2-frames.ts';
import type { TestBed } from '../../harness/test-bed.ts';

export const PUSH_PROMISE = 5;
export const MAX_CONCURRENT_STREAMS = 3;
export const INITIAL_WINDOW_SIZE = 4;
export const ENABLE_CONNECT_PROTOCOL = 8;

export interface FrameScript {
  /** Default: SETTINGS without a value. */
  readonly settings?: readonly (readonly [number, number])[];
  /** Whether SETTINGS and PING are acknowledged; default: both. */
  readonly acknowledges?: readonly number[];
  /** The preface has come. */
  readonly onOpen?: (connection: FrameConnection) => void;
  /** A frame has come. */
  readonly onFrame?: (connection: FrameConnection, frame: Frame) => void;
  /** The head of a request has come, with the body's first frames perhaps. */
  readonly onRequest?: (connection: FrameConnection, stream: number) => void;
}

export class FrameConnection {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  readonly #script: FrameScript;
  readonly #changed: () => void;
  #unread = Buffer.alloc(0);
  #isOpen = false;

  constructor(socket: Socket, script: FrameScript, changed: () => void) {
    this.socket = socket;
    this.#script = script;
    this.#changed = changed;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#onData(chunk));
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isClosed = true;
        changed();
      });
    }
  }

  send(...frames: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames));
  }

  /** A whole answer. */
  answer(stream: number, body = 'ok', fields: Fields = [[':status', '200']]): void {
    this.send(headers(stream, fields, 0), data(stream, body, END_STREAM));
  }

  of(type: number, stream?: number): Frame[] {
    return this.frames.filter((seen) => seen.type === type && (stream === undefined || seen.stream === stream));
  }

  #onData(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    if (!this.#isOpen) {
      if (this.#unread.length < PREFACE.length) return;
      this.#unread = this.#unread.subarray(PREFACE.length);
      this.#isOpen = true;
      this.send(settings(...(this.#script.settings ?? [])));
      this.#script.onOpen?.(this);
    }
    while (this.#unread.length >= 9 && this.#unread.length >= 9 + this.#unread.readUIntBE(0, 3)) {
      const length = this.#unread.readUIntBE(0, 3);
      const [type, flags] = [this.#unread.readUInt8(3), this.#unread.readUInt8(4)];
      const stream = this.#unread.readUInt32BE(5) & 0x7fffffff;
      const payload = Buffer.from(this.#unread.subarray(9, 9 + length));
      this.#unread = this.#unread.subarray(9 + length);
      this.#onFrame({ type, flags, stream, payload });
    }
    this.#changed();
  }

  #onFrame(received: Frame): void {
    const { type, flags, stream, payload } = received;
    this.frames.push(received);
    const acknowledges = this.#script.acknowledges ?? [FRAME.settings, FRAME.ping];
    if ((flags & ACK) === 0 && stream === 0 && acknowledges.includes(type))
      this.send(frame(type, ACK, 0, type === FRAME.ping ? payload : undefined));
    this.#script.onFrame?.(this, received);
    if (type === FRAME.headers) this.#script.onRequest?.(this, stream);
  }
}

export class FrameUpstream {
  readonly port: number;
  readonly connections: readonly FrameConnection[];
  readonly conditions: Conditions;

  private constructor(port: number, connections: readonly FrameConnection[], conditions: Conditions) {
    this.port = port;
    this.connections = connections;
    this.conditions = conditions;
  }

  /** @param tls absent: plaintext. */
  static async listen(bed: TestBed, script: FrameScript, tls?: TlsOptions): Promise<FrameUpstream> {
    const connections: FrameConnection[] = [];
    const conditions = new Conditions();
    const onConnection = (socket: Socket): void => {
      socket.on('error', () => {});
      connections.push(new FrameConnection(socket, script, () => conditions.changed()));
      conditions.changed();
    };
    const tlsServer = tls === undefined ? undefined : createTlsServer(tls, onConnection);
    const port = await bed.server((socket) => {
      if (tlsServer === undefined) onConnection(socket);
      else tlsServer.emit('connection', socket);
    });
    return new FrameUpstream(port, connections, conditions);
  }

  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return await this.conditions.until(what, probe);
  }

  /** The nth connection, from 0. */
  async connection(index: number): Promise<FrameConnection> {
    return await this.until(`connection ${index}`, () => this.connections[index]);
  }
}
