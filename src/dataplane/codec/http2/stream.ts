// A stream of an HTTP/2 connection, the same on both sides (RFC 9113 section 5): its states, its windows, what waits to be sent and what
// was received but is not wanted yet. What the fields mean is the receiver's business.
import { ERROR, MAX_WINDOW_BYTES } from './frame.ts';
import { HeldData } from './held-data.ts';
import type { PeerSettings } from './peer-settings.ts';
import type { SessionOutput } from './session-output.ts';

/** The session, as far as a stream needs it. */
export interface StreamSession {
  readonly peer: PeerSettings;
  readonly output: SessionOutput;
  readonly streamWindowBytes: number;
  readonly maxFrameBytes: number;
  readonly nowMs: number;
  /** What the peer allows all streams together to send. */
  sendWindow: number;
  sendHeaders(streamId: number, fields: readonly string[], endsStream: boolean): void;
  sendData(streamId: number, chunk: Uint8Array, endsStream: boolean): void;
  /** @param isOpen the peer may still send on it. */
  sendReset(streamId: number, code: number, isOpen: boolean): void;
  /** So much of what was received is of no concern any more. */
  consume(length: number): void;
  /** The stream has more to send than it may. */
  wait(stream: FrameStream): void;
  /** It came to nothing by the peer's doing. */
  countWastedStream(): void;
  forget(stream: FrameStream): void;
}

/** Who works on a stream. After `onReset` nothing but `onClosed` is called. */
export interface StreamReceiver {
  /** A field section behind the first one that a client sent: name, value, … */
  onHeaders(fields: string[], isTooLarge: boolean, endsStream: boolean): void;
  onData(chunk: Buffer): void;
  /** The peer has sent all, and all was handed on. */
  onEnd(): void;
  /** What was held back has been sent. */
  onDrain(): void;
  /** Some of what waits was sent. */
  onProgress(): void;
  /** Our side is complete. */
  onSent(): void;
  /** The stream broke: the peer reset it, or made us reset it (`isOurs`) by `message`. */
  onReset(code: number, isOurs: boolean, message: string): void;
  /** The session has forgotten it. */
  onClosed(): void;
}

export class FrameStream {
  readonly id: number;
  receiver: StreamReceiver;
  /** What the peer allows us to send. */
  sendWindow: number;
  /** The peer has sent END_STREAM. */
  isRemoteClosed = false;
  /** END_STREAM went out. */
  isLocalClosed = false;
  isClosed = false;
  /** Whether the peer has sent a field section that ends the head; DATA before it is an error. */
  hasHead = false;

  readonly openedAtMs: number;
  readonly #session: StreamSession;
  /** What the peer may still send. */
  #receiveWindow: number;
  /** Handed on, and not given back to the window yet. */
  #consumed = 0;
  #isPaused = false;
  /** What came while it was paused; undefined: nothing. */
  #held: HeldData | undefined = undefined;
  #isEndHeld = false;
  #waiting: Uint8Array[] = [];
  /** Of the first that waits, bytes that went out. */
  #sentOfFirst = 0;
  #waitingBytes = 0;
  #isEnding = false;
  #trailers: readonly string[] | undefined = undefined;
  /** Once our side is complete, the peer is told that nobody reads the rest. */
  #resetsWhenSent = false;

  constructor(session: StreamSession, id: number, receiver: StreamReceiver) {
    this.#session = session;
    this.id = id;
    this.sendWindow = session.peer.initialWindowBytes;
    this.#receiveWindow = session.streamWindowBytes;
    this.receiver = receiver;
    this.openedAtMs = session.nowMs;
  }

  /** Bytes that the peer or the socket does not take yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether a chunk that was written is still looked at. */
  get holdsChunks(): boolean {
    return this.#waitingBytes > 0 || this.#session.output.isHolding;
  }

  // — sending —

