// The server side of the HTTP/2 codec by itself: sockets in, recorded exchanges out. Exchanges are answered by a script; no defect goes
// unseen unless the test expects it.
import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TestContext } from 'node:test';
import type * as memoryModule from '../../src/dataplane/codec/http2/session-memory.ts';
import type * as connectionModule from '../../src/dataplane/codec/http2/server-connection.ts';
import type { Http2ServerConnection } from '../../src/dataplane/codec/http2/server-connection.ts';
import type { Http2ServerSettings } from '../../src/dataplane/codec/http2/server-settings.ts';
import type * as defaultsModule from '../../src/dataplane/engine-defaults.ts';
import type { EngineLimits } from '../../src/dataplane/engine-defaults.ts';
import type { Exchange, ExchangeHandler } from '../../src/dataplane/exchange.ts';
import type * as headerListModule from '../../src/dataplane/header-list.ts';
import type { HeaderList } from '../../src/dataplane/header-list.ts';
import type { ProxyError } from '../../src/dataplane/proxy-error.ts';
import { RESCUES } from '../../src/dataplane/forward/rescue.ts';
import type * as timeoutModule from '../../src/lib/timeout-queue.ts';
import type { KeyPair } from './certificate-authority.ts';
import { Conditions } from './deadline.ts';
import { FrameClient } from './http2-frames.ts';
import type { FrameAddress } from './http2-frames.ts';
import { loadSource } from './source.ts';

const { Http2ServerConnection: Connection } = await loadSource<typeof connectionModule>(
  'dataplane/codec/http2/server-connection.ts',
);
const { SessionMemory } = await loadSource<typeof memoryModule>('dataplane/codec/http2/session-memory.ts');
const { DEFAULT_ENGINE_LIMITS } = await loadSource<typeof defaultsModule>('dataplane/engine-defaults.ts');
const { HeaderList: Headers } = await loadSource<typeof headerListModule>('dataplane/header-list.ts');
const { TimerWheel } = await loadSource<typeof timeoutModule>('lib/timeout-queue.ts');

const ADDRESS = '127.0.0.1';

export interface EndpointSetup {
  readonly limits?: Partial<EngineLimits>;
  readonly timeoutsMs?: Partial<Record<'head' | 'bodyIdle' | 'keepAliveIdle' | 'writeStall' | 'linger', number>>;
  /** Absent: plaintext. */
  readonly tls?: KeyPair;
  /** What is done with an exchange; default: a small 200 when the request is complete. */
  readonly script?: (exchange: RecordedExchange) => void;
}

export function headerList(...fields: readonly string[]): HeaderList {
  return new Headers([...fields]);
}

export class RecordedExchange implements ExchangeHandler {
  readonly holdsRequestChunks = false;
  readonly exchange: Exchange;
  readonly chunks: Buffer[] = [];
  trailers: HeaderList | undefined = undefined;
  ends = 0;
  drains = 0;
  readonly errors: ProxyError[] = [];
  readonly aborts: ProxyError[] = [];
  onData: ((chunk: Uint8Array) => void) | undefined = undefined;
  onEnd: (() => void) | undefined = undefined;
  onDrain: (() => void) | undefined = undefined;
  readonly #changed: () => void;

  constructor(exchange: Exchange, changed: () => void) {
    this.exchange = exchange;
    this.#changed = changed;
    exchange.handler = this;
  }

  get body(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** All values of a field. */
  values(name: string): string[] {
    const { fields } = this.exchange.request.headers;
    return fields.filter((_, i) => i % 2 === 1 && fields[i - 1] === name);
  }

  answer(status = 200, body = 'ok', ...fields: readonly string[]): void {
    this.exchange.respond({ status, headers: headerList(...fields) }, Buffer.byteLength(body, 'latin1'));
    this.exchange.writeResponse(Buffer.from(body, 'latin1'));
    this.exchange.endResponse();
  }

  onRequestData(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk));
    this.onData?.(chunk);
    this.#changed();
  }

  onRequestEnd(trailers: HeaderList | undefined): void {
    this.ends++;
    this.trailers = trailers;
    this.onEnd?.();
    this.#changed();
  }

  onRequestFlush(): void {}

  onRequestError(error: ProxyError): void {
    this.errors.push(error);
    this.answer(RESCUES[error.code].status, 'refused');
    this.#changed();
  }

  onAbort(error: ProxyError): void {
    this.aborts.push(error);
    this.#changed();
  }

  onResponseDrain(): void {
    this.drains++;
    this.onDrain?.();
    this.#changed();
  }
}

export class Http2Endpoint {
  readonly exchanges: RecordedExchange[] = [];
  readonly invalid: ProxyError[] = [];
  readonly protocolErrors: string[] = [];
  readonly defects: unknown[] = [];
  readonly connections: Http2ServerConnection[] = [];
  closedConnections = 0;
  isDraining = false;
  readonly #conditions = new Conditions();
  readonly #wheel = new TimerWheel((error) => this.defects.push(error));
  readonly #script: (exchange: RecordedExchange) => void;
  readonly #server: Server;
  readonly #isTls: boolean;
  readonly #cleanups: (() => void)[] = [];
  #expectsDefects = false;

