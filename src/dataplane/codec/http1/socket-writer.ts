// Collects what one turn of the event loop wants to write to a socket and hands it over in as few writes as possible: a head and a
// small body become one buffer. Callers end their turn with `flush`.
import type { Socket } from 'node:net';

/** Pieces up to this total are copied into one buffer; beyond it copying costs more than a vectored write. */
const COPY_BYTES: number = 16 * 1024;
/** More than this is handed to the socket without waiting for the flush, so that its back-pressure is felt. */
const HOLD_BYTES: number = 64 * 1024;

export class SocketWriter {
  readonly #socket: Socket;
  #pieces: (string | Uint8Array)[] = [];
  #length = 0;
  #needsDrain = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  /** Whether anything was not handed to the kernel yet. */
  get isHolding(): boolean {
    return this.#length > 0 || this.#socket.writableLength > 0;
  }

  /** The socket emitted `drain`. */
  drained(): void {
    this.#needsDrain = false;
  }

  /** @param text latin1. */
  text(text: string): void {
    this.#pieces.push(text);
    this.#length += text.length;
  }

  /** A large chunk is handed on without a copy, so the caller must not reuse its memory. */
  bytes(chunk: Uint8Array): void {
    this.#pieces.push(chunk);
    this.#length += chunk.length;
    if (this.#length > HOLD_BYTES) this.flush();
  }

  /** Returns whether the socket takes more: false means wait for `drain`. */
  flush(): boolean {
    const pieces = this.#pieces;
    const length = this.#length;
    if (length === 0) return !this.#needsDrain;
    this.#pieces = [];
    this.#length = 0;
    const socket = this.#socket;
    if (!socket.writable) return true;
    const first = pieces[0] as string | Uint8Array;
    if (pieces.length === 1) {
      write(socket, first);
    } else if (length <= COPY_BYTES) {
      socket.write(concatenate(pieces, length));
    } else {
      socket.cork();
      for (const piece of pieces) write(socket, piece);
      socket.uncork();
    }
    // A write of 64 KiB asks for a drain also where the kernel took it at once: no reason to stop who sends.
    if (socket.writableNeedDrain && socket.writableLength > 0) this.#needsDrain = true;
    return !this.#needsDrain;
  }
}

function write(socket: Socket, piece: string | Uint8Array): void {
  if (typeof piece === 'string') socket.write(piece, 'latin1');
  else socket.write(piece);
}

function concatenate(pieces: readonly (string | Uint8Array)[], length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  let position = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      position += buffer.write(piece, position, 'latin1');
    } else {
      buffer.set(piece, position);
      position += piece.length;
    }
  }
  return buffer;
}