  sendHeaders(fields: readonly string[], endsStream: boolean): void {
    if (this.isClosed || this.isLocalClosed) return;
    this.#session.sendHeaders(this.id, fields, endsStream);
    if (endsStream) this.#finishSending();
  }

  /** Returns false when it waits: wait for `onDrain`. */
  write(chunk: Uint8Array): boolean {
    if (this.isClosed || this.isLocalClosed || this.#isEnding || chunk.length === 0) return true;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waiting.length === 1) this.#send();
    return this.#waitingBytes === 0;
  }

  end(trailers: readonly string[] | undefined): void {
    if (this.isClosed || this.isLocalClosed || this.#isEnding) return;
    this.#isEnding = true;
    this.#trailers = trailers;
    if (this.#waitingBytes === 0) this.#sendEnd();
  }

  /** Nobody reads what the peer still sends: it is told when our side is complete (RFC 9113 section 8.1). */
  abandonRemote(): void {
    this.#resetsWhenSent = true;
    this.#isPaused = false;
    this.#dropHeld();
    if (this.isLocalClosed && !this.isClosed && !this.isRemoteClosed) this.reset(ERROR.none);
  }

  /** Much of what was written goes out now, little with what else this turn brings. */
  flush(): void {
    this.#session.output.scheduleFlush();
  }

  /** Nothing is handed on any more, not even of what was received whole. */
  reset(code: number): void {
    if (!this.isClosed) {
      this.#session.sendReset(this.id, code, !this.isRemoteClosed);
      this.close();
    }
    this.#dropHeld();
  }

  /** Sends what the windows and the socket take; the rest waits. */
  #send(): void {
    const session = this.#session;
    const before = this.#waitingBytes;
    while (this.#waitingBytes > 0) {
      const room = Math.min(this.sendWindow, session.sendWindow, session.maxFrameBytes);
      if (room <= 0 || session.output.needsDrain) break;
      this.#sendPiece(room);
    }
    if (this.#waitingBytes === 0) return;
    session.wait(this);
    if (this.#waitingBytes < before) this.receiver.onProgress();
  }

  /** From the session: a turn of its own among those that wait. Returns whether something still waits. */
  sendTurn(): boolean {
    const session = this.#session;
    const room = Math.min(this.sendWindow, session.sendWindow, session.maxFrameBytes);
    if (room > 0 && this.#waitingBytes > 0) {
      this.#sendPiece(room);
      if (this.#waitingBytes > 0) this.receiver.onProgress();
    }
    if (this.#waitingBytes > 0) return true;
    if (!this.isLocalClosed && !this.#isEnding) this.receiver.onDrain();
    return false;
  }

  #sendPiece(room: number): void {
    const first = this.#waiting[0] as Uint8Array;
    const start = this.#sentOfFirst;
    const length = Math.min(room, first.length - start);
    const piece = start === 0 && length === first.length ? first : first.subarray(start, start + length);
    this.#waitingBytes -= length;
    this.sendWindow -= length;
    this.#session.sendWindow -= length;
    if (start + length === first.length) {
      this.#waiting.shift();
      this.#sentOfFirst = 0;
    } else {
      this.#sentOfFirst = start + length;
    }
    const ends = this.#waitingBytes === 0 && this.#isEnding && this.#trailers === undefined;
    this.#session.sendData(this.id, piece, ends);
    if (ends) this.#finishSending();
    else if (this.#waitingBytes === 0 && this.#isEnding) this.#sendEnd();
  }

  #sendEnd(): void {
    if (this.#trailers === undefined) this.#session.output.end(this.id);
    else this.#session.sendHeaders(this.id, this.#trailers, true);
    this.#finishSending();
  }

  #finishSending(): void {
    this.isLocalClosed = true;
    this.receiver.onSent();
    if (this.isClosed) return;
    if (this.isRemoteClosed) this.close();
    else if (this.#resetsWhenSent) this.reset(ERROR.none);
  }

  /** From the session. Returns whether the window is still one. */
  widen(increment: number): boolean {
    this.sendWindow += increment;
    return this.sendWindow <= MAX_WINDOW_BYTES;
  }

  // — receiving —

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#deliver();
  }

  /** Hands on what was held back, and the end if it came, whether anybody is ready for it or not: at most a window of it. */
  deliverRest(): void {
    while (this.#held !== undefined || this.#isEndHeld) {
      this.#isPaused = false;
      this.#deliver();
    }
  }

  #deliver(): void {
    while (!this.#isPaused && this.#held !== undefined) {
      const chunk = this.#held.shift() as Buffer;
      if (this.#held.length === 0) this.#held = undefined;
      if (!this.isClosed) this.#consume(chunk.length);
      this.receiver.onData(chunk);
    }
    if (this.#isEndHeld && !this.#isPaused) this.#deliverEnd();
  }

  /** From the session: a DATA frame takes so much of the window. Returns whether it had that much. */
  take(length: number): boolean {
    this.#receiveWindow -= length;
    return this.#receiveWindow >= 0;
  }

  /** From the session. What is not payload is given back at once. */
  giveBack(length: number): void {
    this.#consume(length);
  }

  /** From the session. */
  receiveData(chunk: Buffer): void {
    if (this.#resetsWhenSent || this.isClosed) {
      this.#consume(chunk.length);
      return;
    }
    if (this.#isPaused || this.#held !== undefined) {
      // The socket's buffer is used again.
      this.#held ??= new HeldData();
      this.#held.push(chunk);
      return;
    }
    this.#consume(chunk.length);
    this.receiver.onData(chunk);
  }

  /** From the session: END_STREAM. */
  receiveEnd(): void {
    this.isRemoteClosed = true;
    if (this.#held === undefined && !this.#isPaused) {
      this.#deliverEnd();
      return;
    }
    this.#isEndHeld = true;
    if (this.isLocalClosed) this.close();
  }

  #deliverEnd(): void {
    this.#isEndHeld = false;
    if (!this.#resetsWhenSent) this.receiver.onEnd();
    if (this.isLocalClosed) this.close();
  }

  /** Half a window is worth a frame. */
  #consume(length: number): void {
    this.#session.consume(length);
    this.#consumed += length;
    const { streamWindowBytes } = this.#session;
    if (this.#consumed < streamWindowBytes / 2 || this.isRemoteClosed || this.isClosed) return;
    this.#session.output.windowUpdate(this.id, this.#consumed);
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  #dropHeld(): void {
    const bytes = this.#held?.length ?? 0;
    this.#held = undefined;
    this.#isEndHeld = false;
    if (bytes > 0 && !this.isClosed) this.#consume(bytes);
  }

  // — its end —

  /** From the session: the peer reset it. */
  receiveReset(code: number): void {
    if (this.isClosed) return;
    this.#isEnding = true;
    this.receiver.onReset(code, false, `the stream was reset with code ${code}`);
    this.close();
    this.#dropHeld();
  }

  /** From the session: the peer broke the protocol on it. */
  breakOff(code: number, message: string): void {
    if (this.isClosed) return;
    this.#session.sendReset(this.id, code, !this.isRemoteClosed);
    this.receiver.onReset(code, true, message);
    this.close();
    this.#dropHeld();
    this.#session.countWastedStream();
  }

  /** Forgotten at once. What was received whole stays to be handed on, but the connection goes on without it. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#held !== undefined) this.#session.consume(this.#held.length);
    if (!this.isRemoteClosed) this.#dropHeld();
    this.#session.forget(this);
    this.receiver.onClosed();
  }
}

/** Of a stream that its owner has not taken yet. */
export const NOBODY: StreamReceiver = {
  onHeaders() {},
  onData() {},
  onEnd() {},
  onDrain() {},
  onProgress() {},
  onSent() {},
  onReset() {},
  onClosed() {},
};
