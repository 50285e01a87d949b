// A client that sends messages over a WebSocket and gets each of them back, in turn. It is Node's own, so another parser than the
// product's and the echo's.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { ADDRESS, ANSWER_TIMEOUT_MS } from '../system/traffic.ts';
import type { Answer, Target, TrafficClient } from '../system/traffic.ts';

export interface Session {
  /** Of one answer. */
  readonly messages: number;
  /** Between two of them. */
  readonly intervalMs: number;
}

const ONE_MESSAGE: Session = { messages: 1, intervalMs: 0 };

export class WebSocketClient implements TrafficClient {
  readonly #url: string;
  readonly #keepAlive: boolean;
  readonly #session: Session;
  #socket: WebSocket | undefined = undefined;
  #sent = 0;

  /** @param keepAlive whether a connection serves more than one session */
  constructor({ port, path = '/' }: Target, keepAlive: boolean, session: Session = ONE_MESSAGE) {
    this.#url = `ws://${ADDRESS}:${port}${path}`;
    this.#keepAlive = keepAlive;
    this.#session = session;
  }

  /** One session: all of its messages came back as they were, and where it was the last of its connection, so did the close. */
  async ask(): Promise<Answer> {
    const isFirst = this.#socket === undefined;
    const socket = (this.#socket ??= await open(this.#url));
    try {
      for (let left = this.#session.messages; left > 0; left--) {
        await echo(socket, `message ${++this.#sent}`);
        if (left > 1) await delay(this.#session.intervalMs);
      }
      if (!this.#keepAlive) await closed(socket);
    } catch (error) {
      this.#socket = undefined;
      throw error;
    }
    if (!this.#keepAlive) this.#socket = undefined;
    return { status: 200, headers: {}, body: '', certificate: undefined, isFirst };
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

async function open(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await settled(socket, 'open');
  return socket;
}

async function echo(socket: WebSocket, message: string): Promise<void> {
  const answer = settled(socket, 'message');
  socket.send(message);
  const { data } = (await answer) as MessageEvent;
  if (data !== message) throw new Error(`"${data}" came back of "${message}"`);
}

async function closed(socket: WebSocket): Promise<void> {
  const answer = once(socket, 'close', { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  socket.close(1000);
  const [{ code, wasClean }] = (await answer) as [CloseEvent];
  if (!wasClean || code !== 1000) throw new Error(`closed with ${code}`);
}

/** Resolves at this event. @throws where the connection closes before it. */
async function settled(socket: WebSocket, event: 'open' | 'message'): Promise<Event> {
  const { promise, resolve, reject } = Promise.withResolvers<Event>();
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const onClose = ({ code }: CloseEvent): void => reject(new Error(`closed with ${code} before ${event}`));
  const onTimeout = (): void => reject(new Error(`no ${event} in ${ANSWER_TIMEOUT_MS} ms`));
  socket.addEventListener(event, resolve, { once: true });
  socket.addEventListener('close', onClose);
  signal.addEventListener('abort', onTimeout);
  try {
    if (socket.readyState > WebSocket.OPEN) throw new Error(`closed before ${event}`);
    return await promise;
  } finally {
    socket.removeEventListener(event, resolve);
    socket.removeEventListener('close', onClose);
    signal.removeEventListener('abort', onTimeout);
  }
}
