// Accepts connections and hands each to a TcpSession, as a listener does, with endpoints and a clock that tests have in hand.
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type * as dialerModule from '../../../src/dataplane/cluster/pool/dialer.ts';
import type { DialerTls } from '../../../src/dataplane/cluster/pool/dialer.ts';
import type * as tcpSessionModule from '../../../src/dataplane/forward/tcp-session.ts';
import type { TcpEndpoint, TcpSession } from '../../../src/dataplane/forward/tcp-session.ts';
import type * as reopenedSocketModule from '../../../src/dataplane/listener/reopened-socket.ts';
import type { ClientSocket } from '../../../src/dataplane/listener/reopened-socket.ts';
import type { ProxyErrorCode } from '../../../src/dataplane/proxy-error.ts';
import type { EndpointChoice, StreamTarget } from '../../../src/dataplane/runtime/runtime-stream-route.ts';
import type * as timeoutQueueModule from '../../../src/lib/timeout-queue.ts';
import type { TimerWheel } from '../../../src/lib/timeout-queue.ts';
import type * as metricNamesModule from '../../../src/observability/metric-names.ts';
import type { Metrics } from '../../../src/observability/metric-names.ts';
import type * as trafficCellsModule from '../../../src/observability/traffic-cells.ts';
import type { SessionCells } from '../../../src/observability/traffic-cells.ts';
import { Conditions } from '../../harness/deadline.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { loadSource } from '../../harness/source.ts';
import type { TestBed } from '../../harness/test-bed.ts';

const { TcpSession: Session } = await loadSource<typeof tcpSessionModule>('dataplane/forward/tcp-session.ts');
const { reopen } = await loadSource<typeof reopenedSocketModule>('dataplane/listener/reopened-socket.ts');
const { Dialer } = await loadSource<typeof dialerModule>('dataplane/cluster/pool/dialer.ts');
const { TimerWheel: Wheel } = await loadSource<typeof timeoutQueueModule>('lib/timeout-queue.ts');
const { Metrics: AllMetrics } = await loadSource<typeof metricNamesModule>('observability/metric-names.ts');
const { bindSessionCells } = await loadSource<typeof trafficCellsModule>('observability/traffic-cells.ts');

export const CONNECT_TIMEOUT_MS = 5_000;
export const IDLE_MS = 3_600_000;
export const STALL_MS = 300_000;

export interface StreamSetup {
  /** Ports that are tried in this order, again and again. */
  readonly ports?: readonly number[];
  /** Instead of ports. */
  readonly endpoints?: (gateway: StreamGateway) => EndpointChoice<TcpEndpoint> | ProxyErrorCode;
  /** To the endpoints. */
  readonly tls?: DialerTls;
  readonly preamble?: Buffer;
  /** What happens to a connection before it becomes a session. */
  readonly prepare?: (socket: Socket) => Promise<Socket>;
  readonly onSessionDone?: () => void;
}

export class StreamGateway {
  readonly wheel: TimerWheel;
  readonly metrics: Metrics = new AllMetrics();
  readonly cells: SessionCells = bindSessionCells(this.metrics, 'test/gateway/tcp', 'test/route');
  readonly defects: unknown[] = [];
  /** By the endpoints, since the start. */
  readonly connectFailures: string[] = [];
  readonly sessions: TcpSession[] = [];
  readonly downstreams: Socket[] = [];
  readonly upstreams: Socket[] = [];
  readonly #setup: StreamSetup;
  readonly #conditions = new Conditions();
  readonly #finished: TcpSession[] = [];
  #nowMs = 0;
  #port = 0;

  private constructor(setup: StreamSetup) {
    this.#setup = setup;
    this.wheel = new Wheel(
      (error) => this.defects.push(error),
      () => this.#nowMs,
    );
  }

