// A client's connection carried to an endpoint: bytes both ways, each direction with its own end and its own back-pressure. It ends
// when both directions have, or with a failure that both sides see as a reset, so that nobody takes a part for the whole.
import type { OnReadOpts, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Deadline } from '../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import { SocketReader } from '../codec/socket-reader.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';
import type { StreamTarget } from '../runtime/runtime-stream-route.ts';
import type { FinishedSession, SessionClient } from './session-record.ts';

/** An endpoint as sessions use it. */
export interface TcpEndpoint {
  /** `address:port` */
  readonly name: string;
  readonly connectTimeout: TimeoutQueue;
  /**
   * A socket on its way to the endpoint, half-open allowed, without delay, that reads as `onread` says and has sent `preamble` before all
   * else, also before a TLS handshake. Undefined: the endpoint has as many as it may.
   */
  connect(preamble: Buffer | undefined, onread: OnReadOpts): Socket | undefined;
  /** The socket that came of it is closed. */
  onConnectFailed(reason: string): void;
}

/** An accepted connection. */
export interface TcpClient extends SessionClient {
  readonly socket: Socket;
  /** What the socket reads with; undefined: it emits `data`. */
  readonly reader?: SocketReader | undefined;
  /** What the endpoint is told first: a PROXY protocol header. */
  readonly preamble?: Buffer | undefined;
}

export interface TcpSessionServices {
  readonly timeouts: {
    /** Without a byte in either direction. */
    readonly idle: TimeoutQueue;
    /** While bytes wait: without their receiver taking one. */
    readonly stall: TimeoutQueue;
  };
  /** Called exactly once for each session; both of its sockets close, if they are not closed yet. */
  onSessionDone(session: TcpSession): void;
  /** Something threw where nothing may; the session is being cut. */
  onDefect(error: unknown): void;
}

/** Endpoints that a connection is tried with, each once. */
const MAX_CONNECT_TRIES = 3;

/** Of what the client says before there is an endpoint. Reading that far shows whether it is still there. */
const MAX_EARLY_BYTES: number = 64 * 1024;

export class TcpSession extends Deadline implements FinishedSession {
  readonly client: TcpClient;
  readonly target: StreamTarget<TcpEndpoint>;
  readonly startMs: number = performance.now();
  failure: ProxyErrorCode | undefined = undefined;
  readonly #services: TcpSessionServices;
  readonly #tried: TcpEndpoint[] = [];
  /** Of the endpoint. */
  readonly #reader = new SocketReader();
  #early: Buffer | undefined = undefined;
  #connecting: Socket | undefined = undefined;
  #sending: Direction | undefined = undefined;
  #receiving: Direction | undefined = undefined;
  #isOver = false;

  constructor(client: TcpClient, target: StreamTarget<TcpEndpoint>, services: TcpSessionServices) {
    super();
    this.client = client;
    this.target = target;
    this.#services = services;
    target.cells.activeSessions.inc();
    this.#reader.receiver = { onRead: (chunk) => this.#carry(this.#receiving, chunk) };
    const { socket, reader } = client;
    if (reader !== undefined) reader.receiver = { onRead: (chunk) => this.#onClientRead(chunk) };
    socket.on('error', () => this.fail('downstream_closed'));
    socket.on('close', () => {
      // Its part may be over while the endpoint still takes the rest.
      if (this.#sending?.hasEnded !== true || this.#receiving?.isDone !== true) this.fail('downstream_closed');
    });
  }

  get endpoint(): string | undefined {
    return this.#tried.at(-1)?.name;
  }

  get tries(): number {
    return this.#tried.length;
  }

  get bytesReceived(): number {
    return this.#sending?.bytes ?? 0;
  }

  get bytesSent(): number {
    return this.#receiving?.bytes ?? 0;
  }

  /** Nothing in the bytes tells whether more will come. */
  readonly isIdle = false;
  readonly idleSinceMs = undefined;

  start(): void {
    const { endpoints } = this.target;
    this.#guard(() => {
      const endpoint = typeof endpoints === 'string' ? undefined : endpoints.select();
      if (endpoint !== undefined) this.#connect(endpoint);
      else this.fail(typeof endpoints === 'string' ? endpoints : 'no_healthy_upstream');
    });
  }

  /** It goes on until its ends are done, or whoever drains has waited long enough. */
  drain(): void {}

  destroy(): void {
    this.fail('drain_expired');
  }

  /** Cuts both sides. Once it is over: nothing. */
  fail(code: ProxyErrorCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.failure = code;
    reset(this.client.socket);
    const upstream = this.#connecting ?? this.#sending?.to;
    if (upstream !== undefined) reset(upstream);
    this.#finish();
  }

