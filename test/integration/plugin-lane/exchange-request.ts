// A request as plugins expect it, IncomingMessage-like, made from an Exchange: its body is a stream that pauses the client when nobody
// reads, and nothing of it was parsed a second time.
import { Readable } from 'node:stream';
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from '../../../src/dataplane/exchange.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import type { ProxyError } from '../../../src/dataplane/proxy-error.ts';
import { toNodeHeaders } from './node-fields.ts';

/** Of a request's body, before the client is paused. */
const MAX_REQUEST_BYTES: number = 64 * 1024;

export class ExchangeRequest extends Readable {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  readonly httpVersion: string;
  readonly httpVersionMajor: number;
  readonly httpVersionMinor: number;
  trailers: NodeJS.Dict<string> = {};
  rawTrailers: readonly string[] = [];
  aborted = false;
  complete = false;
  /** Whoever reads the body first asks the client for it; false where that is left to the upstream. */
  asksForBody: boolean;
  readonly #exchange: Exchange;
  #isPaused = false;

  constructor(exchange: Exchange, socket: Socket) {
    super({ highWaterMark: MAX_REQUEST_BYTES });
    const { request, requestBodyLength, protocol } = exchange;
    this.#exchange = exchange;
    this.socket = socket;
    this.method = request.method;
    this.url = request.query === undefined ? request.path : `${request.path}?${request.query}`;
    this.headers = toNodeHeaders(request.headers);
    this.headers.host = request.authority;
    if (requestBodyLength === 'chunked') this.headers['transfer-encoding'] = 'chunked';
    else if (requestBodyLength > 0) this.headers['content-length'] = String(requestBodyLength);
    this.rawHeaders = ['host', request.authority, ...request.headers.fields];
    const [major = '1', minor = '0'] = protocol.slice('HTTP/'.length).split('.');
    this.httpVersion = `${major}.${minor}`;
    this.httpVersionMajor = Number(major);
    this.httpVersionMinor = Number(minor);
    this.asksForBody = exchange.expectsContinue;
  }

  receive(chunk: Uint8Array): void {
    this.asksForBody = false;
    if (this.destroyed || this.push(chunk)) return;
    this.#isPaused = true;
    this.#exchange.pauseRequest();
  }

  finish(trailers: HeaderList | undefined): void {
    this.complete = true;
    this.rawTrailers = trailers?.fields ?? [];
    this.trailers = toNodeHeaders(trailers ?? new HeaderList()) as NodeJS.Dict<string>;
    if (!this.destroyed) this.push(null);
  }

  /** The rest of it does not come. */
  cut(error: ProxyError): void {
    if (this.complete || this.destroyed) return;
    this.aborted = true;
    this.emit('aborted');
    this.destroy(error);
  }

  /** It is answered: what is still to come is of no interest. */
  release(): void {
    if (this.complete) this.resume();
    else this.destroy();
  }

  override _read(): void {
    if (this.asksForBody) {
      this.asksForBody = false;
      this.#exchange.respondInformational(100, new HeaderList());
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#exchange.resumeRequest();
  }

  /** As with Node's own, an error that nobody listens for is no reason to end the process. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    done(this.listenerCount('error') > 0 ? error : null);
  }
}
