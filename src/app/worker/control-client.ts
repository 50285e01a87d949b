// A worker's end of the connection to control: says hello whenever control is there, applies what comes, and tells its metrics. Without
// control it goes on with what it has.
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DeltaMismatchError } from '../../ir/ir.ts';
import type { MetricRegistry } from '../../observability/metrics.ts';
import { FrameChannel } from '../channel/frame-channel.ts';
import { fromWire } from '../channel/wire-delta.ts';
import { LAST_WORDS } from '../channel/worker-message.ts';
import type { ControlMessage, WorkerMessage } from '../channel/worker-message.ts';
import { elapsed } from '../elapsed.ts';
import type { EngineReceiver } from '../ir-channel.ts';

export interface ControlClientOptions {
  readonly id: string;
  readonly socketPath: string;
  readonly receiver: EngineReceiver;
  readonly registry: MetricRegistry;
  readonly onApplied: () => void;
}

/** A control that was killed is back in about a second. */
const RECONNECT_MS = 50;
const LAST_WORDS_MS = 1_000;
const PIECE_CHARACTERS = 64 * 1_024;

export class ControlClient {
  readonly #options: ControlClientOptions;
  #channel: FrameChannel | undefined = undefined;
  /** One after the other, also those of an older connection. */
  #applying: Promise<void> = Promise.resolve();
  #hasApplied = false;
  #isRetired = false;
  #isClosed = false;

  constructor(options: ControlClientOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Applies nothing more. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#channel !== undefined) send(this.#channel, { type: 'retiring' });
  }

  /** Tells the metrics once more, for a bounded time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const channel = this.#channel;
    if (channel?.isOpen === true) await Promise.race([this.#tellLastWords(channel), elapsed(LAST_WORDS_MS)]);
    channel?.destroy();
  }

  #connect(): void {
    if (this.#isClosed) return;
    const { id, socketPath, receiver } = this.#options;
    const socket = connect(socketPath);
    const channel = new FrameChannel(socket, {
      onMessage: (message) => this.#onMessage(channel, message as ControlMessage),
      onClose: () => setTimeout(() => this.#connect(), RECONNECT_MS),
    });
    this.#channel = channel;
    const hash = this.#hasApplied ? receiver.ir.hash : undefined;
    socket.once('connect', () => {
      send(channel, { type: 'hello', id, hash });
      if (this.#isRetired) send(channel, { type: 'retiring' });
    });
  }

  #onMessage(channel: FrameChannel, message: ControlMessage): void {
    if (this.#isClosed) return;
    if (message.type === 'askMetrics') void this.#tellMetrics(channel, message.request);
    else this.#applying = this.#applying.then(() => this.#apply(channel, message));
  }

  async #apply(channel: FrameChannel, { delta }: Extract<ControlMessage, { type: 'delta' }>): Promise<void> {
    const { receiver, onApplied } = this.#options;
    if (this.#isRetired) return;
    try {
      const result = await receiver.receive(fromWire(delta));
      this.#hasApplied = true;
      send(channel, { type: 'applied', result });
      onApplied();
    } catch (error) {
      if (error instanceof DeltaMismatchError) send(channel, { type: 'mismatched' });
      else send(channel, { type: 'rejected', message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #tellLastWords(channel: FrameChannel): Promise<void> {
    await this.#tellMetrics(channel, LAST_WORDS);
    await channel.end();
  }

  /** In pieces, between which requests are served. */
  async #tellMetrics(channel: FrameChannel, request: number): Promise<void> {
    let text = '';
    for (const next of this.#options.registry.texts()) {
      text += next;
      if (text.length < PIECE_CHARACTERS) continue;
      await channel.send({ type: 'metrics', request, text, isLast: false } satisfies WorkerMessage);
      text = '';
      await nextTurn();
    }
    await channel.send({ type: 'metrics', request, text, isLast: true } satisfies WorkerMessage);
  }
}

function send(channel: FrameChannel, message: WorkerMessage): void {
  void channel.send(message);
}
