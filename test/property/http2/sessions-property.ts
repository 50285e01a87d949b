// Two of our sessions, back to back, that do everything they may at random: whatever is paused, reset, cut into pieces or held up by
// windows and sockets, each message arrives whole or is reported as broken, once, and at the end nothing of it is left anywhere.
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { Turns } from './product.ts';
import type { Product } from './product.ts';
import { Peer } from './session-peer.ts';
import type { Side } from './session-peer.ts';

/** Fewer than a flood of any kind. */
const MAX_RESETS = 80;
const MAX_SETTINGS = 100;
/** Of the end of a connection: more are a loop. */
const MAX_STEPS = 100_000;

class Disagreement extends Error {}

/** The first disagreement, or undefined. */
export function findLostMessage(product: Product, random: SeededRandom, connections: number): string | undefined {
  for (let i = 0; i < connections; i++) {
    const turns = new Turns();
    try {
      turns.run(() => new Simulation(product, random, turns).run(200 + random.below(600)));
    } catch (error) {
      const text = error instanceof Disagreement ? error.message : String((error as Error).stack);
      return `${random.seed}, connection ${i}: ${text}`;
    }
  }
  return undefined;
}

class Simulation {
  readonly #random: SeededRandom;
  readonly #turns: Turns;
  readonly #client: Peer;
  readonly #server: Peer;
  #opened = 0;
  #resets = 0;
  #settings = 0;
  #steps = 0;

  constructor(product: Product, random: SeededRandom, turns: Turns) {
    this.#random = random;
    this.#turns = turns;
    const memory = new product.SessionMemory();
    this.#client = new Peer(product, memory, false, random);
    this.#server = new Peer(product, memory, true, random);
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.#move();
      this.#act(this.#random.pick([this.#client, this.#server]));
      this.#check();
    }
    this.#finish();
    for (const side of this.#client.sides) this.#checkMessages(side);
    for (const peer of [this.#client, this.#server]) {
      expect(peer.areSettingsAcknowledged, 'SETTINGS are never acknowledged');
      expect(peer.session.streams.size === 0, 'streams are left');
      for (const { closes, sections } of peer.sides) expect(closes === 1, `closed ${closes} times: ${sections.join()}`);
    }
    this.#checkWindows();
  }

  /** Something of what belongs to the network and the event loop. */
  #move(): void {
    const random = this.#random;
    const [from, to] = random.below(2) === 0 ? [this.#client, this.#server] : [this.#server, this.#client];
    switch (random.below(4)) {
      case 0:
        this.#turns.takeTurn();
        break;
      case 1:
        if (from.socket.takeDrain()) from.session.drained();
        break;
      default:
        if (!to.socket.isPaused()) this.#carry(from, to, 1 + random.below(random.pick([10, 20_000, 100_000])));
    }
  }

  #carry(from: Peer, to: Peer, maxBytes: number): void {
    const chunk = from.socket.take(maxBytes);
    to.session.read(chunk);
    // The next read goes into the same buffer.
    chunk.fill(0xee);
  }

