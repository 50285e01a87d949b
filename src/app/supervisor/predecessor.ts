// A supervisor's end of the channel to the one that it came after: gets the sockets from it, obeys the signals that it passes on, and
// asks it for a successor in turn.
import type { Launch } from './launch.ts';
import { createSockets } from './listening-sockets.ts';
import type { GatewaySockets } from './listening-sockets.ts';
import { addSocket, sendSockets } from './succession-message.ts';
import type { FromSuccessor, ToSuccessor } from './succession-message.ts';

export class Predecessor {
  readonly #sockets = Promise.withResolvers<GatewaySockets>();
  #succession: PromiseWithResolvers<void> | undefined = undefined;

  constructor(onSignal: (signal: NodeJS.Signals) => void, onGone: () => void) {
    const sockets = createSockets();
    process.on('disconnect', onGone);
    process.on('message', (message: ToSuccessor, handle: unknown) => {
      switch (message.type) {
        case 'socket':
          addSocket(sockets, message, handle);
          break;
        case 'socketsEnd':
          this.#sockets.resolve(sockets);
          break;
        case 'signal':
          onSignal(message.signal);
          break;
        case 'succeeded':
          this.#succession?.resolve();
          break;
        case 'failed':
          this.#succession?.reject(new Error(message.reason));
          break;
      }
    });
  }

  async sockets(): Promise<GatewaySockets> {
    post({ type: 'awaitSockets' });
    return await this.#sockets.promise;
  }

  tellReady(): void {
    post({ type: 'ready' });
  }

  /** Resolves when another one serves on these sockets. @throws Error where it does not come so far. */
  async startSuccessor(launch: Launch, sockets: GatewaySockets): Promise<void> {
    this.#succession = Promise.withResolvers();
    post({ type: 'succeed', launch });
    sendSockets(sockets, (message, socket) => process.send?.(message, socket?.handle, {}, () => {}));
    await this.#succession.promise;
  }
}

function post(message: FromSuccessor): void {
  process.send?.(message, undefined, {}, () => {});
}