  static async open(bed: TestBed, setup: StreamSetup): Promise<StreamGateway> {
    const gateway = new StreamGateway(setup);
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => void gateway.#serve(socket));
    await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
    gateway.#port = (server.address() as AddressInfo).port;
    bed.atEnd(async () => {
      for (const session of gateway.sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
      gateway.wheel.close();
    });
    return gateway;
  }

  get address(): { readonly address: string; readonly port: number } {
    return { address: ADDRESS, port: this.#port };
  }

  /** A client that leaves its side open when the other ends; it may have been reset already. */
  async connect(): Promise<Socket> {
    const socket = connect({ host: ADDRESS, port: this.#port, allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => socket.once('connect', resolve).on('error', () => resolve()));
    return socket;
  }

  /** The next session that ended: each is given out once. */
  async finished(): Promise<TcpSession> {
    return await this.#conditions.until('a session ends', () => this.#finished.shift());
  }

  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    const interval = setInterval(() => this.#conditions.changed(), 2);
    try {
      return await this.#conditions.until(what, probe);
    } finally {
      clearInterval(interval);
    }
  }

  /** Lets time pass for timeouts. */
  pass(ms: number): void {
    this.#nowMs += ms;
    this.wheel.tick();
  }

  endpoint(port: number): TcpEndpoint {
    const dialer = new Dialer(ADDRESS, port, this.#setup.tls);
    return {
      name: `${ADDRESS}:${port}`,
      connectTimeout: this.wheel.queue(CONNECT_TIMEOUT_MS),
      connect: (preamble, onread) => {
        const socket = dialer.dialStream(preamble, onread);
        this.upstreams.push(socket);
        return socket;
      },
      onConnectFailed: (reason) => this.connectFailures.push(reason),
    };
  }

  /** One that connects as the test says. */
  faulty(connectTo: TcpEndpoint['connect'], onConnectFailed?: TcpEndpoint['onConnectFailed']): TcpEndpoint {
    return {
      name: 'faulty',
      connectTimeout: this.wheel.queue(CONNECT_TIMEOUT_MS),
      connect: connectTo,
      onConnectFailed: onConnectFailed ?? ((reason) => this.connectFailures.push(reason)),
    };
  }

  async #serve(accepted: Socket): Promise<void> {
    const { prepare, preamble, endpoints, ports = [] } = this.#setup;
    const { socket, reader }: ClientSocket =
      prepare === undefined ? reopen(accepted) : { socket: await prepare(accepted) };
    this.downstreams.push(socket);
    const target: StreamTarget<TcpEndpoint> = {
      listener: 'test/gateway/tcp',
      route: 'test/route',
      backend: 'test/backend',
      cluster: 'cluster/a',
      cells: this.cells,
      endpoints: endpoints?.(this) ?? inTurn(ports.map((port) => this.endpoint(port))),
    };
    const session = new Session({ socket, reader, protocol: 'TCP', remoteAddress: ADDRESS, preamble }, target, {
      timeouts: { idle: this.wheel.queue(IDLE_MS), stall: this.wheel.queue(STALL_MS) },
      onSessionDone: (done) => {
        this.#finished.push(done);
        this.#conditions.changed();
        this.#setup.onSessionDone?.();
      },
      onDefect: (error) => this.defects.push(error),
    });
    this.sessions.push(session);
    session.start();
    this.#conditions.changed();
  }
}

/** As a cluster does it: round robin, and after a failure the next. */
export function inTurn<E>(endpoints: readonly E[]): EndpointChoice<E> {
  let next = 0;
  return {
    select(failed) {
      if (failed !== undefined) return endpoints[(endpoints.indexOf(failed) + 1) % endpoints.length];
      return endpoints[next++ % endpoints.length];
    },
  };
}

/** All that a socket reads until its end. @throws where it is reset */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** How the other side ended: by a reset, or in order. */
export function ending(socket: Socket): Promise<'reset' | 'end'> {
  const conditions = new Conditions();
  socket.resume();
  socket.once('error', () => conditions.changed());
  socket.once('end', () => conditions.changed());
  return conditions.until('the other side ends', () => {
    if (socket.errored !== null)
      return (socket.errored as NodeJS.ErrnoException).code === 'ECONNRESET' ? 'reset' : undefined;
    return socket.readableEnded ? 'end' : undefined;
  });
}
