// An API server that does what a test says: real HTTP on loopback, every answer by a script. Knows nothing of Kubernetes but how lists,
// events of watches and refusals are written.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ApiClient } from '../../src/kubernetes/api-client.ts';
import { fileCredentials } from '../../src/kubernetes/cluster-access.ts';
import type { ClusterAccess } from '../../src/kubernetes/cluster-access.ts';
import type { Clock } from '../../src/kubernetes/clock.ts';
import { SYSTEM_CLOCK } from '../../src/kubernetes/clock.ts';
import { Conditions } from './deadline.ts';

export class ScriptedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly response: ServerResponse;

  constructor(message: IncomingMessage, body: string, response: ServerResponse) {
    const url = new URL(message.url ?? '', 'http://server');
    this.method = message.method ?? '';
    this.path = url.pathname;
    this.query = url.searchParams;
    this.headers = message.headers;
    this.body = body;
    this.response = response;
  }

  get isWatch(): boolean {
    return this.query.get('watch') === 'true';
  }

  json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): void {
    this.response.writeHead(status, { 'content-type': 'application/json', ...headers });
    this.response.end(JSON.stringify(value));
  }

  refuse(status: number, reason: string, details: object = {}): void {
    this.json(statusObject(status, reason, details), status);
  }

  list(items: readonly object[], resourceVersion: string, token = ''): void {
    this.json({ kind: 'List', metadata: { resourceVersion, continue: token }, items });
  }

  /** Begins the answer to a watch. */
  stream(): void {
    this.response.writeHead(200, { 'content-type': 'application/json' });
    this.response.flushHeaders();
  }

  /** Sends events of a watch in one piece. */
  events(...events: readonly { readonly type: string; readonly object: object }[]): void {
    this.response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  }

  bookmark(resourceVersion: string): void {
    this.events({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } });
  }

  end(): void {
    this.response.end();
  }

  reset(): void {
    this.response.socket?.resetAndDestroy();
  }
}

export function statusObject(code: number, reason: string, details: object = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: `${reason} it is`, reason, details, code };
}

export type ApiScript = (request: ScriptedRequest) => void | Promise<void>;

export class ScriptedApiServer {
  readonly conditions: Conditions = new Conditions();
  readonly requests: ScriptedRequest[] = [];
  /** May be replaced at any time. */
  script: ApiScript = (request) => request.refuse(404, 'NotFound');
  readonly #server: Server;
  readonly #protocol: 'http' | 'https';
  #failure: unknown;

  private constructor(tls: ServerOptions | undefined) {
    const onRequest = (message: IncomingMessage, response: ServerResponse): void =>
      void this.#onRequest(message, response);
    this.#server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
    this.#protocol = tls === undefined ? 'http' : 'https';
  }

  static async listen(tls?: ServerOptions): Promise<ScriptedApiServer> {
    const server = new ScriptedApiServer(tls);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): URL {
    return new URL(`${this.#protocol}://127.0.0.1:${this.port}`);
  }

  get watches(): readonly ScriptedRequest[] {
    return this.requests.filter(({ isWatch }) => isWatch);
  }

  get lists(): readonly ScriptedRequest[] {
    return this.requests.filter(({ isWatch }) => !isWatch);
  }

  access(overrides: Partial<ClusterAccess> = {}, clock: Clock = SYSTEM_CLOCK): ClusterAccess {
    return {
      server: this.url,
      tlsServerName: undefined,
      skipTlsVerify: false,
      namespace: 'default',
      credentialSource: fileCredentials(() => Promise.resolve({}), clock),
      origin: 'test',
      ...overrides,
    };
  }

  client(overrides: Partial<ClusterAccess> = {}, clock: Clock = SYSTEM_CLOCK): ApiClient {
    return new ApiClient({ access: this.access(overrides, clock), version: '1.2.3', clock });
  }

  until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return this.conditions.until(what, probe);
  }

  /** The n-th watch, from 0. */
  watch(index: number): Promise<ScriptedRequest> {
    return this.until(`watch ${index}`, () => this.watches[index]);
  }

  /** @throws what a script threw. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #onRequest(message: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      let body = '';
      for await (const chunk of message.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
      const request = new ScriptedRequest(message, body, response);
      this.requests.push(request);
      response.on('close', () => this.conditions.changed());
      await this.script(request);
      this.conditions.changed();
    } catch (error) {
      this.#failure ??= error;
    }
  }
}
