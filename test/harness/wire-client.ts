// A TCP client that knows no HTTP of its own: sends exactly the bytes it is given, keeps all that comes back.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Conditions } from './deadline.ts';
import { quote } from './referees.ts';
import { StateMachineReader } from './state-machine-referee.ts';
import type { Message } from './http1-message.ts';

export interface WireAddress {
  readonly address: string;
  readonly port: number;
}

export class WireClient {
  readonly socket: Socket;
  readonly #received: Buffer[] = [];
  readonly #conditions = new Conditions();
  #end: 'open' | 'closed' | 'reset' = 'open';

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#received.push(chunk);
      this.#conditions.changed();
    });
    // The peer's FIN counts as its close; allowHalfOpen keeps our side as it was.
    socket.on('end', () => this.#ended('closed'));
    socket.on('error', () => this.#ended('reset'));
    socket.on('close', () => this.#ended('closed'));
  }

  static async open(to: WireAddress): Promise<WireClient> {
    const client = new WireClient(connect({ host: to.address, port: to.port, allowHalfOpen: true }));
    client.socket.once('connect', () => client.#conditions.changed());
    await client.until(`a connection to ${to.address}:${to.port}`, () => {
      if (client.#end !== 'open') throw new Error('refused');
      return client.socket.readyState === 'open' || undefined;
    });
    return client;
  }

  get received(): Buffer {
    if (this.#received.length > 1) this.#received.splice(0, this.#received.length, Buffer.concat(this.#received));
    return this.#received[0] ?? Buffer.alloc(0);
  }

  /** How the peer ended the connection, `open` as long as it did not. */
  get end(): 'open' | 'closed' | 'reset' {
    return this.#end;
  }

  send(bytes: string | Uint8Array): this {
    if (!this.socket.destroyed) this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    return this;
  }

  /** One write per piece, each handed to the kernel before the next; what is lost because the peer closed is lost. */
  async sendPieces(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      if (this.socket.destroyed) return;
      await new Promise<void>((resolve) => this.socket.write(piece, () => setImmediate(resolve)));
    }
  }

  /** Sends a FIN; answers can still be read. */
  finish(): this {
    this.socket.end();
    return this;
  }

  async untilClosed(boundMs?: number): Promise<Buffer> {
    await this.until('the peer closes', () => this.#end !== 'open' || undefined, boundMs);
    return this.received;
  }

  async untilText(text: string, boundMs?: number): Promise<Buffer> {
    await this.until(
      `the text ${JSON.stringify(text)}`,
      () => this.received.includes(text, 0, 'latin1') || undefined,
      boundMs,
    );
    return this.received;
  }

  /** Resolves with all responses, interim ones included, when that many final ones are complete. */
  untilResponses(count: number, methods?: readonly string[], boundMs?: number): Promise<Message[]> {
    const probe = (): Message[] | undefined => {
      const messages = this.responses(methods);
      if (messages.filter((message) => !message.startLine[1].startsWith('1')).length >= count) return messages;
      if (this.#end !== 'open') throw new Error(`connection ${this.#end} before ${count} responses`);
      return undefined;
    };
    return this.until(`${count} responses`, probe, boundMs);
  }

  /** Complete responses so far. */
  responses(methods?: readonly string[]): Message[] {
    const reader = new StateMachineReader('response', methods);
    reader.push(this.received);
    if (this.#end === 'closed') reader.close();
    const { rest, reason, messages } = reader.read();
    if (rest === 'invalid') throw new Error(`invalid response (${reason}): ${quote(this.received)}`);
    return [...messages];
  }

  async until<T>(what: string, probe: () => T | undefined, boundMs?: number): Promise<T> {
    try {
      return await this.#conditions.until(what, probe, boundMs);
    } catch (error) {
      throw new Error(
        `client: ${(error as Error).message}; it is ${this.#end} and got ${quote(this.received.subarray(0, 2_000))}`,
        { cause: error },
      );
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Closes with a RST, as a crashed client would. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #ended(how: 'closed' | 'reset'): void {
    if (this.#end !== 'open') return;
    this.#end = how;
    this.#conditions.changed();
  }
}
