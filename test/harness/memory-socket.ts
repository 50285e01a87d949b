// A socket without a network: what is written waits, by reference, until the kernel that it imitates has room and takes a copy.
import type { Socket } from 'node:net';

const HIGH_WATER_BYTES = 64 * 1024;

export class MemorySocket {
  writable = true;
  writableNeedDrain = false;
  writableLength = 0;
  readonly #capacity: number;
  readonly #waiting: Uint8Array[] = [];
  #kernel: Buffer[] = [];
  #kernelBytes = 0;
  #corks = 0;
  #isPaused = false;

  /** @param capacity bytes that are taken before anybody reads. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }

  get isIdle(): boolean {
    return this.#kernelBytes === 0 && this.writableLength === 0;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    this.#corks--;
    this.#settle();
  }

  write(chunk: Uint8Array): boolean {
    this.#waiting.push(chunk);
    this.writableLength += chunk.length;
    if (this.writableLength >= HIGH_WATER_BYTES) this.writableNeedDrain = true;
    const isAccepted = !this.writableNeedDrain;
    this.#settle();
    return isAccepted;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether `drain` is due; then it has been emitted. */
  takeDrain(): boolean {
    if (!this.writableNeedDrain || this.writableLength > 0) return false;
    this.writableNeedDrain = false;
    return true;
  }

  /** What the other side reads. */
  take(maxBytes: number): Buffer {
    const all = Buffer.concat(this.#kernel);
    const taken = Buffer.from(all.subarray(0, maxBytes));
    const rest = all.subarray(taken.length);
    this.#kernel = rest.length === 0 ? [] : [rest];
    this.#kernelBytes = rest.length;
    this.#settle();
    return taken;
  }

  #settle(): void {
    while (this.#corks === 0 && this.#waiting.length > 0 && this.#kernelBytes < this.#capacity) {
      const first = this.#waiting[0] as Uint8Array;
      const length = Math.min(first.length, this.#capacity - this.#kernelBytes);
      this.#kernel.push(Buffer.from(first.subarray(0, length)));
      this.#kernelBytes += length;
      this.writableLength -= length;
      if (length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(length);
    }
  }
}
