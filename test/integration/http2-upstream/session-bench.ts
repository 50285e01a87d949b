// The client side of the HTTP/2 codec by itself: one session to an upstream of frames, and handlers that record what they are told and
// pause when the test says so.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type * as sessionModule from '../../../src/dataplane/codec/http2/client-session.ts';
import type { Http2ClientSession } from '../../../src/dataplane/codec/http2/client-session.ts';
import type { Http2ClientStream } from '../../../src/dataplane/codec/http2/client-stream.ts';
import type * as memoryModule from '../../../src/dataplane/codec/http2/session-memory.ts';
import type * as readerModule from '../../../src/dataplane/codec/socket-reader.ts';
import type { BodyLength, ResponseHead } from '../../../src/dataplane/exchange.ts';
import type * as headerListModule from '../../../src/dataplane/header-list.ts';
import type { HeaderList } from '../../../src/dataplane/header-list.ts';
import type { ProxyError } from '../../../src/dataplane/proxy-error.ts';
import type { UpstreamHandler } from '../../../src/dataplane/upstream-stream.ts';
import type * as timeoutModule from '../../../src/lib/timeout-queue.ts';
import type { Conditions } from '../../harness/deadline.ts';
import { loadSource } from '../../harness/source.ts';
import type { TestBed } from '../../harness/test-bed.ts';
import { FrameUpstream } from './frame-upstream.ts';
import type { FrameConnection, FrameScript } from './frame-upstream.ts';

const { Http2ClientSession: Session } = await loadSource<typeof sessionModule>(
  'dataplane/codec/http2/client-session.ts',
);
const { SessionMemory } = await loadSource<typeof memoryModule>('dataplane/codec/http2/session-memory.ts');
const { SocketReader } = await loadSource<typeof readerModule>('dataplane/codec/socket-reader.ts');
const { HeaderList: Headers } = await loadSource<typeof headerListModule>('dataplane/header-list.ts');
const { TimerWheel } = await loadSource<typeof timeoutModule>('lib/timeout-queue.ts');

const ADDRESS = '127.0.0.1';

export interface Asked {
  readonly method?: string;
  readonly length?: BodyLength;
  readonly upgrade?: string;
  /** Reads nothing of the answer before `stream.resumeResponse()`. */
  readonly isPaused?: boolean;
}

export class RecordedAnswer implements UpstreamHandler {
  readonly stream: Http2ClientStream;
  readonly holdsChunks = true;
  readonly chunks: Buffer[] = [];
  status = 0;
  ends = 0;
  drains = 0;
  readonly errors: ProxyError[] = [];
  /** Pauses again after each piece. */
  pausesAlways = false;
  readonly #changed: () => void;

  constructor(stream: Http2ClientStream, changed: () => void) {
    this.stream = stream;
    this.#changed = changed;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  onInformational(): void {}

  onResponse({ status }: ResponseHead): void {
    this.status = status;
    this.#changed();
  }

  onResponseData(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk));
    if (this.pausesAlways) this.stream.pauseResponse();
    this.#changed();
  }

  onResponseFlush(): void {}

  onResponseEnd(_trailers: HeaderList | undefined): void {
    this.ends++;
    this.#changed();
  }

  onUpstreamError(error: ProxyError): void {
    this.errors.push(error);
    this.#changed();
  }

  onUpstreamDrain(): void {
    this.drains++;
    this.#changed();
  }
}

export class SessionBench {
  readonly session: Http2ClientSession;
  readonly connection: FrameConnection;
  readonly socket: Socket;
  readonly defects: unknown[] = [];
  readonly #conditions: Conditions;

  private constructor(
    session: Http2ClientSession,
    connection: FrameConnection,
    socket: Socket,
    conditions: Conditions,
    defects: unknown[],
  ) {
    this.session = session;
    this.connection = connection;
    this.socket = socket;
    this.defects = defects;
    this.#conditions = conditions;
  }

  /** A session that is ready. */
  static async start(bed: TestBed, script: FrameScript = {}): Promise<SessionBench> {
    const upstream = await FrameUpstream.listen(bed, script);
    const { conditions } = upstream;
    const reader = new SocketReader();
    const socket = connect({
      host: ADDRESS,
      port: upstream.port,
      onread: reader.onread,
      noDelay: true,
      allowHalfOpen: true,
    });
    bed.atEnd(() => void socket.destroy());
    const wheel = new TimerWheel((error) => defects.push(error));
    bed.atEnd(() => wheel.close());
    const defects: unknown[] = [];
    const changed = (): void => conditions.changed();
    const queue = wheel.queue(10_000);
    const timeouts = { connect: queue, writeStall: queue, idle: queue };
    let isReady = false;
    await new Promise((resolve) => socket.once('connect', resolve));
    const session = new Session(socket, reader, 'http', 100, timeouts, new SessionMemory(), {
      onReady: () => {
        isReady = true;
        changed();
      },
      onStreamClosed: changed,
      onRoom: changed,
      onDraining: changed,
      onSessionClosed: changed,
      onDefect: (error) => {
        defects.push(error);
        changed();
      },
    });
    await conditions.until('the session is ready', () => isReady || undefined);
    return new SessionBench(session, await upstream.connection(0), socket, conditions, defects);
  }

  /** Sends the head of a request. */
  ask({ method = 'GET', length = 0, upgrade, isPaused = false }: Asked = {}): RecordedAnswer {
    const stream = this.session.open();
    const answer = new RecordedAnswer(stream, () => this.#conditions.changed());
    const request = {
      method,
      path: '/',
      query: undefined,
      scheme: 'http' as const,
      authority: 'example.com',
      host: 'example.com',
      headers: new Headers([]),
    };
    stream.send(request, length, { upgrade, expectsContinue: false, acceptsTrailers: true }, answer);
    if (isPaused) stream.pauseResponse();
    return answer;
  }

  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return await this.#conditions.until(what, probe);
  }

  /** All that the upstream has sent so far was read. */
  async roundTrip(): Promise<void> {
    const pongs = (): number => this.connection.frames.filter(({ type, flags }) => type === 6 && flags === 1).length;
    const before = pongs();
    this.connection.send(Buffer.from('0000080600000000000000000000000000', 'hex'));
    await this.until('PING comes back', () => pongs() > before || this.connection.isClosed || undefined);
  }
}
