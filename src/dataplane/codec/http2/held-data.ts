// What was received of a stream and is not wanted yet, in order. Small pieces are put together, so that keeping them costs about what they
// carry, however small the frames were that brought them.

/** Pieces share a block up to that size; larger ones have one of their own. */
const MIN_BLOCK_BYTES = 1_024;

export class HeldData {
  readonly #blocks: Buffer[] = [];
  /** Of the last block, what is not filled yet. */
  #room = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps a copy. */
  push(chunk: Buffer): void {
    this.#length += chunk.length;
    const last = this.#blocks.at(-1);
    if (last !== undefined && chunk.length <= this.#room) {
      chunk.copy(last, last.length - this.#room);
      this.#room -= chunk.length;
      return;
    }
    if (last !== undefined) this.#blocks[this.#blocks.length - 1] = last.subarray(0, last.length - this.#room);
    const block = Buffer.allocUnsafe(Math.max(chunk.length, MIN_BLOCK_BYTES));
    chunk.copy(block);
    this.#blocks.push(block);
    this.#room = block.length - chunk.length;
  }

  /** What came first; undefined where nothing is left. */
  shift(): Buffer | undefined {
    const block = this.#blocks.shift();
    if (block === undefined) return undefined;
    const chunk = this.#blocks.length === 0 ? block.subarray(0, block.length - this.#room) : block;
    this.#length -= chunk.length;
    return chunk;
  }
}
