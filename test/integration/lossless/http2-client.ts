// A client that speaks HTTP/2 by node:http2, over one connection for as long as its server lets it. A request that it had not sent yet when
// a GOAWAY came, or that crossed one on the wire, was not begun (RFC 9113 section 6.8): as every client does, it sends such a request once
// more, on a new connection, and counts it. Nothing else is asked twice.
import { connect, constants } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { ADDRESS, ANSWER_TIMEOUT_MS } from '../system/traffic.ts';
import type { Answer, Target, TrafficClient } from '../system/traffic.ts';

class NotBegunError extends Error {}

type Head = IncomingHttpHeaders & IncomingHttpStatusHeader;

export class Http2Client implements TrafficClient {
  /** Connections whose end the server announced. */
  goaways = 0;
  /** Requests that crossed such an announcement. */
  notBegun = 0;
  readonly #target: Target;
  readonly #keepAlive: boolean;
  #connection: Connection | undefined = undefined;

  constructor(target: Target, keepAlive: boolean) {
    this.#target = target;
    this.#keepAlive = keepAlive;
  }

  /** May be called while others wait for their answers: they share the connection. */
  async ask(path: string = this.#target.path ?? '/'): Promise<Answer> {
    try {
      return await this.#send(path);
    } catch (error) {
      if (!(error instanceof NotBegunError)) throw error;
      this.notBegun++;
      return await this.#send(path);
    } finally {
      if (!this.#keepAlive) this.close();
    }
  }

  /** What is under way is answered all the same. */
  close(): void {
    this.#connection?.session.close();
    this.#connection = undefined;
  }

  async #send(path: string): Promise<Answer> {
    const connection = await this.#connect();
    const { port, tls } = this.#target;
    const { session } = connection;
    const isFirst = connection.requests++ === 0;
    const stream = session.request({ ':path': path, ':authority': tls?.serverName ?? `${ADDRESS}:${port}` });
    stream.setTimeout(ANSWER_TIMEOUT_MS, () => stream.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    try {
      // From the start: what comes before it is read may be thrown away.
      const [headers, body] = await Promise.all([headOf(stream), text(stream)]);
      if (stream.rstCode !== 0) throw new Error(`reset in the body, code ${stream.rstCode}`);
      const certificate = tls && (session.socket as TLSSocket).getPeerCertificate().fingerprint256;
      return { status: headers[':status'] ?? 0, headers, certificate, body, isFirst };
    } catch (error) {
      throw connection.hasBegun(stream) ? error : new NotBegunError('it crossed a GOAWAY', { cause: error });
    }
  }

  async #connect(): Promise<Connection> {
    if (this.#connection?.isUsable !== true) this.#connection = new Connection(this.#target, () => this.goaways++);
    const connection = this.#connection;
    await connection.ready;
    return connection.isUsable ? connection : await this.#connect();
  }
}

class Connection {
  readonly session: ClientHttp2Session;
  readonly ready: Promise<void>;
  requests = 0;
  /** What the GOAWAY named; undefined while there was none. */
  #lastStreamId: number | undefined = undefined;

  constructor({ port, tls }: Target, onGoaway: () => void) {
    this.session =
      tls === undefined
        ? connect(`http://${ADDRESS}:${port}`)
        : connect(`https://${ADDRESS}:${port}`, { ca: tls.ca, servername: tls.serverName });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    // Whoever waits for it gets the error; a later one is that of the streams.
    promise.catch(() => {});
    this.session.on('connect', () => resolve());
    this.session.on('error', reject);
    this.session.on('close', () => reject(new Error('the connection was closed')));
    this.session.on('goaway', (_code, lastStreamId) => {
      this.#lastStreamId = lastStreamId;
      onGoaway();
    });
  }

  get isUsable(): boolean {
    return !this.session.closed && !this.session.destroyed && this.#lastStreamId === undefined;
  }

  /** Of a stream that a GOAWAY keeps it from sending, node:http2 says that it was refused. */
  hasBegun({ id, rstCode }: ClientHttp2Stream): boolean {
    if (this.#lastStreamId === undefined) return true;
    return id !== undefined && id <= this.#lastStreamId && rstCode !== constants.NGHTTP2_REFUSED_STREAM;
  }
}

async function headOf(stream: ClientHttp2Stream): Promise<Head> {
  const { promise, resolve, reject } = Promise.withResolvers<Head>();
  stream.on('response', resolve);
  stream.on('error', reject);
  // A reset is no error with each code.
  stream.on('close', () => reject(new Error(`reset, code ${stream.rstCode}`)));
  return await promise;
}
