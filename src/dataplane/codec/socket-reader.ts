// Reads a socket into a buffer that is used again and again. Node would allocate 64 KiB outside of V8's heap for each read of a large body,
// and the garbage collector would run for nothing else. A buffer is used again only when nobody holds a part of it.
import type { OnReadOpts } from 'node:net';

/** What connections that wait, and small answers, get along with. */
const SMALL_BYTES: number = 8 * 1024;
/** For a connection whose buffer was filled by the last read. */
const LARGE_BYTES: number = 64 * 1024;
/** A smaller part of the buffer is copied: whoever holds a byte shall not hold all of it. */
const MIN_HELD_PART: number = 1 / 8;

/** Who gets what was read. */
export interface ReadReceiver {
  /** Returns whether the chunk, or a part of it, is still looked at after the call. */
  onRead(chunk: Buffer): boolean;
}

export class SocketReader {
  readonly onread: OnReadOpts = {
    buffer: () => this.#buffer,
    callback: (length, buffer) => {
      this.#onRead(length, buffer as Buffer);
      return true;
    },
  };
  /** Set before the socket reads. */
  receiver: ReadReceiver | undefined = undefined;
  #buffer: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);

  /** @param early what was read before, by whomever. */
  begin(early: Buffer | undefined): void {
    if (early !== undefined) this.receiver?.onRead(early);
  }

  #onRead(length: number, buffer: Buffer): void {
    const part = buffer.subarray(0, length);
    const isCopied = length < buffer.length * MIN_HELD_PART;
    const isHeld = this.receiver?.onRead(isCopied ? Buffer.from(part) : part) === true;
    const size = length === buffer.length ? LARGE_BYTES : length <= SMALL_BYTES ? SMALL_BYTES : buffer.length;
    if ((isHeld && !isCopied) || size !== buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
  }
}
