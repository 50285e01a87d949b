// A connection whose first bytes decide what becomes of it. Nothing is taken from it but the header of a proxy: whoever gets the socket
// in the end reads the other bytes again. Until then it ends with its deadline, at the latest.
import type { Socket } from 'node:net';
import { Deadline } from '../../lib/timeout-queue.ts';
import type { DownstreamInfo } from '../exchange.ts';
import type { DownstreamConnection } from './downstream-connection.ts';
import { reopen } from './reopened-socket.ts';
import type { ClientSocket } from './reopened-socket.ts';
import type { SocketSettings } from './socket-settings.ts';

/** What is known of a connection before its own first byte. */
export interface ConnectionOrigin {
  readonly downstream: DownstreamInfo;
  /** Of the moment when it was accepted. */
  readonly settings: SocketSettings;
}

/** Who decides. Whatever throws there is a defect. */
export interface ArrivalJudge {
  /** All bytes so far, at least one. Where they tell enough, releases the arrival or destroys it. */
  judge(arrival: Arrival, bytes: Buffer): void;
  onArrivalTimeout(arrival: Arrival, bytes: Buffer | undefined): void;
  /** It is gone, or somebody else's now. */
  onArrivalOver(arrival: Arrival): void;
  onDefect(error: unknown): void;
}

export class Arrival extends Deadline implements DownstreamConnection {
  readonly socket: Socket;
  origin: ConnectionOrigin;
  /** Whether its first bytes are a header of the PROXY protocol that was not read yet. */
  awaitsProxyHeader: boolean;
  readonly #judge: ArrivalJudge;
  #bytes: Buffer | undefined = undefined;
  #isOver = false;

  constructor(socket: Socket, origin: ConnectionOrigin, awaitsProxyHeader: boolean, judge: ArrivalJudge) {
    super();
    this.socket = socket;
    this.origin = origin;
    this.awaitsProxyHeader = awaitsProxyHeader;
    this.#judge = judge;
    socket.on('readable', this.#onReadable);
    // A client that says no more before it said enough.
    socket.on('end', this.#onEnd);
    socket.on('error', ignore);
    socket.on('close', this.#onClose);
    origin.settings.arrivalTimeout.arm(this);
  }

  /** Whoever has said nothing yet has been idle for ever. */
  get idleSinceMs(): number | undefined {
    return this.isIdle ? -Infinity : undefined;
  }

  get isIdle(): boolean {
    return this.#bytes === undefined;
  }

  drain(): void {
    if (this.isIdle) this.destroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  onExpired(): void {
    this.#judge.onArrivalTimeout(this, this.#bytes);
  }

  /** Drops the PROXY header. @returns what came behind it; undefined: nothing yet. */
  takeProxyHeader(length: number, downstream: DownstreamInfo): Buffer | undefined {
    this.awaitsProxyHeader = false;
    this.origin = { ...this.origin, downstream };
    const rest = this.#bytes?.subarray(length);
    this.#bytes = rest?.length === 0 ? undefined : rest;
    return this.#bytes;
  }

  /** The socket is the caller's from here on, as if nothing had been read. It flows once somebody resumes it. */
  release(): Socket {
    this.#letGo();
    if (this.#bytes !== undefined) this.socket.unshift(this.#bytes);
    return this.socket;
  }

  /** The same for whoever can do with a socket that emits no `data`. */
  reopen(): ClientSocket {
    this.#letGo();
    return reopen(this.socket, this.#bytes);
  }

  #letGo(): void {
    this.#finish();
    this.socket.off('readable', this.#onReadable);
    this.socket.off('end', this.#onEnd);
    this.socket.off('close', this.#onClose);
  }

  readonly #onReadable = (): void => {
    const chunk = this.socket.read() as Buffer | null;
    if (chunk === null) return;
    this.#bytes = this.#bytes === undefined ? chunk : Buffer.concat([this.#bytes, chunk]);
    try {
      this.#judge.judge(this, this.#bytes);
    } catch (error) {
      this.#judge.onDefect(error);
      this.destroy();
    }
  };

  readonly #onEnd = (): void => this.destroy();

  readonly #onClose = (): void => this.#finish();

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.disarm();
    this.#judge.onArrivalOver(this);
  }
}

function ignore(): void {}
