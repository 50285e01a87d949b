// A server's session takes any bytes of a client: it throws nothing, reports each stream once, does the same however they are cut, and at
// the end it has either closed the connection or answers on.
import type { FrameStream, StreamReceiver } from '../../../src/dataplane/codec/http2/stream.ts';
import {
  ACK,
  END_HEADERS,
  frame,
  FRAME,
  headerBlock,
  requestFields,
  settings,
  uint32,
} from '../../harness/http2-frames.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { mutate } from '../byte-mutation.ts';
import { MemorySocket } from '../../harness/memory-socket.ts';
import { Turns } from './product.ts';
import type { Product } from './product.ts';

const HEADER_BYTES = 9;
const MAX_FRAME_BYTES = 16_384;
const MAX_STREAMS = 4;
const NOTHING = Buffer.alloc(0);
const PING = Buffer.from('are you?');

interface Outcome {
  /** In order; what came of the data of a stream in a row is one. */
  readonly events: readonly string[];
  readonly hasEnded: boolean;
  readonly answersPing: boolean;
}

/** Frames of a client, most of them right. */
export function randomFrames(random: SeededRandom): Buffer {
  const frames = [settings()];
  let next = 1;
  for (let count = random.below(20); count > 0; count--) {
    const id = random.below(3) === 0 ? (next += 2) - 2 : random.pick([0, 1, 1, 3, 5, 7, 2, next, next + 10]);
    frames.push(randomFrame(random, id));
  }
  let bytes: Buffer = Buffer.concat(frames);
  for (let mutations = random.below(4); mutations > 0; mutations--) bytes = mutate(bytes, random);
  return bytes;
}

function randomFrame(random: SeededRandom, id: number): Buffer {
  const flags = random.below(4) === 0 ? random.below(256) : random.pick([0, 1]);
  const block = headerBlock(requestFields(random.pick(['GET', 'POST']), '/', ['x-y', 'z'.repeat(random.below(200))]));
  const number = uint32(random.pick([0, 1, 100, 65_535, 2 ** 31 - 1, random.below(2 ** 32)]));
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return frame(FRAME.headers, flags | END_HEADERS, id, block);
    case 3: {
      const cut = random.below(block.length);
      const rest = frame(FRAME.continuation, END_HEADERS, id, block.subarray(cut));
      return Buffer.concat([frame(FRAME.headers, flags & ~END_HEADERS, id, block.subarray(0, cut)), rest]);
    }
    case 4:
    case 5:
    case 6:
      return frame(FRAME.data, flags, id, Buffer.alloc(random.pick([0, 1, 10, 300, 2_000]), random.below(256)));
    case 7:
      return frame(FRAME.rstStream, 0, id, number);
    case 8:
      return frame(FRAME.windowUpdate, 0, id, number);
    case 9:
      return random.below(2) === 0
        ? settings([random.below(10), random.below(100_000)])
        : frame(FRAME.settings, ACK, 0);
    case 10:
      return frame(FRAME.ping, random.below(2), 0, Buffer.alloc(8, random.below(256)));
    default:
      return frame(random.below(16), flags, id, Buffer.alloc(random.below(20), random.below(256)));
  }
}

export function findFragility(product: Product, random: SeededRandom, inputs: number): string | undefined {
  for (let i = 0; i < inputs; i++) {
    const bytes = randomFrames(random);
    let problem: string | undefined;
    try {
      problem = checkFrames(product, bytes, random);
    } catch (error) {
      problem = String((error as Error).stack);
    }
    if (problem !== undefined) return `${random.seed}: ${problem}: ${bytes.toString('hex').slice(0, 2_000)}`;
  }
  return undefined;
}

/** @param bytes behind the preface. */
export function checkFrames(product: Product, bytes: Buffer, random: SeededRandom): string | undefined {
  const whole = outcome(product, [bytes]);
  const pieces = outcome(product, random.split(bytes, 1 + random.below(8)));
  if (whole.events.join('\n') !== pieces.events.join('\n'))
    return `in pieces it is\n${pieces.events.join('\n')}\ninstead of\n${whole.events.join('\n')}\n`;
  const twice = whole.events.find(
    (event) => event.endsWith('closed') && whole.events.indexOf(event) !== whole.events.lastIndexOf(event),
  );
  if (twice !== undefined) return `${twice} more than once`;
  if (whole.events.filter((event) => event.startsWith('breach')).length > 1) return 'it ends more than once';
  if (!whole.hasEnded && endsWithFrame(bytes) && !whole.answersPing) return 'it neither ends nor goes on';
  return undefined;
}

