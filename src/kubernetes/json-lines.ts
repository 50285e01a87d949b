// Cuts a stream of bytes into lines. What is not yet a line is held up to a bound; a line beyond it is passed over to its end, and reported.

export const MAX_LINE_BYTES = 8_388_608;
/** Stands for a line that was too long. */
export const OVERSIZED: unique symbol = Symbol('oversized line');

const NEWLINE = 0x0a;

export class LineCutter {
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #heldBytes = 0;
  #isSkipping = false;

  constructor(maxLineBytes: number = MAX_LINE_BYTES) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that this chunk completes, without their ends. */
  push(chunk: Buffer): (string | typeof OVERSIZED)[] {
    const lines: (string | typeof OVERSIZED)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#hold(chunk.subarray(start, end));
      lines.push(this.#isSkipping ? OVERSIZED : this.#take());
      this.#isSkipping = false;
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Buffer): void {
    if (this.#isSkipping || part.length === 0) return;
    this.#parts.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes <= this.#maxLineBytes) return;
    this.#isSkipping = true;
    this.#take();
  }

  #take(): string {
    const line = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#heldBytes = 0;
    return line;
  }
}
