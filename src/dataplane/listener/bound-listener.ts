// What the engine knows of a listening socket, whatever its protocol.
import type { RuntimeListener, RuntimeSnapshot } from '../runtime/snapshot.ts';

export interface BoundListener {
  readonly current: { readonly snapshot: RuntimeSnapshot; readonly listener: RuntimeListener };
  /** Open connections; datagrams have none. */
  readonly connectionCount: number;
  /** The port that was bound, also where the kernel chose it. */
  readonly port: number;
  /** @throws Error with `code` EADDRINUSE, EACCES, EADDRNOTAVAIL … */
  listen(): Promise<void>;
  /** Leaves what is new to others who have the same socket. */
  stopAccepting(): void;
  /** Closes what closes without a loss. */
  closeIdle(): void;
  swap(snapshot: RuntimeSnapshot, listener: RuntimeListener): void;
  /** Takes nothing new; ends when what it carries is done. */
  drain(): Promise<void>;
  /** Cuts everything. */
  destroy(): void;
}
