// An HTTP/2 connection at the level of frames, the same for both sides (RFC 9113): it reads and writes frames, keeps the windows and the
// tables of HPACK, and knows the streams. What the peer must not do ends a stream or the connection here; what it means is its owner's.
import type { Socket } from 'node:net';
import { DEFAULT_WINDOW_BYTES, ERROR, FLAG, FRAME, MAX_STREAM_ID, MAX_WINDOW_BYTES, SETTING } from './frame.ts';
import { FloodGuard, WASTED_STREAM_AGE_MS } from './flood-guard.ts';
import { FrameReader } from './frame-reader.ts';
import type { FrameReceiver } from './frame-reader.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { PeerSettings } from './peer-settings.ts';
import type { SessionOptions, SessionOwner } from './session-owner.ts';
import { SectionReader } from './section-reader.ts';
import type { SectionReceiver } from './section-reader.ts';
import { PING_BYTES, SessionOutput } from './session-output.ts';
import { FrameStream, NOBODY } from './stream.ts';
import type { StreamReceiver, StreamSession } from './stream.ts';

/** Streams that we reset and on which the peer, not knowing it yet, may send for a while. */
const MAX_ABANDONED_STREAMS = 1_024;
const MAX_DATA_BYTES: number = 64 * 1024;

export class FrameSession implements FrameReceiver, SectionReceiver, StreamSession {
  readonly peer: PeerSettings = new PeerSettings();
  readonly streams: Map<number, FrameStream> = new Map();
  readonly output: SessionOutput;
  readonly streamWindowBytes: number;
  /** What the peer allows us to send on all streams together. */
  sendWindow: number = DEFAULT_WINDOW_BYTES;
  /** Of the read that is being looked at. */
  nowMs: number = performance.now();
  /** The highest stream that the peer opened. */
  lastPeerStreamId = 0;

  readonly #owner: SessionOwner;
  readonly #options: SessionOptions;
  readonly #reader: FrameReader;
  readonly #guard = new FloodGuard();
  readonly #decoder: HpackDecoder;
  readonly #sections: SectionReader;
  readonly #abandoned = new Set<number>();
  /** Streams with something to send that a window or the socket does not take. */
  readonly #waiting = new Set<FrameStream>();
  #receiveWindow: number;
  #consumed = 0;
  #nextStreamId = 1;
  /** Streams above it are not served: our GOAWAY named it. */
  #lastServedStreamId: number = MAX_STREAM_ID;
  #hasSettings = false;
  #areSettingsAcknowledged = false;
  #pings = 0;
  #isBroken = false;
  /** Of the DATA frame that is arriving. */
  #dataStream: FrameStream | undefined = undefined;
  #dataOverhead = 0;
  #hasData = false;

  constructor(socket: Socket, options: SessionOptions, owner: SessionOwner) {
    this.#owner = owner;
    this.#options = options;
    this.#decoder = new HpackDecoder(undefined, options.memory.huffman);
    this.output = new SessionOutput(socket, options.memory.blocks);
    this.#reader = new FrameReader(this);
    this.#sections = new SectionReader(this, options.maxFieldBytes);
    this.streamWindowBytes = options.streamWindowBytes;
    this.#receiveWindow = options.connectionWindowBytes;
    this.output.settings([[SETTING.initialWindowSize, options.streamWindowBytes], ...options.settings]);
    const widening = options.connectionWindowBytes - DEFAULT_WINDOW_BYTES;
    if (widening > 0) this.output.windowUpdate(0, widening);
  }

  /** A head and what belongs to it are on their way. */
  get isInHead(): boolean {
    return this.#sections.streamId !== 0;
  }

  /** Of DATA. What the peer may allow beyond it would keep others waiting. */
  get maxFrameBytes(): number {
    return Math.min(this.peer.maxFrameBytes, MAX_DATA_BYTES);
  }

  get canOpen(): boolean {
    return this.#nextStreamId <= MAX_STREAM_ID;
  }

  /** Reads what the socket brought. */
  read(chunk: Buffer): void {
    this.nowMs = performance.now();
    this.#reader.read(chunk);
    this.output.boundReading();
  }

  /** Nothing that comes is looked at any more. */
  stop(): void {
    this.#isBroken = true;
    this.#reader.stop();
  }