  /** No connection in time, or nothing happened on it. */
  onExpired(): void {
    if (this.#connecting === undefined) this.fail('stream_idle');
    else this.#onConnectFailed('upstream_connect_timeout', 'timeout');
  }

  /** @internal A byte went through. */
  touch(): void {
    this.#services.timeouts.idle.arm(this);
  }

  /** @internal A direction is complete: all of it was handed to the kernel. */
  onDirectionDone(): void {
    if (this.#sending?.isDone === true && this.#receiving?.isDone === true) this.#finish();
  }

  // — connecting —

  #connect(endpoint: TcpEndpoint): void {
    this.#tried.push(endpoint);
    const socket = endpoint.connect(this.client.preamble, this.#reader.onread);
    if (socket === undefined) {
      this.#tryNext('upstream_overflow');
      return;
    }
    this.#connecting = socket;
    endpoint.connectTimeout.arm(this);
    // A TLS socket emits `connect` too, before its handshake.
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => this.#onConnected(socket));
    socket.on('error', (error) => this.#onUpstreamError(socket, error.message));
    socket.on('close', () => {
      if (this.#receiving?.hasEnded !== true || this.#sending?.isDone !== true) this.#onUpstreamError(socket, 'closed');
    });
  }

  #onUpstreamError(socket: Socket, reason: string): void {
    if (this.#connecting === socket) this.#onConnectFailed('upstream_connect_failed', reason);
    else if (this.#sending?.to === socket) this.fail('upstream_reset');
  }

  #onConnectFailed(code: ProxyErrorCode, reason: string): void {
    const socket = this.#connecting;
    // First: a TLS socket closes inside of destroy().
    this.#connecting = undefined;
    socket?.destroy();
    this.#guard(() => {
      this.#tried.at(-1)?.onConnectFailed(reason);
      this.#tryNext(code);
    });
  }

  #tryNext(code: ProxyErrorCode): void {
    const { endpoints } = this.target;
    if (typeof endpoints !== 'string' && this.#tried.length < MAX_CONNECT_TRIES) {
      const next = endpoints.select(this.#tried.at(-1));
      if (next !== undefined && !this.#tried.includes(next)) {
        this.#connect(next);
        return;
      }
    }
    this.fail(code);
  }

  #onConnected(upstream: Socket): void {
    if (this.#isOver || this.#connecting !== upstream) return;
    this.#connecting = undefined;
    const { socket, reader } = this.client;
    const { stall } = this.#services.timeouts;
    const sending = new Direction(socket, upstream, stall, this);
    this.#sending = sending;
    this.#receiving = new Direction(upstream, socket, stall, this);
    this.touch();
    if (reader === undefined) socket.on('data', (chunk: Buffer) => void this.#onClientRead(chunk));
    socket.resume();
    if (this.#early !== undefined) this.#carry(sending, this.#early);
    this.#early = undefined;
    sending.begin();
    this.#receiving.begin();
  }

  // — the bytes —

  #onClientRead(chunk: Buffer): boolean {
    if (this.#sending !== undefined) return this.#carry(this.#sending, chunk);
    // Copied: many small chunks shall not hold a buffer each.
    this.#early = this.#early === undefined ? Buffer.from(chunk) : Buffer.concat([this.#early, chunk]);
    if (this.#early.length >= MAX_EARLY_BYTES) this.client.socket.pause();
    return false;
  }

  /** Returns whether the chunk is still looked at: what the kernel did not take at once. */
  #carry(direction: Direction | undefined, chunk: Buffer): boolean {
    this.#guard(() => {
      if (direction === undefined) throw new Error('bytes came before the connection');
      if (!direction.pass(chunk)) direction.from.pause();
    });
    return direction !== undefined && direction.to.writableLength > 0;
  }

  #finish(): void {
    this.#isOver = true;
    this.disarm();
    this.#sending?.disarm();
    this.#receiving?.disarm();
    this.target.cells.activeSessions.dec();
    this.#guard(() => this.#services.onSessionDone(this));
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#services.onDefect(error);
      this.fail('internal');
    }
  }
}

/** One way through a session. Its deadline is the receiver's: it runs while bytes wait for it. */
class Direction extends Deadline {
  readonly from: Socket;
  readonly to: Socket;
  bytes = 0;
  /** Nothing more will come. */
  hasEnded = false;
  /** And all that came was handed to the kernel. */
  isDone = false;
  readonly #stall: TimeoutQueue;
  readonly #session: TcpSession;

  constructor(from: Socket, to: Socket, stall: TimeoutQueue, session: TcpSession) {
    super();
    this.from = from;
    this.to = to;
    this.#stall = stall;
    this.#session = session;
    to.on('drain', () => {
      this.disarm();
      from.resume();
    });
    to.on('finish', () => {
      this.disarm();
      this.isDone = true;
      session.onDirectionDone();
    });
  }

  /** What came before was passed: its end may have come, too. */
  begin(): void {
    if (this.from.readableEnded) this.#onEnd();
    else this.from.on('end', () => this.#onEnd());
  }

  /** Returns false where the receiver is slow: `from` must pause. */
  pass(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    this.#session.touch();
    // A write of 64 KiB is answered by false also where the kernel took it at once.
    if (this.to.write(chunk) || this.to.writableLength === 0) return true;
    this.#stall.arm(this);
    return false;
  }

  onExpired(): void {
    this.#session.fail('stream_idle');
  }

  #onEnd(): void {
    this.hasEnded = true;
    this.to.end();
    if (this.to.writableLength > 0) this.#stall.arm(this);
  }
}

/** Node can't reset a TLS connection; without a close_notify its end is no end of data either. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