  private constructor({ limits, timeoutsMs, tls, script }: EndpointSetup) {
    this.#script = script ?? ((recorded) => (recorded.onEnd = () => recorded.answer()));
    this.#isTls = tls !== undefined;
    const queue = (name: keyof NonNullable<EndpointSetup['timeoutsMs']>): timeoutModule.TimeoutQueue =>
      this.#wheel.queue(timeoutsMs?.[name] ?? 10_000);
    const settings: Http2ServerSettings = {
      limits: { ...DEFAULT_ENGINE_LIMITS, ...limits },
      timeouts: {
        head: queue('head'),
        bodyIdle: queue('bodyIdle'),
        keepAliveIdle: queue('keepAliveIdle'),
        writeStall: queue('writeStall'),
        linger: queue('linger'),
      },
      memory: new SessionMemory(),
      isDraining: () => this.isDraining,
    };
    const accept = (socket: Socket): void => this.#accept(settings, socket);
    this.#server =
      tls === undefined
        ? createServer({ allowHalfOpen: true, noDelay: true }, accept)
        : createTlsServer(
            { allowHalfOpen: true, noDelay: true, ALPNProtocols: ['h2'], cert: tls.chain, key: tls.key },
            accept,
          );
  }

  static async start(t: Pick<TestContext, 'after'>, setup: EndpointSetup = {}): Promise<Http2Endpoint> {
    const endpoint = new Http2Endpoint(setup);
    await new Promise<void>((resolve) => endpoint.#server.listen(0, ADDRESS, resolve));
    t.after(() => endpoint.#close());
    return endpoint;
  }

  get address(): FrameAddress {
    return { address: ADDRESS, port: (this.#server.address() as AddressInfo).port, isTls: this.#isTls };
  }

  /** A client that sends the frames it is told to, behind a preface. */
  async frames(...settings: readonly (readonly [number, number])[]): Promise<FrameClient> {
    return this.#own(await FrameClient.open(this.address, ...settings));
  }

  /** One that has not said anything yet. */
  async silent(): Promise<FrameClient> {
    return this.#own(await FrameClient.connect(this.address));
  }

  /** A well-behaved client. */
  client(): ClientHttp2Session {
    const { address, port } = this.address;
    const session = connectHttp2(`${this.#isTls ? 'https' : 'http'}://${address}:${port}`, {
      rejectUnauthorized: false,
    });
    session.on('error', () => {});
    this.#cleanups.push(() => session.destroy());
    return session;
  }

  async until<T>(what: string, probe: () => T | undefined, boundMs?: number): Promise<T> {
    return await this.#conditions.until(what, probe, boundMs);
  }

  /** The exchange with this number, from 0. */
  async exchange(index = 0): Promise<RecordedExchange> {
    return await this.until(`exchange ${index}`, () => this.exchanges[index]);
  }

  async untilConnectionsClosed(count: number, boundMs?: number): Promise<void> {
    await this.until(`${count} closed connections`, () => this.closedConnections >= count || undefined, boundMs);
  }

  expectDefects(): void {
    this.#expectsDefects = true;
  }

  #own(client: FrameClient): FrameClient {
    this.#cleanups.push(() => client.destroy());
    return client;
  }

  #accept(settings: Http2ServerSettings, socket: Socket): void {
    const changed = (): void => this.#conditions.changed();
    const downstream = {
      remoteAddress: ADDRESS,
      remotePort: socket.remotePort ?? 0,
      localAddress: ADDRESS,
      localPort: 0,
    };
    const connection = new Connection(socket, this.#isTls ? 'https' : 'http', downstream, settings, {
      onExchange: (exchange) => {
        const recorded = new RecordedExchange(exchange, changed);
        this.exchanges.push(recorded);
        this.#script(recorded);
        changed();
      },
      onInvalidRequest: (exchange, error) => {
        this.invalid.push(error);
        new RecordedExchange(exchange, changed).answer(RESCUES[error.code].status, 'refused');
        changed();
      },
      onProtocolError: (code) => {
        this.protocolErrors.push(code);
        changed();
      },
      onConnectionClosed: () => {
        this.closedConnections++;
        changed();
      },
      onDefect: (error) => {
        this.defects.push(error);
        changed();
      },
    });
    this.connections.push(connection);
  }

  async #close(): Promise<void> {
    for (const cleanup of this.#cleanups) cleanup();
    for (const connection of this.connections) connection.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.untilConnectionsClosed(this.connections.length);
    this.#wheel.close();
    if (!this.#expectsDefects) assert.deepEqual(this.defects, [], 'the codec met a defect in its own code');
  }
}
