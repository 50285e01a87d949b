// What the sessions of one listener, or of one endpoint, use by turns, so that each of them needs little memory of its own while it waits.
import { OutputBlocks } from './frame-writer.ts';
import { HuffmanDecoder } from './hpack/huffman.ts';

export class SessionMemory {
  readonly blocks: OutputBlocks = new OutputBlocks();
  readonly huffman: HuffmanDecoder = new HuffmanDecoder();
}
