// Cuts what a socket reads into frames (RFC 9113 section 4.1). Payloads of DATA are handed on piece by piece as they arrive; every other
// frame is handed on whole, so what is kept here is less than one frame.
import { DEFAULT_MAX_FRAME_BYTES, ERROR, FLAG, FRAME, FRAME_HEADER_BYTES } from './frame.ts';

export interface FrameReceiver {
  /** `buffer` is the receiver's for the time of the call. */
  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void;
  /** A DATA frame begins; `length` is what it takes of the windows. Its pieces follow, and then `onDataEnd`. */
  onDataStart(streamId: number, length: number): void;
  onDataPiece(chunk: Buffer): void;
  onDataEnd(endsStream: boolean): void;
  /** It can't be read on. */
  breach(code: number, message: string): void;
}

export class FrameReader {
  readonly #receiver: FrameReceiver;
  /** The start of a frame whose rest has not come yet. */
  #held: Buffer | undefined = undefined;
  /** Of a DATA frame that has begun. */
  #isInData = false;
  #dataLeft = 0;
  #paddingLeft = 0;
  #endsStream = false;
  #isStopped = false;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** Nothing is handed on any more, not even what was read already. */
  stop(): void {
    this.#isStopped = true;
    this.#held = undefined;
  }

  /** @param chunk used again by the caller afterwards. */
  read(chunk: Buffer): void {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    let position = 0;
    while (!this.#isStopped) {
      if (this.#isInData) {
        position = this.#readData(bytes, position);
        if (this.#isInData) return;
        continue;
      }
      const next = this.#readFrame(bytes, position);
      if (next === position) break;
      position = next;
    }
    if (position < bytes.length && !this.#isStopped) this.#held = Buffer.from(bytes.subarray(position));
  }

  /** Returns `position` when more bytes are needed. */
  #readFrame(bytes: Buffer, position: number): number {
    const available = bytes.length - position - FRAME_HEADER_BYTES;
    if (available < 0) return position;
    const length =
      ((bytes[position] as number) << 16) | ((bytes[position + 1] as number) << 8) | (bytes[position + 2] as number);
    const type = bytes[position + 3] as number;
    const flags = bytes[position + 4] as number;
    const streamId = bytes.readUInt32BE(position + 5) & 0x7fff_ffff;
    if (length > DEFAULT_MAX_FRAME_BYTES) {
      this.#receiver.breach(ERROR.frameSize, 'a frame is larger than allowed');
      return position;
    }
    const start = position + FRAME_HEADER_BYTES;
    if (type === FRAME.data) return this.#startData(bytes, start, length, flags, streamId);
    if (available < length) return position;
    this.#receiver.onFrame(type, flags, streamId, bytes, start, start + length);
    return start + length;
  }

  #startData(bytes: Buffer, start: number, length: number, flags: number, streamId: number): number {
    let padding = 0;
    let payload = start;
    if ((flags & FLAG.padded) !== 0) {
      if (length === 0) {
        this.#receiver.breach(ERROR.frameSize, 'a padded frame without the length of its padding');
        return start - FRAME_HEADER_BYTES;
      }
      if (start === bytes.length) return start - FRAME_HEADER_BYTES;
      padding = bytes[start] as number;
      payload++;
    }
    this.#dataLeft = length - padding - (payload - start);
    if (this.#dataLeft < 0) {
      this.#receiver.breach(ERROR.protocol, 'more padding than payload');
      return start - FRAME_HEADER_BYTES;
    }
    this.#paddingLeft = padding;
    this.#endsStream = (flags & FLAG.endStream) !== 0;
    this.#isInData = true;
    this.#receiver.onDataStart(streamId, length);
    return payload;
  }

  #readData(bytes: Buffer, start: number): number {
    let position = start;
    const length = Math.min(this.#dataLeft, bytes.length - position);
    if (length > 0) {
      this.#dataLeft -= length;
      this.#receiver.onDataPiece(bytes.subarray(position, position + length));
      position += length;
    }
    if (this.#dataLeft > 0) return position;
    const padding = Math.min(this.#paddingLeft, bytes.length - position);
    this.#paddingLeft -= padding;
    if (this.#paddingLeft > 0) return position + padding;
    this.#isInData = false;
    this.#receiver.onDataEnd(this.#endsStream);
    return position + padding;
  }
}
