// A UdpSocket with endpoints, a routing and a clock that tests have in hand, and the datagram sockets around it.
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { UdpEndpoint, UdpSession } from '../../../src/dataplane/forward/udp-session.ts';
import type * as udpSocketModule from '../../../src/dataplane/listener/udp-socket.ts';
import type { DatagramRouting, UdpSocket, UdpSocketOptions } from '../../../src/dataplane/listener/udp-socket.ts';
import type { ProxyErrorCode } from '../../../src/dataplane/proxy-error.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../../../src/dataplane/runtime/snapshot.ts';
import type * as timeoutQueueModule from '../../../src/lib/timeout-queue.ts';
import type { TimerWheel } from '../../../src/lib/timeout-queue.ts';
import type * as metricNamesModule from '../../../src/observability/metric-names.ts';
import type { DatagramDrop, Metrics } from '../../../src/observability/metric-names.ts';
import type * as trafficCellsModule from '../../../src/observability/traffic-cells.ts';
import type { SessionCells } from '../../../src/observability/traffic-cells.ts';
import { Conditions } from '../../harness/deadline.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { loadSource } from '../../harness/source.ts';
import type { TestBed } from '../../harness/test-bed.ts';
import { inTurn } from './stream-gateway.ts';

const { UdpSocket: BoundSocket } = await loadSource<typeof udpSocketModule>('dataplane/listener/udp-socket.ts');
const { TimerWheel: Wheel } = await loadSource<typeof timeoutQueueModule>('lib/timeout-queue.ts');
const { Metrics: AllMetrics } = await loadSource<typeof metricNamesModule>('observability/metric-names.ts');
const { bindSessionCells } = await loadSource<typeof trafficCellsModule>('observability/traffic-cells.ts');

export const UDP_IDLE_MS = 60_000;

export type UdpSetup = Partial<Pick<UdpSocketOptions, 'bindAddress' | 'maxSessions' | 'onSessionDone'>>;

export class UdpGateway {
  readonly metrics: Metrics = new AllMetrics();
  readonly cells: SessionCells = bindSessionCells(this.metrics, 'test/gateway/udp', 'test/route');
  readonly defects: unknown[] = [];
  readonly connectFailures: string[] = [];
  readonly finished: UdpSession[] = [];
  readonly socket: UdpSocket;
  readonly #conditions = new Conditions();
  readonly #wheel: TimerWheel;
  #routing: DatagramRouting;
  #nowMs = 0;

  private constructor(endpoints: readonly UdpEndpoint[] | ProxyErrorCode, setup: UdpSetup) {
    this.#wheel = new Wheel(
      (error) => this.defects.push(error),
      () => this.#nowMs,
    );
    this.#routing = this.#routingTo(endpoints);
    this.socket = new BoundSocket({} as RuntimeSnapshot, {} as RuntimeListener, {
      bindAddress: ADDRESS,
      bindPort: 0,
      metrics: this.metrics,
      wheel: this.#wheel,
      maxSessions: 10_000,
      idleMs: UDP_IDLE_MS,
      routing: () => this.#routing,
      onDefect: (error) => this.defects.push(error),
      ...setup,
      onSessionDone: (session) => {
        this.finished.push(session);
        this.#conditions.changed();
        setup.onSessionDone?.(session);
      },
    });
  }

  /** @param endpoints ports on the loopback address, or where datagrams go instead */
  static async open(
    bed: TestBed,
    endpoints: readonly (number | UdpEndpoint)[] | ProxyErrorCode,
    setup: UdpSetup = {},
  ): Promise<UdpGateway> {
    const gateway = new UdpGateway([], setup);
    gateway.route(endpoints);
    await gateway.socket.listen();
    bed.atEnd(() => {
      gateway.socket.destroy();
      gateway.#wheel.close();
    });
    return gateway;
  }

  /** The configuration changes. */
  route(endpoints: readonly (number | UdpEndpoint)[] | ProxyErrorCode): void {
    const made =
      typeof endpoints === 'string'
        ? endpoints
        : endpoints.map((each) => (typeof each === 'number' ? this.#endpoint(ADDRESS, each) : each));
    this.#routing = this.#routingTo(made);
    this.socket.swap({} as RuntimeSnapshot, {} as RuntimeListener);
  }

  endpoint(address: string, port: number): UdpEndpoint {
    return this.#endpoint(address, port);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    this.#wheel.tick();
  }

  async untilFinished(count: number): Promise<void> {
    await this.#conditions.until(`${count} sessions end`, () => this.finished.length >= count || undefined);
  }

  /** Nothing tells of a datagram that goes nowhere but its count. */
  async untilDropped(reason: DatagramDrop, count: number): Promise<void> {
    const interval = setInterval(() => this.#conditions.changed(), 1);
    try {
      await this.#conditions.until(
        `${count} datagrams are dropped`,
        () => this.cells.droppedDatagrams.value(reason) === count || undefined,
      );
    } finally {
      clearInterval(interval);
    }
  }

  #endpoint(address: string, port: number): UdpEndpoint {
    const onConnectFailed = (reason: string): void => void this.connectFailures.push(reason);
    return { name: `${address}:${port}`, address, port, onConnectFailed };
  }

  #routingTo(endpoints: readonly UdpEndpoint[] | ProxyErrorCode): DatagramRouting {
    const names = new Set(typeof endpoints === 'string' ? [] : endpoints.map(({ name }) => name));
    const choice = typeof endpoints === 'string' ? endpoints : inTurn(endpoints);
    return {
      select: () => ({
        listener: 'test/gateway/udp',
        route: 'test/route',
        backend: 'test/backend',
        cluster: 'cluster/a',
        cells: this.cells,
        endpoints: choice,
      }),
      has: (_cluster, endpoint) => names.has(endpoint),
    };
  }
}

export interface Datagram {
  readonly data: Buffer;
  readonly from: RemoteInfo;
}

/** Hears and says datagrams. */
export class UdpPeer {
  readonly socket: Socket;
  readonly received: Datagram[] = [];
  readonly #conditions = new Conditions();

  private constructor(address: string) {
    this.socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 * 1024 });
    this.socket.on('error', () => {});
    this.socket.on('message', (data, from) => {
      this.received.push({ data, from });
      this.#conditions.changed();
    });
  }

  static async open(bed: TestBed, address: string = ADDRESS, port = 0): Promise<UdpPeer> {
    const peer = new UdpPeer(address);
    peer.socket.bind(port, address);
    await once(peer.socket, 'listening');
    bed.atEnd(() => peer.close());
    return peer;
  }

  /** Says back what it hears, after its name. */
  static async echo(bed: TestBed, name = '', address?: string): Promise<UdpPeer> {
    const peer = await UdpPeer.open(bed, address);
    peer.socket.on('message', (data, { port, address: to }) =>
      peer.socket.send(Buffer.concat([Buffer.from(name), data]), port, to),
    );
    return peer;
  }

  get port(): number {
    return this.socket.address().port;
  }

  send(data: string | Buffer, to: UdpGateway | { readonly port: number; readonly address: string }): this {
    if (to instanceof UdpGateway) this.socket.send(data, to.socket.port, ADDRESS);
    else this.socket.send(data, to.port, to.address);
    return this;
  }

  /** The next datagram: each is given out once. */
  async next(): Promise<Datagram> {
    return await this.#conditions.until('a datagram', () => this.received.shift());
  }

  async nextText(): Promise<string> {
    return (await this.next()).data.toString();
  }

  close(): void {
    try {
      this.socket.close();
    } catch {
      // It was closed by the test.
    }
  }
}