  #act(peer: Peer): void {
    const random = this.#random;
    const side = peer.sides.length > 0 ? random.pick(peer.sides.slice(-30)) : undefined;
    const mayWrite = side !== undefined && side.hasHead && !side.hasEnded && !side.hasReset && side.resets === 0;
    switch (random.below(12)) {
      case 0:
      case 1:
        if (!peer.isServer && peer.mayOpen) peer.open(this.#opened++, random.below(4) === 0);
        break;
      case 2:
      case 3:
        if (peer.isServer && side !== undefined && !side.hasHead && !side.hasReset) this.#respond(side);
        break;
      case 4:
      case 5:
      case 6:
        if (mayWrite && !side.isBlocked) side.write(peer.randomBytes());
        break;
      case 7:
        if (mayWrite) this.#end(side);
        break;
      case 8:
        side?.stream.pause();
        break;
      case 9:
        side?.stream.resume();
        break;
      case 10:
        if (side !== undefined && !side.hasReset && random.below(3) === 0 && this.#resets++ < MAX_RESETS) side.reset();
        break;
      default:
        if (random.below(3) === 0 && this.#settings++ < MAX_SETTINGS)
          peer.setWindow(random.below(peer.streamWindowBytes + 1));
        else if (random.below(10) === 0) peer.session.ping();
    }
  }

  #respond(side: Side): void {
    // What repeats is indexed, be it in an answer that nobody waits for any more.
    const fields = [':status', '200', 'x-id', side.sections[0]?.[3] ?? '', `x-${this.#random.below(10)}`, 'same'];
    side.begin(fields, this.#random.below(6) === 0);
  }

  #end(side: Side): void {
    side.end(this.#random.below(3) === 0 ? ['x-trailer', String(side.sent.length)] : undefined);
    // Of a request, nobody reads the rest when the answer is complete.
    if (side.peer.isServer && this.#random.below(2) === 0) side.stream.abandonRemote();
  }

  #finish(): void {
    const { streamWindowBytes: ofClient } = this.#client;
    const { streamWindowBytes: ofServer } = this.#server;
    this.#client.setWindow(ofClient);
    this.#server.setWindow(ofServer);
    for (;;) {
      let isStill = this.#settle();
      for (const peer of [this.#client, this.#server]) {
        for (const side of peer.sides) {
          if (side.stream.isPaused) {
            side.stream.resume();
            isStill = false;
          }
          if (side.hasReset || side.resets > 0 || side.hasEnded || side.isBlocked) continue;
          if (peer.isServer && !side.hasHead) this.#respond(side);
          else this.#end(side);
          isStill = false;
        }
      }
      this.#check();
      if (isStill) return;
    }
  }

  /** Until nothing moves by itself. Returns whether nothing did. */
  #settle(): boolean {
    let isStill = true;
    for (;;) {
      expect(this.#steps++ < MAX_STEPS, 'it comes to no end');
      this.#turns.takeTurn();
      let hasMoved = false;
      for (const [from, to] of [
        [this.#client, this.#server],
        [this.#server, this.#client],
      ] as const) {
        if (from.socket.takeDrain()) {
          from.session.drained();
          hasMoved = true;
        }
        if (from.socket.isIdle || to.socket.isPaused()) continue;
        this.#carry(from, to, 65_536);
        hasMoved = true;
      }
      this.#check();
      if (!hasMoved) return isStill;
      isStill = false;
    }
  }

  #check(): void {
    for (const { breaches, problem, sides } of [this.#client, this.#server]) {
      expect(breaches.length === 0, `a breach: ${breaches.join()}`);
      const wrong = problem ?? sides.find((side) => side.problem !== undefined)?.problem;
      expect(wrong === undefined, String(wrong));
    }
  }

  #checkMessages(client: Side): void {
    const id = client.stream.id;
    const server = this.#server.sides.find(({ stream }) => stream.id === id);
    expect(server !== undefined, 'a request never came');
    this.#checkMessage(client, server, 'request');
    this.#checkMessage(server, client, 'response');
  }

  #checkMessage(from: Side, to: Side, what: string): void {
    const sent = Buffer.concat(from.sent);
    const received = Buffer.concat(to.received);
    expect(received.equals(sent.subarray(0, received.length)), `a ${what} of other bytes`);
    expect(to.ends <= 1 && to.resets <= 1, `a ${what} ends more than once`);
    if (to.sections.length > 0) expect(to.sections[0]?.join() === from.sentHead.join(), `a ${what} with another head`);
    const isWhole = to.ends === 1;
    if (isWhole) {
      expect(
        from.hasEnded && received.length === sent.length,
        `a ${what} of ${sent.length} bytes ends after ${received.length}`,
      );
      const trailers = to.sections.find(([name]) => name === 'x-trailer');
      expect(String(trailers) === String(from.sentTrailers), `a ${what} with other trailers`);
    }
    // Who gave up on it is told nothing, nor who said that nobody reads on; and that is no reason for the other not to get its own.
    if (isWhole || to.hasReset || (to.resets > 0 && from.hasReset)) return;
    expect(to.peer.isServer && to.hasEnded && to.stream.isClosed, `a ${what} of which the end is never heard`);
  }

  /** All that was received was given back: with half a window more, the rest of it is announced. */
  #checkWindows(): void {
    for (const [from, to] of [
      [this.#client, this.#server],
      [this.#server, this.#client],
    ] as const) {
      const open = this.#client.open(this.#opened++, false);
      this.#settle();
      const other = this.#server.sides.at(-1) as Side;
      this.#respond(other);
      const side = from.isServer ? other : open;
      const spent = to.connectionWindowBytes - from.session.sendWindow;
      const missing = to.connectionWindowBytes / 2 - spent;
      expect(missing > 0 && missing <= to.connectionWindowBytes / 2, `${spent} bytes of a window are spent`);
      if (!side.hasEnded) {
        open.isCalm = other.isCalm = true;
        side.write(Buffer.alloc(missing));
        this.#settle();
        expect(from.session.sendWindow === to.connectionWindowBytes, 'a window does not become what it was');
      }
      this.#finish();
    }
  }
}

function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Disagreement(otherwise);
}
