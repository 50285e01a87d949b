// An accepted connection on a socket that reads into a buffer which is used again. Node has the option for that (`onread`) only for sockets
// that connect. `_handle` and `handle`, which give it to an accepted one, are not documented (docs/adr/0014-read-buffers.md): where they are
// missing, the connection stays on the socket that it was accepted on.
import { Socket } from 'node:net';
import type { OnReadOpts } from 'node:net';
import { SocketReader } from '../codec/socket-reader.ts';

/** A client's connection as it is handed on. */
export interface ClientSocket {
  readonly socket: Socket;
  /** What the socket reads with; undefined: it emits `data`. */
  readonly reader?: SocketReader | undefined;
  /** What was read already and is for the reader's receiver. */
  readonly early?: Buffer | undefined;
}

/** Of a net.Socket: `null` when it is destroyed. */
interface HandleOwner {
  _handle?: { readonly useUserBuffer?: unknown } | null;
}

/** A socket on a handle, as `handle` in place of the documented options makes one. */
const HandleSocket = Socket as unknown as new (options: HandleOptions) => Socket;

interface HandleOptions {
  readonly handle: object;
  readonly onread: OnReadOpts;
  readonly allowHalfOpen: boolean;
  /** Leaves it to `resume` to read. */
  readonly manualStart: boolean;
}

/**
 * @param accepted half-open allowed; nobody listens to it any more, nothing is left in it, and it has not ended. It must not be used
 *   afterwards.
 * @param early what was read of it.
 */
export function reopen(accepted: Socket, early?: Buffer): ClientSocket {
  const shell: HandleOwner = accepted as HandleOwner;
  const handle = shell._handle;
  if (typeof handle?.useUserBuffer === 'function') {
    const reader = new SocketReader();
    shell._handle = null;
    const socket = new HandleSocket({ handle, onread: reader.onread, allowHalfOpen: true, manualStart: true });
    if ((socket as HandleOwner)._handle === handle) {
      // It has nothing to close any more, and its server forgets it.
      accepted.destroy();
      return { socket, reader, early };
    }
    shell._handle = handle;
  }
  if (early !== undefined) accepted.unshift(early);
  return { socket: accepted };
}