/** Whether the bytes end where a frame does, and no field section is unfinished; by the headers of frames alone. */
function endsWithFrame(bytes: Buffer): boolean {
  let position = 0;
  let isInSection = false;
  while (position + HEADER_BYTES <= bytes.length) {
    const [type, flags] = [bytes[position + 3], bytes[position + 4] as number];
    if (type === FRAME.headers || type === FRAME.continuation) isInSection = (flags & END_HEADERS) === 0;
    position += HEADER_BYTES + bytes.readUIntBE(position, 3);
  }
  return position === bytes.length && !isInSection && bytes.length > 0;
}

function outcome(product: Product, pieces: readonly Buffer[]): Outcome {
  const turns = new Turns();
  return turns.run(() => {
    const server = new Server(product);
    for (const piece of pieces) {
      const chunk = Buffer.from(piece);
      server.read(chunk);
      chunk.fill(0xee);
      turns.takeTurn();
    }
    server.socket.take(Infinity);
    server.read(frame(FRAME.ping, 0, 0, PING));
    turns.takeTurn();
    const { events, hasEnded } = server;
    return { events, hasEnded, answersPing: server.socket.take(Infinity).includes(PING) };
  });
}

class Server {
  readonly socket: MemorySocket = new MemorySocket(Infinity);
  readonly events: string[] = [];
  hasEnded = false;
  readonly #session: InstanceType<Product['FrameSession']>;

  constructor(product: Product) {
    const options = {
      isServer: true,
      memory: new product.SessionMemory(),
      streamWindowBytes: 70_000,
      connectionWindowBytes: 100_000,
      maxConcurrentStreams: MAX_STREAMS,
      maxFieldCount: 20,
      maxFieldBytes: 2_000,
      settings: [],
    };
    this.#session = new product.FrameSession(this.socket.asSocket(), options, {
      onRequest: (stream, fields, isTooLarge, endsStream) => this.#serve(stream, fields, isTooLarge, endsStream),
      onPartialHead() {},
      onSettings() {},
      onSettingsAcknowledged() {},
      onGoaway() {},
      onPong() {},
      onStreamClosed() {},
      onBreach: (message) => {
        this.hasEnded = true;
        this.events.push(`breach: ${message}`);
        for (const stream of this.#session.streams.values()) stream.receiveReset(8);
      },
    });
  }

  read(chunk: Buffer): void {
    this.#session.read(chunk);
    if (this.socket.takeDrain()) this.#session.drained();
  }

  /** What it does with a stream depends on the stream's number alone. */
  #serve(stream: FrameStream, fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    this.events.push(`${stream.id} opened ${fields.join()} ${isTooLarge} ${endsStream}`);
    stream.receiver = new Recorder(stream, this.events);
    switch ((stream.id >> 1) % 7) {
      case 0:
        break;
      case 1:
        stream.pause();
        break;
      case 2:
        stream.sendHeaders([':status', '200'], false);
        stream.write(Buffer.from('an answer'));
        stream.end(undefined);
        break;
      case 3:
        stream.sendHeaders([':status', '204'], true);
        stream.abandonRemote();
        break;
      case 4:
        stream.reset(2);
        break;
      case 5:
        stream.breakOff(1, 'malformed');
        break;
      default:
        stream.sendHeaders([':status', '200'], false);
        stream.write(Buffer.alloc(MAX_FRAME_BYTES * 5));
        stream.end(['x-trailer', '1']);
    }
  }
}

class Recorder implements StreamReceiver {
  readonly #id: number;
  readonly #stream: FrameStream;
  readonly #events: string[];
  #data: Buffer = NOTHING;

  constructor(stream: FrameStream, events: string[]) {
    this.#id = stream.id;
    this.#stream = stream;
    this.#events = events;
  }

  onHeaders(fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    this.#push(`fields ${fields.join()} ${isTooLarge}`);
    if (!endsStream) this.#stream.breakOff(1, 'trailers without end');
  }

  onData(chunk: Buffer): void {
    this.#data = Buffer.concat([this.#data, chunk]);
    const text = `${this.#id} data ${this.#data.toString('hex')}`;
    if (this.#events.at(-1)?.startsWith(`${this.#id} data `) === true) this.#events.pop();
    this.#events.push(text);
  }

  onEnd(): void {
    this.#push('ended');
  }

  onDrain(): void {
    throw new Error('nothing waits that is not ended');
  }

  onProgress(): void {}

  onSent(): void {
    this.#push('sent');
  }

  onReset(code: number, isOurs: boolean, message: string): void {
    this.#push(`reset ${code} ${isOurs} ${message}`);
  }

  onClosed(): void {
    this.#push('closed');
  }

  #push(event: string): void {
    this.#events.push(`${this.#id} ${event}`);
  }
}
