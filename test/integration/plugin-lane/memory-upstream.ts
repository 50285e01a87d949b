// An upstream by hand, on the far side of the lane: it takes forwarded exchanges as the engine's own stages do, keeps to what a writer
// has to keep to, and counts.
import type { Exchange, ExchangeHandler } from '../../../src/dataplane/exchange.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import type { ProxyError } from '../../../src/dataplane/proxy-error.ts';
import { Conditions } from '../../harness/deadline.ts';

export class MemoryUpstream implements ExchangeHandler {
  readonly holdsRequestChunks = true;
  readonly received: Uint8Array[] = [];
  receivedBytes = 0;
  /** Of the request, before it is paused. */
  wantedBytes: number = Infinity;
  requestEnd: 'open' | 'ended' | 'failed' = 'open';
  requestTrailers: HeaderList | undefined = undefined;
  requestFlushes = 0;
  aborted: ProxyError | undefined = undefined;
  sentBytes = 0;
  isPaused = false;
  /** Called for each chunk that was sent. */
  onSent: () => void = () => {};
  readonly conditions: Conditions = new Conditions();
  readonly onExchange: (upstream: MemoryUpstream, exchange: Exchange) => void;
  #exchange: Exchange | undefined = undefined;
  #source: Iterator<Uint8Array> | undefined = undefined;

  /** @param onExchange called when the head of the request is there. */
  constructor(onExchange: (upstream: MemoryUpstream, exchange: Exchange) => void = () => {}) {
    this.onExchange = onExchange;
  }

  get isTaken(): boolean {
    return this.#exchange !== undefined;
  }

  get exchange(): Exchange {
    if (this.#exchange === undefined) throw new Error('nothing was forwarded');
    return this.#exchange;
  }

  readonly take: (exchange: Exchange) => void = (exchange) => {
    this.#exchange = exchange;
    exchange.handler = this;
    this.onExchange(this, exchange);
    this.conditions.changed();
  };

  /** Answers with these chunks and then ends, as fast as it may. */
  stream(chunks: Iterable<Uint8Array>): void {
    this.#source = chunks[Symbol.iterator]();
    this.#pump();
  }

  answer(status: number, fields: readonly string[], body: string | Uint8Array = '', trailers?: HeaderList): void {
    const bytes = Buffer.from(body);
    this.exchange.respond({ status, headers: new HeaderList([...fields]) }, bytes.length);
    if (bytes.length > 0) this.exchange.writeResponse(bytes);
    this.exchange.endResponse(trailers);
  }

  want(bytes: number): void {
    this.wantedBytes += bytes;
    this.exchange.resumeRequest();
  }

  until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return this.conditions.until(what, probe);
  }

  onRequestData(chunk: Uint8Array): void {
    this.received.push(chunk);
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.wantedBytes) this.exchange.pauseRequest();
    this.conditions.changed();
  }

  onRequestEnd(trailers: HeaderList | undefined): void {
    this.requestEnd = 'ended';
    this.requestTrailers = trailers;
    this.conditions.changed();
  }

  onRequestFlush(): void {
    this.requestFlushes++;
  }

  onRequestError(): void {
    this.requestEnd = 'failed';
    this.conditions.changed();
  }

  onAbort(error: ProxyError): void {
    this.aborted = error;
    this.conditions.changed();
  }

  onResponseDrain(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#pump();
  }

  #pump(): void {
    while (this.#source !== undefined && this.aborted === undefined) {
      const { value, done } = this.#source.next();
      if (done === true) {
        this.#source = undefined;
        this.exchange.endResponse();
        break;
      }
      this.sentBytes += value.length;
      this.isPaused = !this.exchange.writeResponse(value);
      this.onSent();
      if (this.isPaused) break;
    }
    this.conditions.changed();
  }
}
