// An upstream that speaks HTTP/2 by node:http2: it keeps what it got and answers by a script.
import { createSecureServer, createServer } from 'node:http2';
import type {
  Http2Server,
  IncomingHttpHeaders,
  SecureServerOptions,
  ServerHttp2Session,
  ServerHttp2Stream,
  ServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { Conditions } from '../../harness/deadline.ts';
import { ADDRESS } from '../../harness/resources.ts';
import type { TestBed } from '../../harness/test-bed.ts';

export type Script = (stream: ServerHttp2Stream, request: ReceivedRequest) => void;

export interface ReceivedRequest {
  readonly stream: ServerHttp2Stream;
  readonly session: ServerHttp2Session;
  readonly headers: IncomingHttpHeaders;
  /** name, value, … as they came. */
  readonly raw: readonly string[];
  body: string;
  trailers: readonly string[] | undefined;
  isComplete: boolean;
}

/** When the request is complete: a small 200 whose body is that of the request. */
export const echo: Script = (stream, request) => {
  stream.on('end', () => {
    stream.respond({ ':status': 200, 'x-upstream': '1' });
    stream.end(request.body);
  });
};

/** Answers when the test says so, by `finish`. */
export function held(): void {}

export function finish({ stream }: { readonly stream: ServerHttp2Stream }): void {
  stream.respond({ ':status': 200 });
  stream.end('ok');
}

export class Http2Upstream {
  readonly conditions: Conditions = new Conditions();
  /** All since the start, the closed ones too. */
  readonly sessions: ServerHttp2Session[] = [];
  readonly requests: ReceivedRequest[] = [];
  script: Script;
  readonly #server: Http2Server;

  private constructor(server: Http2Server, script: Script) {
    this.#server = server;
    this.script = script;
    server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => {});
      session.on('close', () => this.conditions.changed());
      this.conditions.changed();
    });
    server.on('stream', (stream, headers, _flags, raw) => this.#onStream(stream, headers, raw));
  }

  static async listen(
    bed: TestBed,
    script: Script = echo,
    options: ServerOptions & SecureServerOptions = {},
  ): Promise<Http2Upstream> {
    const server = options.key === undefined ? createServer(options) : createSecureServer(options);
    const upstream = new Http2Upstream(server, script);
    await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
    bed.atEnd(() => {
      for (const session of upstream.sessions) session.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Serves a connection that another server accepted; `h2` is settled. */
  accept(socket: TLSSocket): void {
    this.#server.emit('secureConnection', socket);
  }

  get openSessions(): ServerHttp2Session[] {
    return this.sessions.filter(({ destroyed }) => !destroyed);
  }

  /** The nth request, from 0, as soon as its head is here. */
  async request(index: number): Promise<ReceivedRequest> {
    return await this.conditions.until(`request ${index}`, () => this.requests[index]);
  }

  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return await this.conditions.until(what, probe);
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, raw: readonly string[]): void {
    const session = stream.session as ServerHttp2Session;
    const request: ReceivedRequest = {
      stream,
      session,
      headers,
      raw,
      body: '',
      trailers: undefined,
      isComplete: false,
    };
    this.requests.push(request);
    stream.on('error', () => {});
    stream.on('trailers', (_headers, _flags, trailers: string[]) => (request.trailers = trailers));
    stream.on('data', (chunk: Buffer) => {
      request.body += chunk.toString('latin1');
      this.conditions.changed();
    });
    stream.on('end', () => {
      request.isComplete = true;
      this.conditions.changed();
    });
    stream.on('close', () => this.conditions.changed());
    this.script(stream, request);
    this.conditions.changed();
  }
}
