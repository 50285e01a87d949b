// What two supervisors say to each other while one takes over from the other. They may be of different versions: these messages only
// ever grow. Sockets travel beside `socket` messages.
import type { Launch } from './launch.ts';
import type { BoundSocket, GatewaySockets } from './listening-sockets.ts';

export type SocketTransfer =
  | { readonly type: 'socket'; readonly owner: keyof GatewaySockets; readonly name: string; readonly port: number }
  | { readonly type: 'socketsEnd' };

/** From the first supervisor, which stays as the process that its starter knows, to the one that serves. */
export type ToSuccessor =
  | SocketTransfer
  | { readonly type: 'signal'; readonly signal: NodeJS.Signals }
  /** Another one serves, or does not, after `succeed`. */
  | { readonly type: 'succeeded' }
  | { readonly type: 'failed'; readonly reason: string };

export type FromSuccessor =
  | SocketTransfer
  | { readonly type: 'awaitSockets' }
  /** All its workers serve. */
  | { readonly type: 'ready' }
  /** Wants a successor of its own; its sockets follow. */
  | { readonly type: 'succeed'; readonly launch: Launch };

export type SendTransfer = (message: SocketTransfer, socket?: BoundSocket) => void;

export function sendSockets(sockets: GatewaySockets, send: SendTransfer): void {
  for (const owner of ['control', 'workers'] as const) {
    for (const [name, socket] of sockets[owner].entries())
      send({ type: 'socket', owner, name, port: socket.port }, socket);
  }
  send({ type: 'socketsEnd' });
}

/** Takes what `sendSockets` sent. */
export function addSocket(sockets: GatewaySockets, message: SocketTransfer, handle: unknown): void {
  if (message.type === 'socket')
    sockets[message.owner].add(message.name, { handle: handle as BoundSocket['handle'], port: message.port });
}
