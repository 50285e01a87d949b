// The child's side of supervision: it says that it lives, obeys the supervisor and nobody else, gets its listening sockets from it, and
// ends when the supervisor is gone.
import { rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import type { OpenMessage, SocketMessage, StartMessage } from './supervisor/supervisor-message.ts';

/** Signals that reach all processes of a group or a service; what they ask for comes from the supervisor, in order. */
const SUPERVISORS_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
const MAX_HEARTBEAT_MS = 1_000;
/** So many fit into the time after which silence means a hang. */
const HEARTBEATS_PER_HANG = 5;
const LISTEN_BACKLOG = 4_096;

export class SupervisedProcess<In extends { readonly type: string }, Out> {
  readonly #opening = new Map<number, (message: SocketMessage, handle: unknown) => void>();
  #request = 0;

  /** For the whole life of this process. Calls `onMessage` for all but sockets, `start` first. */
  constructor(onMessage: (message: In) => void) {
    let socketPath = '';
    for (const signal of SUPERVISORS_SIGNALS) process.on(signal, () => {});
    process.on('disconnect', () => {
      // Whoever is last leaves nothing behind.
      if (socketPath !== '') rmSync(dirname(socketPath), { recursive: true, force: true });
      process.exit(1);
    });
    process.on('message', (message: In | SocketMessage | StartMessage, handle: unknown) => {
      if (message.type === 'socket') {
        const socket = message as SocketMessage;
        this.#opening.get(socket.request)?.(socket, handle);
        return;
      }
      if (message.type === 'start') {
        const start = message as StartMessage;
        ({ socketPath } = start);
        process.title = `sluice ${start.id}`;
        this.#startHeartbeat(start.config.hangTimeoutMs);
      }
      onMessage(message as In);
    });
  }

  send(message: Out | OpenMessage): void {
    // It fails where the supervisor is gone; 'disconnect' tells.
    process.send?.(message, undefined, undefined, () => {});
  }

  /** Returns the port. @throws Error with the `code` of what keeps the supervisor from binding the address. */
  async listen(server: Server, address: string, port: number): Promise<number> {
    const request = ++this.#request;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#opening.set(request, (message, handle) => {
      const { code } = message;
      if (code !== undefined) {
        reject(Object.assign(new Error(`${address}:${port} can't be bound (${code})`), { code }));
        return;
      }
      server.once('error', reject);
      server.listen(handle, LISTEN_BACKLOG, () => {
        server.off('error', reject);
        resolve(message.port);
      });
    });
    this.send({ type: 'open', request, address, port });
    try {
      return await promise;
    } finally {
      this.#opening.delete(request);
    }
  }

  #startHeartbeat(hangTimeoutMs: number): void {
    const send = (): boolean | undefined => process.send?.({ type: 'alive' }, undefined, undefined, () => {});
    if (hangTimeoutMs === 0) return;
    setInterval(send, Math.min(MAX_HEARTBEAT_MS, hangTimeoutMs / HEARTBEATS_PER_HANG));
  }
}
