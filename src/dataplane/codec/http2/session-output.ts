// The frames that a session sends, each as one call. They go out at the end of the turn of the event loop that wrote them, or earlier where
// they are many.
import type { Socket } from 'node:net';
import { ERROR, FLAG, FRAME, FRAME_HEADER_BYTES } from './frame.ts';
import { FrameWriter, putFrameHeader } from './frame-writer.ts';
import type { OutputBlocks } from './frame-writer.ts';
import { HpackEncoder, maxEncodedBytes } from './hpack/encoder.ts';
import { settingsPayload } from './peer-settings.ts';

/** A turn that has written this much does not wait for its end. */
const FLUSH_BYTES: number = 16 * 1024;
/** More than DATA amounts to, which waits for the socket to drain: a peer that leaves so much to us takes nothing of what it asks for. */
const MAX_HELD_BYTES: number = 256 * 1024;
const NUMBER_BYTES = 4;
export const PING_BYTES = 8;

export class SessionOutput {
  readonly #socket: Socket;
  readonly #writer: FrameWriter;
  readonly #encoder = new HpackEncoder();
  #isFlushScheduled = false;

  constructor(socket: Socket, blocks: OutputBlocks) {
    this.#socket = socket;
    this.#writer = new FrameWriter(socket, blocks);
  }

  /** No payload should be added: the socket has more than it likes. */
  get needsDrain(): boolean {
    return this.#writer.needsDrain;
  }

  /** Whether a payload was not handed to the kernel yet. */
  get isHolding(): boolean {
    return this.#writer.isHolding;
  }

  /** After a read: a peer that does not take its answers is asked for nothing more until it does. */
  boundReading(): void {
    if (this.#writer.heldBytes < MAX_HELD_BYTES) return;
    this.flush();
    if (this.needsDrain) this.#socket.pause();
  }

  drained(): void {
    this.#writer.drained();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  flush(): void {
    this.#isFlushScheduled = false;
    this.#writer.flush();
  }

  /** Much of what was written goes out now, little at the end of the turn. */
  scheduleFlush(): void {
    if (this.#writer.length >= FLUSH_BYTES) this.#writer.flush();
    else this.#flushLater();
  }

  setMaxTableBytes(bytes: number): void {
    this.#encoder.setMaxTableBytes(bytes);
  }

  headers(streamId: number, fields: readonly string[], endsStream: boolean, maxFrameBytes: number): void {
    let block = this.#writer.reserve(FRAME_HEADER_BYTES);
    let end = this.#encoder.encode(fields, block, this.#writer.offset + FRAME_HEADER_BYTES);
    if (end === -1) {
      block = this.#writer.reserve(FRAME_HEADER_BYTES + maxEncodedBytes(fields));
      end = this.#encoder.encode(fields, block, this.#writer.offset + FRAME_HEADER_BYTES);
    }
    const { offset } = this.#writer;
    const payload = offset + FRAME_HEADER_BYTES;
    if (end - payload > maxFrameBytes) {
      this.#headersInParts(streamId, Buffer.from(block.subarray(payload, end)), endsStream, maxFrameBytes);
      return;
    }
    const flags = FLAG.endHeaders | (endsStream ? FLAG.endStream : FLAG.none);
    putFrameHeader(block, offset, end - payload, FRAME.headers, flags, streamId);
    this.#writer.commit(end);
    this.#flushLater();
  }

  #headersInParts(streamId: number, section: Buffer, endsStream: boolean, size: number): void {
    for (let start = 0; start < section.length; start += size) {
      const end = Math.min(start + size, section.length);
      const isFirst = start === 0;
      const flags =
        (end === section.length ? FLAG.endHeaders : FLAG.none) | (isFirst && endsStream ? FLAG.endStream : FLAG.none);
      this.frame(isFirst ? FRAME.headers : FRAME.continuation, flags, streamId, section.subarray(start, end));
    }
  }

  /** @param chunk must not change while `isHolding`. */
  data(streamId: number, chunk: Uint8Array, endsStream: boolean): void {
    this.#writer.data(streamId, chunk, endsStream);
    this.#flushLater();
  }

  /** END_STREAM without anything else. */
  end(streamId: number): void {
    if (!this.#writer.endData(streamId)) this.#writer.data(streamId, NOTHING, true);
    this.#flushLater();
  }

  reset(streamId: number, code: number): void {
    this.#number(FRAME.rstStream, streamId, code);
  }

  windowUpdate(streamId: number, increment: number): void {
    this.#number(FRAME.windowUpdate, streamId, increment);
  }

  settings(entries: readonly (readonly [number, number])[]): void {
    this.frame(FRAME.settings, FLAG.none, 0, settingsPayload(entries));
  }

  acknowledgeSettings(): void {
    this.frame(FRAME.settings, FLAG.ack, 0, NOTHING);
  }

  ping(): void {
    this.frame(FRAME.ping, FLAG.none, 0, PING);
  }

  goaway(lastStreamId: number, code: number = ERROR.none): void {
    const payload = Buffer.alloc(2 * NUMBER_BYTES);
    payload.writeUInt32BE(lastStreamId, 0);
    payload.writeUInt32BE(code, NUMBER_BYTES);
    this.frame(FRAME.goaway, FLAG.none, 0, payload);
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const block = this.#writer.reserve(FRAME_HEADER_BYTES + payload.length);
    block.set(payload, this.#writer.frameHeader(payload.length, type, flags, streamId));
    this.#flushLater();
  }

  #number(type: number, streamId: number, value: number): void {
    const block = this.#writer.reserve(FRAME_HEADER_BYTES + NUMBER_BYTES);
    block.writeUInt32BE(value, this.#writer.frameHeader(NUMBER_BYTES, type, FLAG.none, streamId));
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    setImmediate(flush, this);
  }
}

function flush(output: SessionOutput): void {
  output.flush();
}

const NOTHING: Uint8Array = new Uint8Array(0);
const PING: Uint8Array = new Uint8Array(PING_BYTES);
