// Messages between control and a worker over a Unix socket that only they can reach: a length, then a structured clone. A peer that
// breaks the format, or exceeds the bound, loses the connection.
import type { Socket } from 'node:net';
import { deserialize, serialize } from 'node:v8';

/** Of one message. A full configuration of 5 000 routes takes some 5 MiB. */
export const MAX_FRAME_BYTES: number = 256 * 1_024 * 1_024;

const LENGTH_BYTES = 4;

export interface FrameHandler {
  onMessage(message: unknown): void;
  /** Once; nothing comes after it. */
  onClose(): void;
}

export class FrameChannel {
  readonly #socket: Socket;
  readonly #handler: FrameHandler;
  #chunks: Buffer[] = [];
  #receivedBytes = 0;

  constructor(socket: Socket, handler: FrameHandler) {
    this.#socket = socket;
    this.#handler = handler;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // Whatever it is, 'close' follows.
    socket.on('error', () => {});
    socket.on('close', () => handler.onClose());
  }

  /** Resolves when the kernel has taken it, or the connection is gone. */
  async send(message: unknown): Promise<void> {
    const content = serialize(message);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(content.length);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once('close', resolve);
    this.#socket.cork();
    this.#socket.write(length);
    this.#socket.write(content, () => resolve());
    this.#socket.uncork();
    await promise;
    this.#socket.off('close', resolve);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === 'open';
  }

  /** After all that was sent; resolves when the peer has closed its end, too. */
  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once('close', resolve);
    this.#socket.end();
    if (!this.#socket.destroyed) await promise;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#receivedBytes += chunk.length;
    try {
      for (let content = this.#next(); content !== undefined; content = this.#next()) {
        this.#handler.onMessage(deserialize(content));
        if (this.#socket.destroyed) return;
      }
    } catch {
      this.destroy();
    }
  }

  /** @throws RangeError */
  #next(): Buffer | undefined {
    if (this.#receivedBytes < LENGTH_BYTES) return undefined;
    if ((this.#chunks[0]?.length ?? 0) < LENGTH_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
    const contentBytes = (this.#chunks[0] as Buffer).readUInt32BE();
    if (contentBytes > MAX_FRAME_BYTES) throw new RangeError(`a frame of ${contentBytes} bytes`);
    const frameBytes = LENGTH_BYTES + contentBytes;
    if (this.#receivedBytes < frameBytes) return undefined;
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const rest = all.subarray(frameBytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#receivedBytes = rest.length;
    return all.subarray(LENGTH_BYTES, frameBytes);
  }
}
