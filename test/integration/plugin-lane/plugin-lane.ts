// The plugin lane, as a prototype: a Fastify instance that takes Exchanges and gives Exchanges. There is no port, no socket and no text
// in between; plugins see streams, and every request that none of them answers goes on to whoever forwards it.
import { METHODS } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { BodyLength, Exchange, ExchangeHandler, ResponseHead } from '../../../src/dataplane/exchange.ts';
import { RESCUES } from '../../../src/dataplane/forward/rescue.ts';
import { HeaderList } from '../../../src/dataplane/header-list.ts';
import { ProxyError } from '../../../src/dataplane/proxy-error.ts';
import { connectionFacts, UnsupportedPluginError } from './connection-facts.ts';
import { ExchangeRequest } from './exchange-request.ts';
import { ExchangeResponse } from './exchange-response.ts';
import { ForwardedExchange } from './forwarded-exchange.ts';
import type { AnswerTaker } from './forwarded-exchange.ts';
import { MemoryExchange } from './memory-exchange.ts';
import { withEdits } from './node-fields.ts';
import { PluginServer } from './plugin-server.ts';

/** Takes an exchange on when plugins are done with its request. */
export type Forward = (exchange: Exchange) => void;

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** How long loading waits for the answer to the request that it tries plugins with. */
const TRIAL_MS = 1_000;

export class PluginLane {
  readonly #app: FastifyInstance;
  readonly #passages = new WeakMap<object, PluginPassage>();
  readonly #methods = new Set<string>();
  #listener: RequestListener = () => {};
  /** The first that a plugin asked for while it was loaded and tried. */
  #unsupported: UnsupportedPluginError | undefined = undefined;
  readonly #noteUnsupported = (error: UnsupportedPluginError): void => {
    this.#unsupported ??= error;
  };

  private constructor() {
    this.#app = fastify({
      logger: false,
      return503OnClosing: false,
      serverFactory: (listener) => {
        this.#listener = listener;
        return new PluginServer(this.#noteUnsupported) as unknown as Server;
      },
      frameworkErrors: (_error, request) => {
        this.#passageOf(request).fail(new ProxyError('bad_request', 'downstream', 'plugins can not route the request'));
      },
    });
  }

  /** @throws UnsupportedPluginError where a plugin needs what the lane does not have. */
  static async load(register: (app: FastifyInstance) => unknown): Promise<PluginLane> {
    const lane = new PluginLane();
    const app = lane.#app;
    noteTimeoutHooks(app, lane.#noteUnsupported);
    app.setErrorHandler((error, request) => lane.#passageOf(request).fail(error));
    // Bodies pass as streams. A plugin that wants them parsed adds a parser, in its own context.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    for (const method of METHODS) {
      if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true });
    }
    await register(app);
    app.all('*', (request, reply) => lane.#passageOf(request).forward(request, reply));
    app.setNotFoundHandler((request) => {
      lane.#passageOf(request).fail(new ProxyError('route_not_found', 'internal', 'a plugin says so'));
    });
    await app.ready();
    for (const method of app.supportedMethods) lane.#methods.add(method);
    if (lane.#unsupported === undefined) await lane.#tryPlugins();
    if (lane.#unsupported !== undefined) {
      await app.close();
      throw lane.#unsupported;
    }
    return lane;
  }

  /** @param forward called once at most, and not where a plugin answers. */
  handle(exchange: Exchange, forward: Forward): void {
    this.#handle(exchange, forward, () => {});
  }

  async close(): Promise<void> {
    await this.#app.close();
  }

  #handle(exchange: Exchange, forward: Forward, onUnsupported: (error: UnsupportedPluginError) => void): void {
    const passage = new PluginPassage(exchange, forward, onUnsupported);
    this.#passages.set(passage.request, passage);
    if (!this.#methods.has(exchange.request.method)) {
      passage.fail(new ProxyError('not_implemented', 'downstream', 'Fastify does not know the method'));
      return;
    }
    try {
      this.#listener(passage.request as unknown as IncomingMessage, passage.response as unknown as ServerResponse);
    } catch (error) {
      passage.fail(error);
    }
  }

  #passageOf(request: FastifyRequest): PluginPassage {
    return this.#passages.get(request.raw) as PluginPassage;
  }

  /** One made-up request: what a plugin does with a socket shows before the first real one. Branches it does not take stay unseen. */
  async #tryPlugins(): Promise<void> {
    const exchange = new MemoryExchange();
    const forward: Forward = (forwarded) => {
      forwarded.respond({ status: 204, headers: new HeaderList() }, undefined);
      forwarded.endResponse();
    };
    exchange.give(() => this.#handle(exchange, forward, this.#noteUnsupported));
    await exchange.until('an answer to the trial', () => exchange.isOver || undefined, TRIAL_MS).catch(() => {});
  }
}

/** One request on its way through the plugins, and its answer on the way back. */
class PluginPassage implements ExchangeHandler, AnswerTaker {
  /** Plugins may keep what they read. */
  readonly holdsRequestChunks = true;
  readonly request: ExchangeRequest;
  readonly response: ExchangeResponse;
  readonly #exchange: Exchange;
  readonly #forward: Forward;
  #forwarded: ForwardedExchange | undefined = undefined;
  #reply: FastifyReply | undefined = undefined;
  /** An answer without a body waits for its end, and for the trailers that may come with it. */
  #isReplyDue = false;

