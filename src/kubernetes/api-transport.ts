// HTTP to one API server: TLS, credentials, deadlines and bounds. Every failure is an ApiError, save that a caller who cancelled gets the
// reason that his signal has. Redirects are not followed: no API server sends any.
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { ApiError, statusError } from './api-error.ts';
import { CallBound } from './call-bound.ts';
import type { Clock } from './clock.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { CredentialCache } from './credentials.ts';
import type { Credentials } from './credentials.ts';
import { RequestSlots } from './request-slots.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the server's URL, encoded. */
  readonly path: string;
  /** Parameters that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  readonly body?: { readonly contentType: string; readonly text: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface TransportOptions {
  readonly access: ClusterAccess;
  /** Of Sluice. */
  readonly version: string;
  readonly clock: Clock;
  readonly requestTimeoutMs?: number;
  readonly maxResponseBytes?: number;
}

export const REQUEST_TIMEOUT_MS = 30_000;
export const MAX_RESPONSE_BYTES = 33_554_432;
const MAX_ERROR_BYTES = 65_536;
const MAX_IDLE_CONNECTIONS = 8;
/** Silence after which the kernel asks whether the server is still there. */
const TCP_KEEP_ALIVE_MS = 30_000;
const HTTP_UNAUTHORIZED = 401;

export class ApiTransport {
  readonly #access: ClusterAccess;
  readonly #userAgent: string;
  readonly #requestTimeoutMs: number;
  readonly #maxResponseBytes: number;
  readonly #credentials: CredentialCache;
  readonly #slots = new RequestSlots();
  readonly #agent: HttpAgent | HttpsAgent;

  constructor({ access, version, clock, requestTimeoutMs, maxResponseBytes }: TransportOptions) {
    this.#access = access;
    this.#userAgent = `sluice/${version}`;
    this.#requestTimeoutMs = requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#maxResponseBytes = maxResponseBytes ?? MAX_RESPONSE_BYTES;
    this.#credentials = new CredentialCache(access.credentialSource, clock);
    const pool = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, maxFreeSockets: MAX_IDLE_CONNECTIONS };
    this.#agent = access.server.protocol === 'http:' ? new HttpAgent(pool) : new HttpsAgent(pool);
  }

  /** The body of the answer, which must be a success and complete within the request timeout. */
  text(request: ApiRequest): Promise<string> {
    return this.#slots.run(async () => {
      const bound = new CallBound(request.signal, this.#requestTimeoutMs);
      try {
        const response = await this.#send(request, bound);
        return await readText(response, this.#maxResponseBytes);
      } catch (error) {
        throw bound.explain(error);
      } finally {
        bound.release();
      }
    });
  }

  /** The body as it arrives, for as long as it takes; the request timeout counts until the head is there. The caller iterates it. */
  async stream(request: ApiRequest): Promise<AsyncIterable<Buffer>> {
    const bound = new CallBound(request.signal, this.#requestTimeoutMs);
    try {
      const response = await this.#send(request, bound);
      bound.endTimeout();
      return iterate(response, bound);
    } catch (error) {
      bound.release();
      throw bound.explain(error);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(request: ApiRequest, bound: CallBound): Promise<IncomingMessage> {
    const credentials = await bound.wait(this.#credentials.current());
    let response = await this.#exchange(request, credentials, bound);
    if (response.statusCode === HTTP_UNAUTHORIZED) {
      const renewed = await bound.wait(this.#credentials.renew(credentials));
      if (renewed !== credentials) {
        response.destroy();
        response = await this.#exchange(request, renewed, bound);
      }
    }
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const body = await readText(response, MAX_ERROR_BYTES).catch(() => '');
    throw statusError(status, body, response.headers['retry-after']);
  }

  async #exchange(request: ApiRequest, credentials: Credentials, bound: CallBound): Promise<IncomingMessage> {
    for (;;) {
      const attempt = await this.#attempt(request, credentials, bound);
      if (attempt !== 'stale') return attempt;
    }
  }

  /** `stale`: the connection had been kept open and was closed meanwhile, and nothing is lost by asking on another one. */
  #attempt(
    { method, path, query, body }: ApiRequest,
    { authorization, clientCertificate, authorityPem }: Credentials,
    bound: CallBound,
  ): Promise<IncomingMessage | 'stale'> {
    const { server, tlsServerName, skipTlsVerify } = this.#access;
    const options: RequestOptions = {
      agent: this.#agent,
      method,
      host: server.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: server.port || (server.protocol === 'http:' ? 80 : 443),
      path: `${server.pathname.replace(/\/$/, '')}${path}${queryText(query)}`,
      headers: {
        Accept: 'application/json',
        'User-Agent': this.#userAgent,
        ...(authorization === undefined ? {} : { Authorization: authorization.reveal() }),
        ...(body === undefined
          ? {}
          : { 'Content-Type': body.contentType, 'Content-Length': Buffer.byteLength(body.text) }),
      },
      signal: bound.signal,
      rejectUnauthorized: !skipTlsVerify,
      minVersion: 'TLSv1.2',
      ...(authorityPem === undefined ? {} : { ca: authorityPem }),
      ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
      ...(clientCertificate === undefined
        ? {}
        : { cert: clientCertificate.chainPem, key: clientCertificate.keyPem.reveal() }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = server.protocol === 'http:' ? httpRequest(options) : httpsRequest(options);
      outgoing.once('response', resolve);
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        if (method === 'GET' && outgoing.reusedSocket && error.code === 'ECONNRESET') resolve('stale');
        else reject(unreachable(error));
      });
      outgoing.end(body?.text);
    });
  }
}

async function* iterate(response: IncomingMessage, bound: CallBound): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    throw bound.explain(unreachable(error as NodeJS.ErrnoException));
  } finally {
    response.destroy();
    bound.release();
  }
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new ApiError('response_too_large', `the answer is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof ApiError ? error : unreachable(error as NodeJS.ErrnoException);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(error: NodeJS.ErrnoException): ApiError {
  return new ApiError('unreachable', `the API server cannot be reached: ${error.message || error.code}`, {
    cause: error,
  });
}

function queryText(query: ApiRequest['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
