// A client that reads server-sent events: each has to come, in turn. On a connection that is kept, one stream goes on for as long as
// the client does, and each event is an answer; else a stream that ends by itself is one.
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { ADDRESS, ANSWER_TIMEOUT_MS } from '../system/traffic.ts';
import type { Answer, Target, TrafficClient } from '../system/traffic.ts';

export class EventStreamClient implements TrafficClient {
  readonly #target: Target;
  readonly #keepAlive: boolean;
  #stream: EventStream | undefined = undefined;

  constructor(target: Target, keepAlive: boolean) {
    this.#target = target;
    this.#keepAlive = keepAlive;
  }

  async ask(): Promise<Answer> {
    const isFirst = this.#stream === undefined;
    const stream = (this.#stream ??= await EventStream.open(this.#target));
    try {
      if (this.#keepAlive) await stream.next();
      else await stream.toEnd();
    } catch (error) {
      this.close();
      throw error;
    }
    if (!this.#keepAlive) this.close();
    return { status: 200, headers: {}, body: '', certificate: undefined, isFirst };
  }

  close(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }
}

class EventStream {
  readonly #response: IncomingMessage;
  readonly #lines: AsyncIterator<string>;
  #received = 0;

  private constructor(response: IncomingMessage) {
    this.#response = response;
    this.#lines = createInterface({ input: response })[Symbol.asyncIterator]();
  }

  /** @throws where there is no answer, or another one. */
  static async open({ port, path }: Target): Promise<EventStream> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { host: ADDRESS, port, path, agent: false, timeout: ANSWER_TIMEOUT_MS };
    const outgoing = request({ ...options, headers: { accept: 'text/event-stream' } }, resolve);
    outgoing.on('error', reject);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no event in ${ANSWER_TIMEOUT_MS} ms`)));
    outgoing.end();
    const response = await promise;
    response.on('error', () => {});
    if (response.statusCode === 200) return new EventStream(response);
    response.destroy();
    throw new Error(`${response.statusCode}`);
  }

  /** @throws where the stream ends or the event is not the next one. */
  async next(): Promise<void> {
    if (!(await this.#take())) throw new Error(`the stream ended after ${this.#received} events`);
  }

  /** @throws where it is cut. */
  async toEnd(): Promise<void> {
    while (await this.#take());
    if (!this.#response.complete) throw new Error(`the stream was cut after ${this.#received} events`);
  }

  close(): void {
    this.#response.destroy();
  }

  /** Returns whether there was one. */
  async #take(): Promise<boolean> {
    for (let { done, value } = await this.#lines.next(); done !== true; { done, value } = await this.#lines.next()) {
      const id = /^id: (\d+)$/.exec(value)?.[1];
      if (id === undefined) continue;
      if (Number(id) !== ++this.#received) throw new Error(`event ${id} in the place of ${this.#received}`);
      return true;
    }
    return false;
  }
}
