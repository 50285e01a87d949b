// The listening sockets of the gateway. They are bound here, in the process that lives longest, and accepted from in others: whoever
// dies there, the socket and the connections that wait in it stay.
import * as net from 'node:net';
import { getSystemErrorName } from 'node:util';

/** A socket that is bound and not accepted from; it can be sent over an IPC channel. */
export interface BoundSocket {
  readonly handle: net.Server;
  readonly port: number;
}

/** By who listens on them. */
export interface GatewaySockets {
  readonly control: ListeningSockets;
  readonly workers: ListeningSockets;
}

export function createSockets(): GatewaySockets {
  return { control: new ListeningSockets(), workers: new ListeningSockets() };
}

export class BindError extends Error {
  /** `EADDRINUSE`, `EACCES` … */
  readonly code: string;

  constructor(address: string, port: number, code: string) {
    super(`${address}:${port} can't be bound (${code})`);
    this.code = code;
  }
}

/** What libuv makes of a socket, as far as it is used here. */
interface NativeSocket {
  getsockname(name: { port?: number }): number;
  close(): void;
}

/**
 * Binds without listening, as the cluster module does. Node offers it under this name only: a net.Server that listens accepts, too, and
 * a net.BoundSocket can't be sent.
 */
type CreateServerHandle = (address: string, port: number, family: 4 | 6) => NativeSocket | number;

export class ListeningSockets {
  readonly #sockets = new Map<string, BoundSocket>();

  /** The same for the same name. @throws BindError */
  open(name: string, address: string, port: number): BoundSocket {
    const socket = this.#sockets.get(name) ?? bind(address, port);
    this.#sockets.set(name, socket);
    return socket;
  }

  /** Takes a socket over from another process. */
  add(name: string, socket: BoundSocket): void {
    this.#sockets.set(name, socket);
  }

  entries(): readonly (readonly [name: string, socket: BoundSocket])[] {
    return [...this.#sockets];
  }

  /** Closes all others. */
  retain(names: ReadonlySet<string>): void {
    for (const [name, { handle }] of this.#sockets) {
      if (names.has(name)) continue;
      this.#sockets.delete(name);
      handle.close();
    }
  }
}

function bind(address: string, port: number): BoundSocket {
  const { _createServerHandle: create } = net as unknown as { readonly _createServerHandle: CreateServerHandle };
  const family = net.isIPv6(address) ? 6 : 4;
  const created = create(address, port, family);
  if (typeof created === 'number') {
    const code = getSystemErrorName(created);
    // "All addresses" on a kernel without IPv6.
    if (address === '::' && code === 'EAFNOSUPPORT') return bind('0.0.0.0', port);
    throw new BindError(address, port, code);
  }
  const name: { port?: number } = {};
  // An address in use shows here first.
  const failure = created.getsockname(name);
  if (failure === 0) return { handle: created as unknown as net.Server, port: name.port ?? port };
  created.close();
  throw new BindError(address, port, getSystemErrorName(failure));
}
