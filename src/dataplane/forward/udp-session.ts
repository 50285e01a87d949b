// The datagrams of one client and one endpoint, over a socket of their own so that what comes back is known to be for this client. It
// ends by silence, by an error of the network, or when whoever made it ends it.
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { Deadline } from '../../lib/timeout-queue.ts';
import type { TimeoutQueue } from '../../lib/timeout-queue.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';
import type { StreamTarget } from '../runtime/runtime-stream-route.ts';
import type { FinishedSession, SessionClient } from './session-record.ts';

export interface UdpEndpoint {
  /** `address:port` */
  readonly name: string;
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  /** It does not take datagrams. */
  onConnectFailed(reason: string): void;
}

export interface UdpClient extends SessionClient {
  /** Of its address, its port and the local address. */
  readonly key: string;
  /** Sends to the client, from the address that it sent to. */
  reply(data: Buffer): void;
}

export interface UdpSessionOwner {
  /** Called exactly once for each session. */
  onSessionDone(session: UdpSession): void;
  /** Something threw where nothing may; the session is being ended. */
  onDefect(error: unknown): void;
}

/** What may wait in the process for a socket to take it; beyond it datagrams are dropped. */
export const MAX_QUEUED_BYTES: number = 256 * 1024;

type Lookup = (
  hostname: string,
  options: unknown,
  done: (error: null, address: string, family: number) => void,
) => void;

/** Addresses are literals: nothing is looked up, and nothing waits for it. */
export const literalLookup: Lookup = (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4);

export class UdpSession extends Deadline implements FinishedSession {
  readonly client: UdpClient;
  readonly target: StreamTarget<UdpEndpoint>;
  readonly startMs: number = performance.now();
  readonly tries = 1;
  failure: ProxyErrorCode | undefined = undefined;
  bytesReceived = 0;
  bytesSent = 0;
  readonly #endpoint: UdpEndpoint;
  readonly #owner: UdpSessionOwner;
  readonly #socket: Socket;
  #idle: TimeoutQueue;
  #isOver = false;

  constructor(
    client: UdpClient,
    target: StreamTarget<UdpEndpoint>,
    endpoint: UdpEndpoint,
    idle: TimeoutQueue,
    owner: UdpSessionOwner,
  ) {
    super();
    this.client = client;
    this.target = target;
    this.#endpoint = endpoint;
    this.#idle = idle;
    this.#owner = owner;
    this.#socket = createSocket({ type: isIPv6(endpoint.address) ? 'udp6' : 'udp4', lookup: literalLookup });
    this.#socket.on('error', (error) => this.#onError(error));
    this.#socket.on('message', (data) => this.#onReply(data));
    target.cells.activeSessions.inc();
  }

  get endpoint(): string {
    return this.#endpoint.name;
  }

  start(): void {
    this.#idle.arm(this);
    this.#guard(() => this.#socket.connect(this.#endpoint.port, this.#endpoint.address));
  }

  /** From the client. */
  forward(data: Buffer): void {
    if (this.#isOver) return;
    this.#idle.arm(this);
    if (this.#socket.getSendQueueSize() > MAX_QUEUED_BYTES) {
      this.target.cells.droppedDatagrams.inc('queue_full');
      return;
    }
    this.bytesReceived += data.length;
    this.#guard(() => this.#socket.send(data, this.#onSent));
  }

  /** Waits so long for its end from now on. */
  setIdle(idle: TimeoutQueue): void {
    this.#idle = idle;
    idle.arm(this);
  }

  end(failure?: ProxyErrorCode): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.failure = failure;
    this.disarm();
    this.#socket.close();
    this.target.cells.activeSessions.dec();
    this.#owner.onSessionDone(this);
  }

  /** Silence is how sessions end. */
  onExpired(): void {
    this.end();
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#onError(error);
  };

  #onReply(data: Buffer): void {
    if (this.#isOver) return;
    this.#idle.arm(this);
    this.bytesSent += data.length;
    this.#guard(() => this.client.reply(data));
  }

  #onError(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    // Of one datagram.
    if (error.code === 'EMSGSIZE' || error.code === 'ENOBUFS' || error.code === 'EAGAIN') {
      this.target.cells.droppedDatagrams.inc('send_failed');
      return;
    }
    this.#guard(() => this.#endpoint.onConnectFailed(error.message));
    this.end('upstream_connect_failed');
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#owner.onDefect(error);
      this.end('internal');
    }
  }
}
