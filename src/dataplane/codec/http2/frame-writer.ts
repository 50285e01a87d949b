// Collects the frames of one turn of the event loop and hands them to the socket in as few writes as possible. Small payloads are copied
// into blocks that are used again, large ones are handed on as they are.
import type { Socket } from 'node:net';
import { FLAG, FRAME, FRAME_HEADER_BYTES } from './frame.ts';

const BLOCK_BYTES: number = 16 * 1024;
/** Blocks that wait for somebody to write. */
const MAX_SPARE_BLOCKS = 64;
/** Beyond it a payload costs less as a piece of its own. */
const COPY_BYTES: number = 8 * 1024;
/** More than this is handed to the socket before the turn ends, so that its back-pressure is felt. */
const HOLD_BYTES: number = 64 * 1024;
/** Of the flags in the header of a frame. */
const FLAGS_OFFSET = 4;

/** Shared by connections: one that has nothing to send has no block. */
export class OutputBlocks {
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Nobody looks at it any more. */
  give(block: Buffer): void {
    if (this.#spare.length < MAX_SPARE_BLOCKS && block.length === BLOCK_BYTES) this.#spare.push(block);
  }
}

export class FrameWriter {
  readonly #socket: Socket;
  readonly #blocks: OutputBlocks;
  /** What is ready to be sent, in front of the block. */
  #pieces: Uint8Array[] = [];
  #piecesLength = 0;
  #block: Buffer | undefined = undefined;
  /** Where in the block begins what is in none of the pieces. */
  #start = 0;
  #end = 0;
  #needsDrain = false;
  /** Where the flags of the last DATA frame are, while nothing follows it; and whose it is. */
  #lastFlags = 0;
  #lastDataStream = 0;

  constructor(socket: Socket, blocks: OutputBlocks) {
    this.#socket = socket;
    this.#blocks = blocks;
  }

  /** Nothing of a payload should be added: the socket has more than it likes. */
  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  get length(): number {
    return this.#piecesLength + this.#end - this.#start;
  }

  /** What the kernel has not taken. */
  get heldBytes(): number {
    return this.length + this.#socket.writableLength;
  }

  /** Whether anything was not handed to the kernel yet that is not a copy. */
  get isHolding(): boolean {
    return this.#pieces.length > 0 || this.#socket.writableLength > 0;
  }

  /** The socket emitted `drain`. */
  drained(): void {
    this.#needsDrain = false;
  }

  /** Room for a frame with its header. The frame begins at `offset` of what is returned, and `commit` follows at once. */
  reserve(bytes: number): Buffer {
    this.#lastDataStream = 0;
    if (this.#block !== undefined && this.#block.length - this.#end >= bytes) return this.#block;
    this.#seal();
    this.#block = bytes <= BLOCK_BYTES ? this.#blocks.take() : Buffer.allocUnsafeSlow(bytes);
    this.#start = 0;
    this.#end = 0;
    return this.#block;
  }

  get offset(): number {
    return this.#end;
  }

  /** @param end of the frame in the block. */
  commit(end: number): void {
    this.#end = end;
  }

  /** A frame of `length` bytes of payload. Returns where in the block that `reserve` returned the payload goes. */
  frameHeader(length: number, type: number, flags: number, streamId: number): number {
    const block = this.reserve(FRAME_HEADER_BYTES + length);
    const payload = putFrameHeader(block, this.#end, length, type, flags, streamId);
    this.#end = payload + length;
    return payload;
  }

  /** @param chunk must not change before it was sent, see `isHolding`. */
  data(streamId: number, chunk: Uint8Array, endsStream: boolean): void {
    const { length } = chunk;
    const isCopied = length <= COPY_BYTES;
    const block = this.reserve(FRAME_HEADER_BYTES + (isCopied ? length : 0));
    const flags = endsStream ? FLAG.endStream : FLAG.none;
    const payload = putFrameHeader(block, this.#end, length, FRAME.data, flags, streamId);
    this.#lastDataStream = streamId;
    this.#lastFlags = this.#end + FLAGS_OFFSET;
    if (isCopied) {
      block.set(chunk, payload);
      this.#end = payload + length;
      return;
    }
    this.#end = payload;
    this.#cut();
    this.#pieces.push(chunk);
    this.#piecesLength += length;
    if (this.#piecesLength >= HOLD_BYTES) this.flush();
  }

  /** Makes the last frame of a stream its end, where nothing follows it yet. Returns whether it did. */
  endData(streamId: number): boolean {
    if (this.#lastDataStream !== streamId || this.#block === undefined) return false;
    this.#block[this.#lastFlags] = FLAG.endStream;
    return true;
  }

  /** Returns whether the socket takes more: false means wait for `drain`. */
  flush(): boolean {
    const block = this.#block;
    const pieces = this.#pieces;
    this.#lastDataStream = 0;
    if (block !== undefined && this.#end > this.#start) pieces.push(block.subarray(this.#start, this.#end));
    this.#block = undefined;
    this.#pieces = [];
    this.#piecesLength = 0;
    this.#start = 0;
    this.#end = 0;
    if (pieces.length === 0) return !this.#needsDrain;
    const socket = this.#socket;
    if (!socket.writable) return true;
    write(socket, pieces);
    // A write of 64 KiB asks for a drain also where the kernel took it at once: no reason to stop who sends.
    if (socket.writableNeedDrain && socket.writableLength > 0) this.#needsDrain = true;
    // The kernel, or OpenSSL, has it: then the block is free.
    if (block !== undefined && socket.writableLength === 0) this.#blocks.give(block);
    return !this.#needsDrain;
  }

  /** The block goes on behind what the pieces have of it. */
  #cut(): void {
    if (this.#block === undefined || this.#end === this.#start) return;
    this.#pieces.push(this.#block.subarray(this.#start, this.#end));
    this.#piecesLength += this.#end - this.#start;
    this.#start = this.#end;
  }

  #seal(): void {
    this.#cut();
    this.#block = undefined;
  }
}

/** Returns where the payload begins. */
export function putFrameHeader(
  block: Buffer,
  offset: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  block[offset] = length >>> 16;
  block[offset + 1] = length >>> 8;
  block[offset + 2] = length;
  block[offset + 3] = type;
  block[offset + 4] = flags;
  block[offset + 5] = streamId >>> 24;
  block[offset + 6] = streamId >>> 16;
  block[offset + 7] = streamId >>> 8;
  block[offset + 8] = streamId;
  return offset + FRAME_HEADER_BYTES;
}

function write(socket: Socket, pieces: readonly Uint8Array[]): void {
  if (pieces.length > 1) socket.cork();
  for (const piece of pieces) socket.write(piece);
  if (pieces.length > 1) socket.uncork();
}