  /** Of a client: only where the peer allows one more. */
  open(receiver: StreamReceiver): FrameStream {
    const stream = new FrameStream(this, this.#nextStreamId, receiver);
    this.#nextStreamId += 2;
    this.streams.set(stream.id, stream);
    return stream;
  }

  ping(): void {
    this.#pings++;
    this.output.ping();
  }

  /** @param lastStreamId streams above it are not served from now on. */
  goaway(lastStreamId: number, code: number): void {
    this.#lastServedStreamId = Math.min(this.#lastServedStreamId, lastStreamId);
    this.output.goaway(lastStreamId, code);
  }

  /** Ends the connection for what the peer did. */
  breach(code: number, message: string): void {
    if (this.#isBroken) return;
    this.goaway(this.lastPeerStreamId, code);
    this.stop();
    this.output.flush();
    this.#owner.onBreach(message);
  }

  /** The socket takes more. */
  drained(): void {
    this.output.drained();
    this.#sendWaiting();
  }

  // — for streams —

  sendHeaders(streamId: number, fields: readonly string[], endsStream: boolean): void {
    this.#guard.progress();
    this.output.headers(streamId, fields, endsStream, this.peer.maxFrameBytes);
  }

  sendData(streamId: number, chunk: Uint8Array, endsStream: boolean): void {
    this.#guard.progress();
    this.output.data(streamId, chunk, endsStream);
  }

  /** @param isOpen the peer may still send on it. */
  sendReset(streamId: number, code: number, isOpen: boolean): void {
    this.output.reset(streamId, code);
    if (isOpen) this.#abandon(streamId);
  }

  /** So much of what all streams received is of no concern to this side any more. */
  consume(length: number): void {
    this.#consumed += length;
    if (this.#consumed < this.#options.connectionWindowBytes / 2 || this.#isBroken) return;
    this.output.windowUpdate(0, this.#consumed);
    this.#receiveWindow += this.#consumed;
    this.#consumed = 0;
  }

  /** The stream has more to send than it may. */
  wait(stream: FrameStream): void {
    this.#waiting.add(stream);
  }

  forget(stream: FrameStream): void {
    this.#waiting.delete(stream);
    this.streams.delete(stream.id);
    this.#owner.onStreamClosed(stream);
  }

  // — from the reader —

  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (!this.#mayCome(type, streamId)) return;
    switch (type) {
      case FRAME.headers:
        this.#sections.onHeaders(flags, streamId, buffer, start, end);
        break;
      case FRAME.continuation:
        this.#sections.onContinuation(flags, buffer, start, end);
        break;
      case FRAME.windowUpdate:
        this.#onWindowUpdate(streamId, buffer, start, end);
        break;
      case FRAME.rstStream:
        this.#onReset(streamId, buffer, start, end);
        break;
      case FRAME.settings:
        this.#onSettings(flags, streamId, buffer, start, end);
        break;
      case FRAME.ping:
        this.#onPing(flags, streamId, buffer, start, end);
        break;
      case FRAME.goaway:
        this.#onGoaway(streamId, buffer, start, end);
        break;
      case FRAME.priority:
        this.#onPriority(streamId, buffer, start, end);
        break;
      case FRAME.pushPromise:
        this.breach(ERROR.protocol, 'a push, which was not allowed');
        break;
      default:
        this.#countIdleFrame();
    }
  }

  onDataStart(streamId: number, length: number): void {
    this.#dataStream = undefined;
    this.#dataOverhead = length;
    this.#hasData = false;
    if (!this.#mayCome(FRAME.data, streamId)) return;
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) {
      this.breach(ERROR.flowControl, 'more DATA than the window of the connection');
      return;
    }
    const stream = this.#find(streamId, 'DATA');
    if (stream === undefined) return;
    if (stream.isRemoteClosed) stream.breakOff(ERROR.streamClosed, 'DATA behind the end');
    else if (!stream.hasHead) stream.breakOff(ERROR.protocol, 'DATA before the head');
    else if (!stream.take(length)) stream.breakOff(ERROR.flowControl, 'more DATA than the window');
    else this.#dataStream = stream;
  }

  onDataPiece(chunk: Buffer): void {
    this.#dataOverhead -= chunk.length;
    this.#hasData = true;
    if (!this.#options.isServer) this.#guard.progress();
    if (this.#dataStream === undefined) this.consume(chunk.length);
    else this.#dataStream.receiveData(chunk);
  }

  onDataEnd(endsStream: boolean): void {
    const stream = this.#dataStream;
    this.#dataStream = undefined;
    if (this.#dataOverhead > 0) {
      if (stream === undefined) this.consume(this.#dataOverhead);
      else stream.giveBack(this.#dataOverhead);
    }
    if (endsStream) {
      if (stream?.isClosed === false) stream.receiveEnd();
    } else if (!this.#hasData) {
      this.#countIdleFrame();
    }
  }

  #mayCome(type: number, streamId: number): boolean {
    if (this.#isBroken) return false;
    const { streamId: arriving } = this.#sections;
    if (arriving !== 0 && (type !== FRAME.continuation || streamId !== arriving))
      this.breach(ERROR.protocol, 'a field section is interrupted');
    else if (arriving === 0 && type === FRAME.continuation) this.breach(ERROR.protocol, 'CONTINUATION of nothing');
    else if (!this.#hasSettings && type !== FRAME.settings)
      this.breach(ERROR.protocol, 'the first frame is not SETTINGS');
    else return true;
    return false;
  }

  // — field sections —

  onPartialSection(): void {
    this.#owner.onPartialHead();
  }

  /** Decoded whatever becomes of it, as the table of HPACK belongs to the connection. */
  onSection(
    streamId: number,
    endsStream: boolean,
    dependsOnItself: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    const { maxFieldCount, maxFieldBytes, isServer } = this.#options;
    const fields: string[] = [];
    const result = this.#decoder.decode(buffer, start, end, fields, maxFieldCount, maxFieldBytes);
    if (result === 'error') {
      this.breach(ERROR.compression, 'a field section that is no HPACK');
      return;
    }
    const isTooLarge = result === 'too_large';
    if (isServer && streamId > this.lastPeerStreamId && streamId % 2 === 1) {
      this.#onNewStream(streamId, fields, isTooLarge, endsStream);
      if (dependsOnItself) this.streams.get(streamId)?.breakOff(ERROR.protocol, 'a stream that depends on itself');
      return;
    }
    const stream = this.#find(streamId, 'HEADERS');
    if (stream === undefined) {
      this.#countIdleFrame();
      return;
    }
    if (stream.isRemoteClosed) {
      stream.breakOff(ERROR.streamClosed, 'HEADERS behind the end');
      return;
    }
    this.#guard.progress();
    stream.receiver.onHeaders(fields, isTooLarge, endsStream);
    if (endsStream && !stream.isClosed) stream.receiveEnd();
  }

  #onNewStream(streamId: number, fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    if (streamId > this.#lastServedStreamId) return;
    this.lastPeerStreamId = streamId;
    if (this.streams.size >= this.#options.maxConcurrentStreams) {
      this.#refuseStream(streamId, endsStream);
      return;
    }
    this.#guard.progress();
    const stream = new FrameStream(this, streamId, NOBODY);
    stream.hasHead = true;
    stream.isRemoteClosed = endsStream;
    this.streams.set(streamId, stream);
    this.#owner.onRequest(stream, fields, isTooLarge, endsStream);
  }

  /** Whoever knows of the limit and exceeds it is none of ours, nor is who does not want to know of it. */
  #refuseStream(streamId: number, endsStream: boolean): void {
    if (this.#areSettingsAcknowledged) {
      this.breach(ERROR.protocol, 'more streams than allowed');
      return;
    }
    this.sendReset(streamId, ERROR.refusedStream, !endsStream);
    this.#countIdleFrame();
  }

  /** The stream that a frame is for; undefined where it is to be ignored, or has ended the connection. */
  #find(streamId: number, what: string): FrameStream | undefined {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) return stream;
    if (streamId === 0 || !this.#wasOpened(streamId))
      this.breach(ERROR.protocol, `${what} on a stream that was never opened`);
    else if (streamId <= this.#lastServedStreamId && this.#options.isServer && !this.#abandoned.has(streamId))
      this.breach(ERROR.streamClosed, `${what} on a stream that is closed`);
    return undefined;
  }

  /** A stream came to nothing by the peer's doing. */
  countWastedStream(): void {
    if (this.#options.isServer && this.#guard.countWastedStream())
      this.breach(ERROR.enhanceYourCalm, 'a flood of streams that are reset');
  }

  #countIdleFrame(): void {
    if (this.#guard.countIdleFrame()) this.breach(ERROR.enhanceYourCalm, 'a flood of frames');
  }

  #onWindowUpdate(streamId: number, buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4) {
      this.breach(ERROR.frameSize, 'WINDOW_UPDATE of a wrong length');
      return;
    }
    const increment = buffer.readUInt32BE(start) & MAX_WINDOW_BYTES;
    if (streamId === 0) {
      this.sendWindow += increment;
      if (increment === 0) this.breach(ERROR.protocol, 'a window is widened by nothing');
      else if (this.sendWindow > MAX_WINDOW_BYTES) this.breach(ERROR.flowControl, 'a window that overflows');
      else this.#sendWaiting();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) this.#isLate(streamId);
    else if (increment === 0) stream.breakOff(ERROR.protocol, 'a window is widened by nothing');
    else if (!stream.widen(increment)) stream.breakOff(ERROR.flowControl, 'a window that overflows');
    else if (stream.waitingBytes > 0) this.#sendWaiting();
  }

  /** Whether the stream is gone; a frame of one that never was ends the connection. */
  #isLate(streamId: number): boolean {
    if (this.#wasOpened(streamId)) return true;
    this.breach(ERROR.protocol, 'a frame on a stream that was never opened');
    return false;
  }

  /** Of streams that are not served, nobody keeps count. */
  #wasOpened(streamId: number): boolean {
    const isOurs = streamId % 2 === (this.#options.isServer ? 0 : 1);
    return streamId < (isOurs ? this.#nextStreamId : this.lastPeerStreamId + 1) || streamId > this.#lastServedStreamId;
  }

  #onReset(streamId: number, buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4 || streamId === 0) {
      this.breach(streamId === 0 ? ERROR.protocol : ERROR.frameSize, 'RST_STREAM of a wrong length or on no stream');
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.#isLate(streamId)) this.#countIdleFrame();
      return;
    }
    const isWasted = this.nowMs - stream.openedAtMs < WASTED_STREAM_AGE_MS;
    stream.receiveReset(buffer.readUInt32BE(start));
    if (isWasted) this.countWastedStream();
  }

  #onSettings(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    if (streamId !== 0) {
      this.breach(ERROR.protocol, 'SETTINGS on a stream');
    } else if ((flags & FLAG.ack) !== 0) {
      if (length !== 0) this.breach(ERROR.frameSize, 'an acknowledgement with a payload');
      else if (!this.#hasSettings) this.breach(ERROR.protocol, 'the first frame is not SETTINGS');
      else if (this.#areSettingsAcknowledged) this.#countIdleFrame();
      else {
        this.#areSettingsAcknowledged = true;
        this.#owner.onSettingsAcknowledged();
      }
    } else if (length % 6 !== 0) {
      this.breach(ERROR.frameSize, 'SETTINGS of a wrong length');
    } else {
      this.#applySettings(buffer, start, end);
    }
  }

  #applySettings(buffer: Buffer, start: number, end: number): void {
    const { peer } = this;
    const before = peer.initialWindowBytes;
    const problem = peer.read(buffer, start, end);
    if (problem !== ERROR.none) {
      this.breach(problem, 'a setting has a value that it may not have');
      return;
    }
    const change = peer.initialWindowBytes - before;
    if (change !== 0) {
      for (const stream of this.streams.values()) {
        if (stream.widen(change)) continue;
        this.breach(ERROR.flowControl, 'a window that overflows');
        return;
      }
    }
    this.output.setMaxTableBytes(peer.headerTableBytes);
    this.#hasSettings = true;
    this.output.acknowledgeSettings();
    this.#owner.onSettings();
    if (change > 0) this.#sendWaiting();
    this.#countIdleFrame();
  }

  #onPing(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0 || end - start !== PING_BYTES) {
      this.breach(streamId === 0 ? ERROR.frameSize : ERROR.protocol, 'PING of a wrong length or on a stream');
    } else if ((flags & FLAG.ack) === 0) {
      this.output.frame(FRAME.ping, FLAG.ack, 0, buffer.subarray(start, end));
      this.#countIdleFrame();
    } else if (this.#pings > 0) {
      this.#pings--;
      this.#owner.onPong();
    } else {
      this.#countIdleFrame();
    }
  }

  #onGoaway(streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== 0 || end - start < 8) {
      this.breach(streamId === 0 ? ERROR.frameSize : ERROR.protocol, 'GOAWAY of a wrong length or on a stream');
      return;
    }
    this.#owner.onGoaway(buffer.readUInt32BE(start) & MAX_STREAM_ID, buffer.readUInt32BE(start + 4));
    this.#countIdleFrame();
  }

  /** Priorities mean nothing any more (RFC 9113 section 5.3.2), but what is malformed is still wrong. */
  #onPriority(streamId: number, buffer: Buffer, start: number, end: number): void {
    const stream = this.streams.get(streamId);
    if (streamId === 0) this.breach(ERROR.protocol, 'PRIORITY on no stream');
    else if (end - start !== 5) {
      if (stream === undefined) this.breach(ERROR.frameSize, 'PRIORITY of a wrong length');
      else stream.breakOff(ERROR.frameSize, 'PRIORITY of a wrong length');
    } else if ((buffer.readUInt32BE(start) & MAX_STREAM_ID) !== streamId) {
      this.#countIdleFrame();
    } else if (stream === undefined) {
      this.breach(ERROR.protocol, 'a stream that depends on itself');
    } else {
      stream.breakOff(ERROR.protocol, 'a stream that depends on itself');
    }
  }

  // — sending —

  /** By turns, a frame each, as far as the windows and the socket go. */
  #sendWaiting(): void {
    for (const stream of this.#waiting) {
      if (this.sendWindow <= 0 || this.output.needsDrain) return;
      if (stream.sendWindow <= 0) continue;
      this.#waiting.delete(stream);
      if (stream.sendTurn()) this.#waiting.add(stream);
    }
  }

  #abandon(streamId: number): void {
    this.#abandoned.add(streamId);
    if (this.#abandoned.size <= MAX_ABANDONED_STREAMS) return;
    for (const oldest of this.#abandoned) {
      this.#abandoned.delete(oldest);
      return;
    }
  }
}
