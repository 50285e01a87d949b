// What a plugin finds at `req.socket`: the facts that an Exchange knows of its connection. There is no socket, so whatever needs a real
// one fails with a clear error instead of doing nothing.
import { Socket } from 'node:net';
import type { Exchange } from '../../../src/dataplane/exchange.ts';

/** A plugin asks for what the lane does not have. */
export class UnsupportedPluginError extends Error {}

/** @param onUse told before the error is thrown: a plugin may swallow that. */
export function connectionFacts(exchange: Exchange, onUse: (error: UnsupportedPluginError) => void): Socket {
  const facts = { ...exchange.downstream, encrypted: exchange.request.scheme === 'https', destroyed: false };
  const socket = new Proxy(facts, {
    get(target, name): unknown {
      if (Object.hasOwn(target, name)) return target[name as keyof typeof target];
      if (!(name in Socket.prototype) || name in Object.prototype) return undefined;
      const error = new UnsupportedPluginError(`the plugin needs a real socket: it uses req.socket.${String(name)}`);
      onUse(error);
      throw error;
    },
  });
  return socket as unknown as Socket;
}
