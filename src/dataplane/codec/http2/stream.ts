// A stream of an HTTP/2 connection, the same on both sides (RFC 9113 section 5): its states, its windows, what waits to be sent and what
// was received but is not wanted yet. What the fields mean is the receiver's business.
import { ERROR, MAX_WINDOW_BYTES } from './frame.ts';
import type { FrameSession } from './session.ts';

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
  readonly #session: FrameSession;
  /** What the peer may still send. */
  #receiveWindow: number;
  /** Handed on, and not given back to the window yet. */
  #consumed = 0;
  #isPaused = false;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #isEndReceived = false;
  #waiting: Uint8Array[] = [];
  /** Of the first that waits, bytes that went out. */
  #sentOfFirst = 0;
  #waitingBytes = 0;
  #isEnding = false;
  #trailers: readonly string[] | undefined = undefined;
  /** Once our side is complete, the peer is told that nobody reads the rest. */
  #resetsWhenSent = false;

  constructor(session: FrameSession, id: number, receiver: StreamReceiver) {
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
    if (this.#waiting.length === 1) this.send();
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
    this.#dropReceived();
    if (this.isLocalClosed && !this.isClosed && !this.isRemoteClosed) this.reset(ERROR.none);
  }

  /** Much of what was written goes out now, little with what else this turn brings. */
  flush(): void {
    this.#session.output.scheduleFlush();
  }

  reset(code: number): void {
    if (this.isClosed) return;
    this.#session.sendReset(this.id, code, !this.isRemoteClosed);
    this.close();
  }

  /** From the session: sends what the windows and the socket take. Returns whether something still waits. */
  send(): boolean {
    const session = this.#session;
    const before = this.#waitingBytes;
    while (this.#waitingBytes > 0) {
      const room = Math.min(this.sendWindow, session.sendWindow, session.maxFrameBytes);
      if (room <= 0 || session.output.needsDrain) break;
      this.#sendPiece(room);
    }
    if (this.#waitingBytes > 0) {
      session.wait(this);
      if (this.#waitingBytes < before) this.receiver.onProgress();
      return true;
    }
    return false;
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
    this.#isPaused = false;
    this.#deliver();
  }

  #deliver(): void {
    while (this.#received.length > 0 && !this.#isPaused) {
      const chunk = this.#received.shift() as Buffer;
      this.#receivedBytes -= chunk.length;
      this.#consume(chunk.length);
      this.receiver.onData(chunk);
    }
    if (this.#isEndReceived && this.#received.length === 0 && !this.#isPaused) this.#deliverEnd();
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
    if (this.#isPaused || this.#received.length > 0) {
      // The socket's buffer is used again.
      this.#received.push(Buffer.from(chunk));
      this.#receivedBytes += chunk.length;
      return;
    }
    this.#consume(chunk.length);
    this.receiver.onData(chunk);
  }

  /** From the session: END_STREAM. */
  receiveEnd(): void {
    this.isRemoteClosed = true;
    if (this.#received.length === 0 && !this.#isPaused) {
      this.#deliverEnd();
      return;
    }
    this.#isEndReceived = true;
    if (this.isLocalClosed) this.close();
  }

  #deliverEnd(): void {
    this.#isEndReceived = false;
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

  #dropReceived(): void {
    const bytes = this.#receivedBytes;
    this.#received = [];
    this.#receivedBytes = 0;
    if (bytes > 0) this.#consume(bytes);
  }

  // — its end —

  /** From the session: the peer reset it. */
  receiveReset(code: number): void {
    if (this.isClosed) return;
    this.#isEnding = true;
    this.receiver.onReset(code, false, `the stream was reset with code ${code}`);
    this.close();
  }

  /** From the session: the peer broke the protocol on it. */
  breakOff(code: number, message: string): void {
    if (this.isClosed) return;
    this.#session.sendReset(this.id, code, !this.isRemoteClosed);
    this.receiver.onReset(code, true, message);
    this.close();
    this.#session.countWastedStream();
  }

  /** Forgotten at once. What was received whole stays to be handed on. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (!this.isRemoteClosed) this.#dropReceived();
    this.#session.forget(this);
    this.receiver.onClosed();
  }
}
