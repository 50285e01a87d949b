// Puts field sections together from HEADERS and CONTINUATION (RFC 9113 sections 6.2 and 6.10). What is kept of one is bounded in bytes and
// in frames.
import { ERROR, FLAG, MAX_STREAM_ID } from './frame.ts';

export interface SectionReceiver {
  /** A section that is whole, still encoded. `dependsOnItself`: its stream, by the priority that came with it. */
  onSection(
    streamId: number,
    endsStream: boolean,
    dependsOnItself: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): void;
  /** One has begun whose end has not come yet. */
  onPartialSection(): void;
  breach(code: number, message: string): void;
}

const MAX_CONTINUATIONS = 32;
const PRIORITY_BYTES = 5;

export class SectionReader {
  readonly #receiver: SectionReceiver;
  readonly #maxBytes: number;
  /** Of the section that is arriving; 0: none. Nothing else may come in between. */
  streamId = 0;
  #endsStream = false;
  #dependsOnItself = false;
  #parts: Buffer[] = [];
  #length = 0;

  constructor(receiver: SectionReceiver, maxBytes: number) {
    this.#receiver = receiver;
    this.#maxBytes = maxBytes;
  }

  onHeaders(flags: number, streamId: number, buffer: Buffer, payload: number, payloadEnd: number): void {
    let start = payload;
    let end = payloadEnd;
    if ((flags & FLAG.padded) !== 0) {
      end -= start < end ? (buffer[start] as number) : 0;
      start++;
    }
    let dependsOnItself = false;
    if ((flags & FLAG.priority) !== 0) {
      if (start + PRIORITY_BYTES <= end) dependsOnItself = (buffer.readUInt32BE(start) & MAX_STREAM_ID) === streamId;
      start += PRIORITY_BYTES;
    }
    const endsStream = (flags & FLAG.endStream) !== 0;
    if (start > end) {
      this.#receiver.breach(ERROR.protocol, 'more padding than payload');
    } else if (streamId === 0) {
      this.#receiver.breach(ERROR.protocol, 'HEADERS on no stream');
    } else if ((flags & FLAG.endHeaders) !== 0) {
      this.#receiver.onSection(streamId, endsStream, dependsOnItself, buffer, start, end);
    } else {
      this.streamId = streamId;
      this.#endsStream = endsStream;
      this.#dependsOnItself = dependsOnItself;
      this.#parts = [Buffer.from(buffer.subarray(start, end))];
      this.#length = end - start;
      this.#receiver.onPartialSection();
    }
  }

  onContinuation(flags: number, buffer: Buffer, start: number, end: number): void {
    this.#length += end - start;
    if (this.#length > this.#maxBytes || this.#parts.length > MAX_CONTINUATIONS) {
      this.#receiver.breach(ERROR.enhanceYourCalm, 'a field section without end');
      return;
    }
    this.#parts.push(Buffer.from(buffer.subarray(start, end)));
    if ((flags & FLAG.endHeaders) === 0) return;
    const section = Buffer.concat(this.#parts);
    const { streamId } = this;
    this.streamId = 0;
    this.#parts = [];
    this.#receiver.onSection(streamId, this.#endsStream, this.#dependsOnItself, section, 0, section.length);
  }
}
