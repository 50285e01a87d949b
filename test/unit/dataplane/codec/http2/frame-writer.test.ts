import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameWriter, OutputBlocks } from '../../../../../src/dataplane/codec/http2/frame-writer.ts';
import { data, frame } from '../../../../harness/http2-frames.ts';
import { MemorySocket } from '../../../../harness/memory-socket.ts';

const END_STREAM = 0x1;
const BLOCK_BYTES = 16 * 1024;

function writing(capacity = Infinity): { socket: MemorySocket; blocks: OutputBlocks; writer: FrameWriter } {
  const socket = new MemorySocket(capacity);
  const blocks = new OutputBlocks();
  return { socket, blocks, writer: new FrameWriter(socket.asSocket(), blocks) };
}

describe('frames go out', () => {
  test('in order, small payloads and large ones, over many blocks', () => {
    const { socket, writer } = writing();
    const payloads = [1, 8_192, 8_193, 0, 5_000, 16_384, 3, 7_000, 7_000, 60_000].map((length, i) =>
      Buffer.alloc(length, 0x61 + i),
    );
    for (const [i, payload] of payloads.entries()) writer.data(2 * i + 1, payload, i % 2 === 0);
    writer.flush();
    const expected = payloads.map((payload, i) => data(2 * i + 1, payload, i % 2 === 0 ? END_STREAM : 0));
    assert.ok(socket.take(Infinity).equals(Buffer.concat(expected)));
    assert.equal(writer.length, 0);
  });

  test('with END_STREAM added to the last one of its stream, while nothing follows it and it is here', () => {
    const { socket, writer } = writing();
    writer.data(1, Buffer.from('a'), false);
    assert.equal(writer.endData(1), true);
    writer.data(3, Buffer.from('b'), false);
    assert.equal(writer.endData(1), false);
    writer.frameHeader(0, 4, 1, 0);
    assert.equal(writer.endData(3), false);
    writer.data(5, Buffer.alloc(10_000), false);
    assert.equal(writer.endData(5), true);
    writer.data(7, Buffer.from('c'), false);
    writer.flush();
    assert.equal(writer.endData(7), false);
    const expected = [
      data(1, 'a', END_STREAM),
      data(3, 'b'),
      frame(4, 1, 0),
      data(5, Buffer.alloc(10_000), END_STREAM),
      data(7, 'c'),
    ];
    assert.ok(socket.take(Infinity).equals(Buffer.concat(expected)));
  });

  test('to a socket that is gone without a trace', () => {
    const { socket, writer } = writing();
    writer.data(1, Buffer.from('a'), true);
    socket.writable = false;
    assert.equal(writer.flush(), true);
    assert.equal(socket.writableLength, 0);
  });
});

describe('a block', () => {
  test('is used again when the socket has taken all of it', () => {
    const { blocks, writer } = writing();
    writer.data(1, Buffer.from('a'), false);
    const block = writer.reserve(9);
    writer.flush();
    assert.equal(blocks.take(), block);
  });

  test('is not used again while the socket holds a byte of it', () => {
    const { socket, blocks, writer } = writing(10);
    writer.data(1, Buffer.from('a b'), false);
    const block = writer.reserve(9);
    writer.flush();
    assert.ok(writer.isHolding);
    assert.notEqual(blocks.take(), block);
    assert.ok(Buffer.concat([socket.take(5), socket.take(10)]).equals(data(1, 'a b')));
  });

  test('for a frame that is larger than all is not kept', () => {
    const { blocks, writer } = writing();
    const large = writer.reserve(BLOCK_BYTES + 1);
    assert.ok(large.length > BLOCK_BYTES);
    writer.frameHeader(BLOCK_BYTES, 1, 4, 1);
    writer.flush();
    assert.equal(blocks.take().length, BLOCK_BYTES);
  });
});

test('the back-pressure of the socket is felt until it drains', () => {
  const { socket, writer } = writing(1_000);
  for (let i = 0; i < 4; i++) writer.data(1, Buffer.alloc(16_384), false);
  assert.equal(writer.needsDrain, true);
  assert.ok(writer.heldBytes > 64_000);
  while (socket.writableLength > 0) socket.take(10_000);
  assert.equal(socket.takeDrain(), true);
  writer.drained();
  assert.equal(writer.needsDrain, false);
});
