// What can be broken in the HTTP/2 codec, by what is wrong then.
import type { Mutant } from '../mutant.ts';

export const MUTANTS: Readonly<Record<string, Mutant>> = {
  'a frame may be a byte too large': edit(
    'frame-reader.ts',
    'length > DEFAULT_MAX_FRAME_BYTES',
    'length > DEFAULT_MAX_FRAME_BYTES + 1',
  ),
  'the reserved bit belongs to the stream': edit('frame-reader.ts', ' & 0x7fff_ffff', ' >>> 0'),
  'what is held is not copied': edit(
    'frame-reader.ts',
    'Buffer.from(bytes.subarray(position))',
    'bytes.subarray(position)',
  ),
  'the rest of a frame is forgotten': edit('frame-reader.ts', 'Buffer.concat([this.#held, chunk])', 'chunk'),
  'padding counts itself': edit('frame-reader.ts', 'length - padding - (payload - start)', 'length - padding'),
  'padding may be the whole payload': edit(
    'frame-reader.ts',
    'if (this.#dataLeft < 0) {',
    'if (this.#dataLeft < -1) {',
  ),
  'padding is not waited for': edit('frame-reader.ts', 'if (this.#paddingLeft > 0) return position + padding;', ''),
  'the length of the padding is not waited for': edit(
    'frame-reader.ts',
    'if (start === bytes.length) return start - FRAME_HEADER_BYTES;',
    '',
  ),
  'reading goes on behind a breach': edit(
    'frame-reader.ts',
    'while (!this.#isStopped)',
    'while (position < bytes.length)',
  ),
  'a block is used again while the socket has it': edit(
    'frame-writer.ts',
    'block !== undefined && socket.writableLength === 0',
    'block !== undefined',
  ),
  'large payloads go ahead of their headers': edit(
    'frame-writer.ts',
    '    this.#cut();\n    this.#pieces.push(chunk);',
    '    this.#pieces.push(chunk);\n    this.#cut();',
  ),
  'END_STREAM is put on the frame of another stream': edit(
    'frame-writer.ts',
    'this.#lastDataStream !== streamId || ',
    '',
  ),
  'what is in a full block is lost': edit(
    'frame-writer.ts',
    '  #seal(): void {\n    this.#cut();',
    '  #seal(): void {',
  ),
  'chunks seem to be free too early': edit(
    'frame-writer.ts',
    'this.#pieces.length > 0 || this.#socket.writableLength > 0',
    'false',
  ),
  'a long field section has its end in each part': edit(
    'session-output.ts',
    '(end === section.length ? FLAG.endHeaders : FLAG.none)',
    'FLAG.endHeaders',
  ),
  'the end of a stream is in no long field section': edit(
    'session-output.ts',
    '(isFirst && endsStream ? FLAG.endStream : FLAG.none)',
    'FLAG.none',
  ),
  'the first part of a section is not copied': edit(
    'section-reader.ts',
    '[Buffer.from(buffer.subarray(start, end))]',
    '[buffer.subarray(start, end)]',
  ),
  'the parts of a section are not copied': edit(
    'section-reader.ts',
    'this.#parts.push(Buffer.from(buffer.subarray(start, end)));',
    'this.#parts.push(buffer.subarray(start, end));',
  ),
  'a section has no end': edit('section-reader.ts', 'this.streamId = 0;\n    this.#parts', 'this.#parts'),
  'CONTINUATION takes END_STREAM away': edit(
    'section-reader.ts',
    'this.#endsStream = endsStream;',
    'this.#endsStream = false;',
  ),
  'DATA of a stream that is gone is not given back': edit(
    'session.ts',
    'if (this.#dataStream === undefined) this.consume(chunk.length);\n    else',
    'if (this.#dataStream !== undefined)',
  ),
  'the window of the connection grows twice': edit(
    'session.ts',
    'this.#receiveWindow += this.#consumed;\n    this.#consumed = 0;',
    'this.#receiveWindow += this.#consumed;',
  ),
  'streams do not wait': edit('session.ts', 'this.#waiting.add(stream);\n  }\n\n  forget', '}\n\n  forget'),
  'a wider window wakes nobody': edit('session.ts', 'else if (stream.waitingBytes > 0) this.#sendWaiting();', ''),
  'a wider window of the connection wakes nobody': edit('session.ts', 'else this.#sendWaiting();', ''),
  'a larger initial window wakes nobody': edit('session.ts', 'if (change > 0) this.#sendWaiting();', ''),
  'a drain wakes nobody': edit(
    'session.ts',
    'this.output.drained();\n    this.#sendWaiting();',
    'this.output.drained();',
  ),
  'a turn is the last one': edit(
    'session.ts',
    'if (stream.sendTurn()) this.#waiting.add(stream);',
    'stream.sendTurn();',
  ),
  'SETTINGS change no window that is open': edit('session.ts', 'if (stream.widen(change)) continue;', 'continue;'),
  'SETTINGS are not acknowledged': edit('session.ts', 'this.output.acknowledgeSettings();', ''),
  'what was sent on a stream that was reset ends the connection': edit(
    'session.ts',
    'if (isOpen) this.#abandon(streamId);',
    '',
  ),
  'trailers are not decoded where nobody wants them': edit(
    'session.ts',
    'const result = this.#decoder',
    "const result = !isServer && !this.streams.has(streamId) ? 'ok' : this.#decoder",
  ),
  'windows of streams are larger than announced': edit(
    'stream.ts',
    'this.sendWindow = session.peer.initialWindowBytes;',
    'this.sendWindow = session.peer.initialWindowBytes + 1;',
  ),
  'pieces are sent beyond the window of the connection': edit(
    'stream.ts',
    'const room = Math.min(this.sendWindow, session.sendWindow, session.maxFrameBytes);\n      if',
    'const room = Math.min(this.sendWindow, session.maxFrameBytes);\n      if',
  ),
  'pieces are sent beyond the window of the stream': edit(
    'stream.ts',
    'const room = Math.min(this.sendWindow, session.sendWindow, session.maxFrameBytes);\n    if',
    'const room = Math.min(session.sendWindow, session.maxFrameBytes);\n    if',
  ),
  'pieces are larger than a frame': edit(
    'session.ts',
    'Math.min(this.peer.maxFrameBytes, MAX_DATA_BYTES)',
    'MAX_DATA_BYTES',
  ),
  'a piece is sent again': edit('stream.ts', 'this.#sentOfFirst = start + length;', 'this.#sentOfFirst = length;'),
  'the end overtakes what waits': edit(
    'stream.ts',
    'if (this.#waitingBytes === 0) this.#sendEnd();',
    'this.#sendEnd();',
  ),
  'trailers are lost where something waited': edit(
    'stream.ts',
    '&& this.#isEnding && this.#trailers === undefined;',
    '&& this.#isEnding;',
  ),
  'nobody is told to write on': edit(
    'stream.ts',
    'if (!this.isLocalClosed && !this.#isEnding) this.receiver.onDrain();',
    '',
  ),
  'who has ended is told to write on': edit(
    'stream.ts',
    'if (!this.isLocalClosed && !this.#isEnding) this.receiver',
    'this.receiver',
  ),
  'a pause holds nothing back': edit('stream.ts', 'if (this.#isPaused || this.#held', 'if (this.#held'),
  'the rest is not handed on where it is paused again': edit(
    'stream.ts',
    'while (this.#held !== undefined || this.#isEndHeld) {',
    'if (this.#held !== undefined || this.#isEndHeld) {',
  ),
  'what is held at the close is not given back': edit(
    'stream.ts',
    'if (this.#held !== undefined) this.#session.consume(this.#held.length);',
    '',
  ),
  'what is held at the close is given back twice': edit(
    'stream.ts',
    'if (!this.isClosed) this.#consume(chunk.length);\n      this',
    'this.#consume(chunk.length);\n      this',
  ),
  'what a reset leaves is handed on': edit(
    'stream.ts',
    '      this.close();\n    }\n    this.#dropHeld();',
    '      this.close();\n    }',
  ),
  'whole streams stay open': edit(
    'stream.ts',
    'if (this.isRemoteClosed) this.close();\n    else',
    'if (this.isRemoteClosed) return;\n    else',
  ),
  'streams that are paused at their end stay open': edit(
    'stream.ts',
    'this.#isEndHeld = true;\n    if (this.isLocalClosed) this.close();',
    'this.#isEndHeld = true;',
  ),
  'a stream is closed twice': edit('stream.ts', 'close(): void {\n    if (this.isClosed) return;', 'close(): void {'),
  'windows of streams do not grow': edit(
    'stream.ts',
    'this.#session.output.windowUpdate(this.id, this.#consumed);',
    '',
  ),
  'held pieces run into each other': edit(
    'held-data.ts',
    'last.length - this.#room);\n      this',
    'last.length - this.#room - 1);\n      this',
  ),
  'the room behind held pieces is handed on': edit(
    'held-data.ts',
    'this.#blocks.length === 0 ? block.subarray(0, block.length - this.#room) : block',
    'block',
  ),
  'a block that is not full is handed on whole': edit(
    'held-data.ts',
    'this.#blocks[this.#blocks.length - 1] = last.subarray(0, last.length - this.#room);',
    'this.#room = 0;',
  ),
};

function edit(file: string, text: string, replacement: string): Mutant {
  return { file: `dataplane/codec/http2/${file}`, text, replacement };
}