  constructor(exchange: Exchange, forward: Forward, onUnsupported: (error: UnsupportedPluginError) => void) {
    const socket = connectionFacts(exchange, onUnsupported);
    this.#exchange = exchange;
    this.#forward = forward;
    this.request = new ExchangeRequest(exchange, socket);
    this.response = new ExchangeResponse(exchange, socket);
    this.response.on('close', () => this.#release());
    exchange.handler = this;
  }

  /** From the route that takes what no plugin answers. */
  forward({ body, raw }: FastifyRequest, reply: FastifyReply): void {
    const { request } = this;
    // The client may have left while plugins were thinking.
    if (this.response.writableEnded || this.response.destroyed) return;
    // Plugins may have put another stream in the place of the body: its length is not known, and nor are its trailers.
    const isChanged = body instanceof Readable && body !== (raw as unknown);
    const headers = withEdits(this.#exchange.request.headers, request.headers);
    const expectsContinue = request.asksForBody;
    request.asksForBody = false;
    this.#reply = reply;
    this.#forwarded = new ForwardedExchange(
      this.#exchange,
      {
        request: { ...this.#exchange.request, headers },
        length: isChanged ? 'chunked' : this.#exchange.requestBodyLength,
        body: isChanged ? body : request,
        trailers: () =>
          isChanged || request.rawTrailers.length === 0 ? undefined : new HeaderList([...request.rawTrailers]),
      },
      expectsContinue,
      this,
    );
    this.#forwarded.start(this.#forward);
  }

  /** Of what went wrong the client learns no more than its status. */
  fail(error: unknown): void {
    const rescue = RESCUES[error instanceof ProxyError ? error.code : 'internal'];
    const statusCode = (error as { readonly statusCode?: unknown } | null | undefined)?.statusCode;
    const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
    this.response.fail(isRefusal ? { ...rescue, status: statusCode, message: 'The request was refused.' } : rescue);
  }

  // — from the exchange —

  onRequestData(chunk: Uint8Array): void {
    this.request.receive(chunk);
  }

  onRequestEnd(trailers: HeaderList | undefined): void {
    this.request.finish(trailers);
  }

  onRequestFlush(): void {}

  onRequestError(error: ProxyError): void {
    this.fail(error);
    this.#lose(error);
  }

  onAbort(error: ProxyError): void {
    this.response.cut();
    this.#lose(error);
  }

  onResponseDrain(): void {
    this.response.drained();
  }

  // — from the forwarded exchange —

  onInformational(status: number, headers: HeaderList): void {
    this.response.respondInformational(status, headers);
  }

  onAnswer(head: ResponseHead, length: BodyLength | undefined, body: Readable): void {
    const reply = this.#reply as FastifyReply;
    // `reply.code` refuses what is not registered.
    reply.raw.statusCode = head.status;
    reply.headers(repeatable(head.headers));
    if (typeof length === 'number' && head.status !== 304 && head.status !== 204)
      reply.header('content-length', length);
    // To HEAD plugins answer as to GET: there is a body, of which nothing comes.
    const hasBody = length !== 0 && head.status !== 204 && head.status !== 304;
    if (hasBody) void reply.send(body);
    else this.#isReplyDue = true;
  }

  onAnswerEnd(trailers: HeaderList | undefined): void {
    if (trailers !== undefined) this.response.addTrailers(repeatable(trailers));
    if (this.#isReplyDue) void this.#reply?.send();
  }

  onNoAnswer(error: ProxyError): void {
    this.fail(error);
  }

  onTunnel(head: ResponseHead, handler: ExchangeHandler): Exchange {
    this.#exchange.handler = handler;
    this.response.takeOver(head.status);
    this.#exchange.respond(head, undefined);
    return this.#exchange;
  }

  /** The answer is over: whoever still reads the request or answers it does so in vain. */
  #release(): void {
    // A tunnel has the exchange for itself.
    if (this.#exchange.handler !== this) return;
    this.request.release();
    this.#forwarded?.lost(new ProxyError('downstream_closed', 'downstream', 'the answer is over'));
  }

  #lose(error: ProxyError): void {
    this.request.cut(error);
    this.#forwarded?.lost(error);
  }
}

/** Repeated fields as lists: joining is the business of whoever wants it. */
function repeatable(list: HeaderList): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  const { fields } = list;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

/** Fastify gives the hook of a timeout to the socket of the request. */
function noteTimeoutHooks(app: FastifyInstance, onUse: (error: UnsupportedPluginError) => void): void {
  app.addHook = new Proxy(Reflect.get(app, 'addHook'), {
    apply(addHook, instance, [name, ...rest]: unknown[]): unknown {
      if (name === 'onTimeout')
        onUse(new UnsupportedPluginError('the plugin needs a real socket: it adds an onTimeout hook'));
      return Reflect.apply(addHook, instance, [name, ...rest]);
    },
  });
}
