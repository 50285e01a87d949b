// The server that Fastify is built on: it has no port and no connections. A plugin that wants its events would wait for ever, so asking
// for one fails, and with it the load.
import { UnsupportedPluginError } from './connection-facts.ts';

/** Fastify itself listens to it, for connections that bring no HTTP. */
const FASTIFYS_OWN = 'clientError';

export class PluginServer {
  readonly #onUse: (error: UnsupportedPluginError) => void;

  /** @param onUse told what a plugin asks for; throwing that into a plugin that takes a callback would end the process. */
  constructor(onUse: (error: UnsupportedPluginError) => void) {
    this.#onUse = onUse;
  }

  on(event: string): this {
    if (event !== FASTIFYS_OWN)
      this.#onUse(new UnsupportedPluginError(`the plugin needs a real server: it listens to its event '${event}'`));
    return this;
  }

  once(event: string): this {
    return this.on(event);
  }

  addListener(event: string): this {
    return this.on(event);
  }

  prependListener(event: string): this {
    return this.on(event);
  }

  listen(): this {
    this.#onUse(new UnsupportedPluginError('the plugin opens a port of its own'));
    return this;
  }

  address(): null {
    return null;
  }
}
