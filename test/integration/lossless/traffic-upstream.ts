// The server behind the gateway: it answers its own name, at once, after a while, or when the test says so; it says back what it is told
// over WebSockets, and sends events without end, or as many as it is asked for.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { KeyPair } from '../../harness/certificate-authority.ts';
import { Conditions } from '../../harness/deadline.ts';
import { WebSocketEcho } from '../system/websocket-echo.ts';

const EVENT_INTERVAL_MS = 20;

export class TrafficUpstream {
  readonly name: string;
  /** What was opened to stay open: streams of events and WebSockets. */
  liveRequests = 0;
  /** That clients named, by connection. */
  readonly serverNames: string[] = [];
  connectionCount = 0;
  /** What `/held` will be answered with. */
  readonly #held: ServerResponse[] = [];
  readonly #conditions = new Conditions();
  readonly #server: Server;

  private constructor(name: string, tls: KeyPair | undefined) {
    this.name = name;
    const answer: RequestListener = ({ url = '' }, response) => {
      const { pathname, searchParams } = new URL(url, 'http://upstream');
      if (pathname.endsWith('/events')) {
        this.liveRequests++;
        sendEvents(response, Number(searchParams.get('count') ?? Infinity));
      } else if (pathname.endsWith('/held')) {
        this.#held.push(response);
        this.#conditions.changed();
      } else {
        setTimeout(() => response.end(name), Number(searchParams.get('delayMs')));
      }
    };
    this.#server =
      tls === undefined ? createServer(answer) : createTlsServer({ cert: tls.chain, key: tls.key }, answer);
    this.#server.on('secureConnection', ({ servername }: TLSSocket) => this.serverNames.push(String(servername)));
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connectionCount++;
      socket.on('close', () => {
        this.connectionCount--;
        this.#conditions.changed();
      });
    });
    this.#server.on('upgrade', () => this.liveRequests++);
    this.#server.on('upgrade', new WebSocketEcho().accept);
    // Longer than a test: who closes a connection is the gateway.
    this.#server.keepAliveTimeout = 120_000;
  }

  /** Ends with the test. */
  static async start(t: Pick<TestContext, 'after'>, name: string, tls?: KeyPair): Promise<TrafficUpstream> {
    const upstream = new TrafficUpstream(name, tls);
    const server = upstream.#server;
    await once(server.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async untilHeld(count: number): Promise<void> {
    await this.#conditions.until(`${count} held requests`, () => this.#held.length === count || undefined);
  }

  release(): void {
    for (const response of this.#held.splice(0)) response.end(this.name);
  }

  /** No more connections than that are open. */
  async untilConnections(count: number): Promise<void> {
    await this.#conditions.until(`${count} connections`, () => this.connectionCount <= count || undefined);
  }
}

function sendEvents(response: ServerResponse, count: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  const send = (): void => {
    response.write(`id: ${++sent}\ndata: event\n\n`);
    if (sent < count) return;
    clearInterval(timer);
    response.end();
  };
  const timer = setInterval(send, EVENT_INTERVAL_MS);
  response.on('close', () => clearInterval(timer));
  send();
}
