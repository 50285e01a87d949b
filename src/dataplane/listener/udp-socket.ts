// One listening address for datagrams and the sessions of its clients. A wildcard address is every local address of the moment of
// binding, each by a socket of its own, so that a reply comes from the address that was asked; one that is added later is not heard.
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { TimerWheel } from '../../lib/timeout-queue.ts';
import type { DatagramDrop, Metrics } from '../../observability/metric-names.ts';
import { bindAddressCells, releaseCells } from '../../observability/traffic-cells.ts';
import type { AddressCells } from '../../observability/traffic-cells.ts';
import { literalLookup, MAX_QUEUED_BYTES, UdpSession } from '../forward/udp-session.ts';
import type { UdpClient, UdpEndpoint, UdpSessionOwner } from '../forward/udp-session.ts';
import type { StreamTarget } from '../runtime/runtime-stream-route.ts';
import type { RuntimeListener, RuntimeSnapshot } from '../runtime/snapshot.ts';
import type { BoundListener } from './bound-listener.ts';

/** What one snapshot says of the datagrams of one listener. */
export interface DatagramRouting {
  /** For a client that is new. */
  select(): StreamTarget<UdpEndpoint>;
  /** Whether a session with this endpoint of the cluster may go on. */
  has(cluster: string, endpoint: string): boolean;
}

export interface UdpSocketOptions {
  readonly bindAddress: string;
  readonly bindPort: number;
  readonly metrics: Metrics;
  readonly wheel: TimerWheel;
  /** Sessions; beyond it the one whose client was silent the longest ends. */
  readonly maxSessions: number;
  /** Of sessions, without a datagram in either direction. */
  readonly idleMs: number;
  /** Undefined where no virtual host is for datagrams. */
  readonly routing: (snapshot: RuntimeSnapshot, listener: RuntimeListener) => DatagramRouting | undefined;
  readonly onSessionDone: (session: UdpSession) => void;
  readonly onDefect: (error: unknown) => void;
}

const WILDCARDS: ReadonlySet<string> = new Set(['::', '0.0.0.0']);

/** Several addresses are to have one port: how often another is tried where the kernel chooses it. */
const MAX_PORT_TRIES = 8;

/** In the kernel, so that bursts outlast a busy event loop; it may grant less. */
const RECEIVE_BUFFER_BYTES: number = 1024 * 1024;

/** Of sessions while draining: who is silent for so long is taken to be done. */
const DRAIN_IDLE_MS = 5_000;

export class UdpSocket implements BoundListener, UdpSessionOwner {
  current: { readonly snapshot: RuntimeSnapshot; readonly listener: RuntimeListener };
  readonly #options: UdpSocketOptions;
  readonly #cells: AddressCells;
  #routing: DatagramRouting | undefined;
  #sockets: readonly Socket[] = [];
  /** By UdpClient.key; whose client was silent the longest comes first. */
  readonly #sessions = new Map<string, UdpSession>();
  #onEmpty: (() => void) | undefined = undefined;
  #isDraining = false;
  #isClosed = false;

