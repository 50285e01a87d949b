// One side of a simulated connection: a session of ours on a socket in memory, and everything that it says of its streams.
import type { FrameSession } from '../../../src/dataplane/codec/http2/session.ts';
import type { SessionOwner } from '../../../src/dataplane/codec/http2/session-owner.ts';
import type { FrameStream, StreamReceiver } from '../../../src/dataplane/codec/http2/stream.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { MemorySocket } from '../../harness/memory-socket.ts';
import type { Product } from './product.ts';

const INITIAL_WINDOW_SIZE = 4;
const MAX_STREAMS = 20;

/** One side of a stream: what it was given to send, and what it got. */
export class Side implements StreamReceiver {
  readonly peer: Peer;
  stream!: FrameStream;
  sent: Buffer[] = [];
  readonly received: Buffer[] = [];
  sections: (readonly string[])[] = [];
  sentHead: readonly string[] = [];
  sentTrailers: readonly string[] | undefined = undefined;
  hasHead = false;
  /** Does nothing of its own accord. */
  isCalm = false;
  hasEnded = false;
  hasReset = false;
  ends = 0;
  resets = 0;
  closes = 0;
  /** What must not happen. */
  problem: string | undefined = undefined;
  #isBlocked = false;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  begin(fields: readonly string[], endsStream: boolean): void {
    this.hasHead = true;
    this.hasEnded = endsStream;
    this.sentHead = endsStream ? [...fields, 'x-ends', ''] : fields;
    this.stream.sendHeaders(this.sentHead, endsStream);
  }

  write(bytes: Buffer): void {
    this.sent.push(Buffer.from(bytes));
    this.#isBlocked = !this.stream.write(bytes);
    // Whoever read into this buffer reads on.
    if (!this.stream.holdsChunks) bytes.fill(0xee);
  }

  end(trailers: readonly string[] | undefined): void {
    this.hasEnded = true;
    this.sentTrailers = trailers;
    this.stream.end(trailers);
  }

  reset(): void {
    this.hasReset = true;
    this.stream.reset(8);
  }

  onHeaders(fields: string[], _isTooLarge: boolean, endsStream: boolean): void {
    this.#mayHear('fields');
    this.sections.push(fields);
    if (!this.peer.isServer && this.sections.length === 1) this.stream.hasHead = true;
    if (endsStream !== (this.sections.length > 1 || fields.includes('x-ends')))
      this.problem = 'an end at a wrong place';
  }

  onData(chunk: Buffer): void {
    this.#mayHear('data');
    if (this.stream.isPaused) this.problem = 'data while it is paused';
    this.received.push(Buffer.from(chunk));
    if (!this.isCalm && this.peer.random.below(8) === 0) this.stream.pause();
  }

  onEnd(): void {
    this.#mayHear('an end');
    if (this.stream.isPaused) this.problem = 'an end while it is paused';
    this.ends++;
  }

  onDrain(): void {
    if (this.hasReset || this.hasEnded || this.resets > 0 || !this.#isBlocked)
      this.problem = 'told to write on, for no reason';
    this.#isBlocked = false;
    if (!this.isCalm && this.peer.random.below(2) === 0 && !this.hasEnded) this.write(this.peer.randomBytes());
  }

  onProgress(): void {}

  onSent(): void {
    if (!this.hasEnded) this.problem = 'complete before it ended';
  }

  onReset(): void {
    this.#mayHear('a reset');
    // As the product does with an answer that is whole.
    if (this.stream.isRemoteClosed) this.stream.deliverRest();
    this.resets++;
  }

  onClosed(): void {
    this.closes++;
  }

  #mayHear(what: string): void {
    if (this.ends > 0 && what !== 'a reset') this.problem = `${what} behind the end`;
    if (this.resets > 0) this.problem = `${what} behind a reset`;
    if (this.hasReset) this.problem = `${what} though it had reset the stream`;
  }
}

export class Peer implements SessionOwner {
  readonly isServer: boolean;
  readonly random: SeededRandom;
  readonly socket: MemorySocket;
  readonly session: FrameSession;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly sides: Side[] = [];
  areSettingsAcknowledged = false;
  pongs = 0;
  breaches: string[] = [];
  problem: string | undefined = undefined;

  constructor(
    product: Product,
    memory: InstanceType<Product['SessionMemory']>,
    isServer: boolean,
    random: SeededRandom,
  ) {
    this.isServer = isServer;
    this.random = random;
    this.socket = new MemorySocket(50 + random.below(random.pick([100, 70_000, 1_000_000])));
    this.streamWindowBytes = 2 * (100 + random.below(random.pick([50, 40_000, 200_000])));
    this.connectionWindowBytes = 65_536 + 2 * random.below(100_000);
    this.session = new product.FrameSession(
      this.socket.asSocket(),
      {
        isServer,
        memory,
        streamWindowBytes: this.streamWindowBytes,
        connectionWindowBytes: this.connectionWindowBytes,
        maxConcurrentStreams: MAX_STREAMS,
        maxFieldCount: 1_000,
        maxFieldBytes: 200_000,
        settings: [],
      },
      this,
    );
  }

  get mayOpen(): boolean {
    return this.areSettingsAcknowledged && this.session.streams.size < MAX_STREAMS;
  }

  open(id: number, endsStream: boolean): Side {
    const side = new Side(this);
    this.sides.push(side);
    side.stream = this.session.open(side);
    const fields = [':method', 'POST', 'x-id', String(id)];
    if (this.random.below(10) === 0) fields.push('x-long', 'y'.repeat(this.random.below(60_000)));
    side.begin(fields, endsStream);
    return side;
  }

  randomBytes(): Buffer {
    const { random } = this;
    const bytes = Buffer.alloc(1 + random.below(random.pick([10, 1_000, 9_000, 60_000])), random.below(256));
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  }

  /** @param bytes of the window of each stream: it may be changed at any time, even below what was sent already. */
  setWindow(bytes: number): void {
    this.session.output.settings([[INITIAL_WINDOW_SIZE, bytes]]);
  }

  onRequest(stream: FrameStream, fields: string[], isTooLarge: boolean, endsStream: boolean): void {
    const side = new Side(this);
    side.stream = stream;
    stream.receiver = side;
    this.sides.push(side);
    side.sections.push(fields);
    if (isTooLarge || endsStream !== fields.includes('x-ends')) this.problem = 'a request that was not sent';
  }

  onPartialHead(): void {}
  onSettings(): void {}
  onGoaway(): void {}
  onStreamClosed(): void {}

  onSettingsAcknowledged(): void {
    this.areSettingsAcknowledged = true;
  }

  onPong(): void {
    this.pongs++;
  }

  onBreach(message: string): void {
    this.breaches.push(message);
  }
}