  constructor(snapshot: RuntimeSnapshot, listener: RuntimeListener, options: UdpSocketOptions) {
    this.current = { snapshot, listener };
    this.#options = options;
    this.#routing = options.routing(snapshot, listener);
    const { bindAddress, bindPort } = options;
    this.#cells = bindAddressCells(
      options.metrics,
      bindAddress.includes(':') ? `[${bindAddress}]:${bindPort}/udp` : `${bindAddress}:${bindPort}/udp`,
    );
  }

  get port(): number {
    return this.#sockets[0]?.address().port ?? 0;
  }

  readonly connectionCount = 0;

  get sessionCount(): number {
    return this.#sessions.size;
  }

  async listen(): Promise<void> {
    const { bindAddress, bindPort } = this.#options;
    const addresses = localAddresses(bindAddress);
    for (let tries = 1; ; tries++) {
      try {
        this.#sockets = await bindAll(addresses, bindPort);
        break;
      } catch (error) {
        const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (!isTaken || bindPort !== 0 || tries === MAX_PORT_TRIES) throw error;
      }
    }
    for (const [index, socket] of this.#sockets.entries()) {
      // An error of one datagram that was sent, or of receiving one.
      socket.on('error', this.#options.onDefect);
      socket.on('message', (data, from) => this.#onDatagram(socket, index, data, from));
    }
  }

  /** Sessions whose endpoint is still configured go on; clients that are new follow the new configuration. */
  swap(snapshot: RuntimeSnapshot, listener: RuntimeListener): void {
    this.current = { snapshot, listener };
    const routing = this.#options.routing(snapshot, listener);
    this.#routing = routing;
    // Many sessions, few endpoints.
    const verdicts = new Map<string, boolean>();
    for (const session of this.#sessions.values()) {
      const { cluster = '' } = session.target;
      const name = `${cluster} ${session.endpoint}`;
      const goesOn = verdicts.get(name) ?? routing?.has(cluster, session.endpoint) === true;
      verdicts.set(name, goesOn);
      if (!goesOn) session.end();
    }
  }

  /** Nobody else has this socket. */
  stopAccepting(): void {}

  closeIdle(): void {}

  async drain(): Promise<void> {
    this.#isDraining = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const { wheel, idleMs } = this.#options;
    const idle = wheel.queue(idleMs === 0 ? DRAIN_IDLE_MS : Math.min(idleMs, DRAIN_IDLE_MS));
    for (const session of this.#sessions.values()) session.setIdle(idle);
    if (this.#sessions.size === 0) resolve();
    await promise;
    this.#close();
  }

  destroy(): void {
    for (const session of this.#sessions.values()) session.end('drain_expired');
    this.#close();
  }

  onSessionDone(session: UdpSession): void {
    this.#sessions.delete(session.client.key);
    this.#cells.activeConnections.dec();
    try {
      this.#options.onSessionDone(session);
    } catch (error) {
      this.onDefect(error);
    }
    if (this.#sessions.size === 0) this.#onEmpty?.();
  }

  onDefect(error: unknown): void {
    this.#options.onDefect(error);
  }

  #onDatagram(socket: Socket, index: number, data: Buffer, from: RemoteInfo): void {
    try {
      const key = `${index} ${from.port} ${from.address}`;
      const session = this.#sessions.get(key) ?? this.#open(key, socket, from);
      if (session === undefined) return;
      // Moves to the end.
      this.#sessions.delete(key);
      this.#sessions.set(key, session);
      session.forward(data);
    } catch (error) {
      this.onDefect(error);
    }
  }

  /** Undefined where there is nobody to send to: the datagram is dropped. */
  #open(key: string, socket: Socket, { address, port }: RemoteInfo): UdpSession | undefined {
    const target = this.#routing?.select();
    if (target === undefined) return undefined;
    const { endpoints, cells } = target;
    const endpoint = typeof endpoints === 'string' ? undefined : endpoints.select();
    if (endpoint === undefined || this.#isDraining) {
      const reason = typeof endpoints === 'string' ? endpoints : 'no_healthy_upstream';
      cells.droppedDatagrams.inc(this.#isDraining ? 'draining' : (reason as DatagramDrop));
      return undefined;
    }
    const { maxSessions, wheel, idleMs } = this.#options;
    if (this.#sessions.size >= maxSessions) this.#forgetOldest();
    const reply = (data: Buffer): void => {
      const isFull = socket.getSendQueueSize() > MAX_QUEUED_BYTES;
      if (isFull) cells.droppedDatagrams.inc('queue_full');
      else socket.send(data, port, address, onReplied);
    };
    const onReplied = (error: Error | null): void => {
      if (error !== null) cells.droppedDatagrams.inc('send_failed');
    };
    const client: UdpClient = { key, protocol: 'UDP', remoteAddress: address, reply };
    const session = new UdpSession(client, target, endpoint, wheel.queue(idleMs), this);
    this.#sessions.set(key, session);
    this.#cells.connections.inc();
    this.#cells.activeConnections.inc();
    session.start();
    return this.#sessions.get(key);
  }

  #forgetOldest(): void {
    for (const session of this.#sessions.values()) {
      this.#cells.connectionOverflows.inc();
      session.end('upstream_overflow');
      return;
    }
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.close();
    releaseCells(this.#cells);
  }
}

function localAddresses(bindAddress: string): readonly string[] {
  if (!WILDCARDS.has(bindAddress)) return [bindAddress];
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, entries = []]) =>
    entries
      .filter(({ family }) => bindAddress === '::' || family === 'IPv4')
      // An IPv6 address of one link means nothing without it.
      .map(({ address, scopeid }) => (scopeid === undefined || scopeid === 0 ? address : `${address}%${name}`)),
  );
  return [...new Set(addresses)];
}

/** @throws where one of them can't be bound; then none is. One that went away in the meantime is left out. */
async function bindAll(addresses: readonly string[], bindPort: number): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  try {
    for (const address of addresses) {
      const port = sockets[0]?.address().port ?? bindPort;
      const socket = await bind(address, port).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRNOTAVAIL' && addresses.length > 1) return undefined;
        throw error;
      });
      if (socket !== undefined) sockets.push(socket);
    }
    return sockets;
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

async function bind(address: string, port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    ipv6Only: isIPv6(address),
    lookup: literalLookup,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
  });
  socket.once('error', reject).once('listening', resolve);
  try {
    socket.bind({ address, port, exclusive: true });
    await promise;
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    socket.off('error', reject);
  }
}
