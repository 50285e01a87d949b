// Clients that ask without pause and never ask twice: what fails stays failed, and is counted. Node's own client, so another parser than
// the product's.
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Conditions } from '../../harness/deadline.ts';

export interface Target {
  readonly port: number;
  readonly path?: string;
  /** Of the certificate's issuer; with it the clients speak TLS. */
  readonly tls?: { readonly ca: string; readonly serverName: string };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Fingerprint of the server's certificate. */
  readonly certificate: string | undefined;
  /** Of its connection. */
  readonly isFirst: boolean;
}

/** One of those who ask. */
export interface TrafficClient {
  /** @throws where there is no answer, or only a part of one. */
  ask(): Promise<Answer>;
  close(): void;
}

/** Decides about every answer; `Begun` is what it has to know of the moment in which the request began. */
export interface Judge<Begun> {
  begin(): Begun;
  /** Returns what is wrong with the answer. */
  judge(answer: Answer, begun: Begun): string | undefined;
}

export interface TrafficOptions<Begun> {
  readonly target: Target;
  /** How many clients go on over one connection. */
  readonly keepAlive: number;
  /** How many clients open a connection for each request. */
  readonly fresh: number;
  readonly judge: Judge<Begun>;
  /** A client whose answer said `Connection: close` ends. */
  readonly endsAtClose?: boolean;
  /** Makes the clients; absent: they speak HTTP/1.1. */
  readonly open?: (target: Target, keepAlive: boolean) => TrafficClient;
  /** From one request of a client to its next, where the answer comes sooner; absent: at once. */
  readonly intervalMs?: number;
}

export const ADDRESS = '127.0.0.1';
/** Longer than any answer of these tests takes. */
export const ANSWER_TIMEOUT_MS = 20_000;
/** For whatever is waited for. */
const BOUND_MS = 15_000;
const MAX_KEPT_FAILURES = 20;

/** Whatever is not this is a failure. */
export const ANY_200: Judge<undefined> = {
  begin: () => undefined,
  judge: ({ status, body }) => (status === 200 ? undefined : `${status} ${body}`),
};

export class Traffic<Begun> {
  attempted = 0;
  completed = 0;
  failed = 0;
  /** Of the clients that go on over one. */
  keptConnections = 0;
  /** Answers that said `Connection: close`. */
  closes = 0;
  /** The first few. */
  readonly failures: string[] = [];
  readonly #options: TrafficOptions<Begun>;
  readonly #conditions = new Conditions();
  readonly #loops: Promise<void>[];
  #running = 0;
  #isStopping = false;

  /** Begins at once, and ends with the test, at the latest. */
  constructor(t: Pick<TestContext, 'after'>, options: TrafficOptions<Begun>) {
    this.#options = options;
    const loops = (count: number, keepAlive: boolean): Promise<void>[] =>
      Array.from({ length: count }, () => this.#loop(keepAlive));
    this.#loops = [...loops(options.keepAlive, true), ...loops(options.fresh, false)];
    t.after(() => this.stop());
  }

  /** As it should be, or not. */
  get answered(): number {
    return this.completed + this.failed;
  }

  /** Requests that were begun and not answered yet. */
  get active(): number {
    return this.attempted - this.answered;
  }

  /** Looked at after each answer. */
  async until<T>(what: string, probe: () => T | undefined): Promise<T> {
    return await this.#conditions.until(what, probe, BOUND_MS);
  }

  /** That many more were answered as they should. */
  async untilMore(count: number): Promise<void> {
    const goal = this.completed + count;
    await this.until(`${count} more answers`, () => this.completed >= goal || undefined);
  }

  /** No new requests; those that are under way end. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
  }

  /** All clients have ended by themselves. */
  async untilEnded(): Promise<void> {
    await this.until('all clients end', () => this.#running === 0 || undefined);
  }

  toString(): string {
    const { attempted, completed, failed } = this;
    const failures = failed === 0 ? '' : `: ${this.failures.join('; ')}`;
    return `${attempted} attempted, ${completed} completed, ${failed} failed${failures}`;
  }

  async #loop(keepAlive: boolean): Promise<void> {
    const { target, judge, endsAtClose = false, intervalMs = 0, open = openClient } = this.#options;
    const client = open(target, keepAlive);
    this.#running++;
    let nextAtMs = performance.now();
    for (let isAllowed = true; isAllowed && !this.#isStopping;) {
      nextAtMs += intervalMs;
      this.attempted++;
      const begun = judge.begin();
      try {
        const answer = await client.ask();
        if (keepAlive && answer.isFirst) this.keptConnections++;
        const fault = judge.judge(answer, begun);
        if (fault === undefined) this.completed++;
        else this.#fail(fault);
        if (answer.headers.connection === 'close') {
          this.closes++;
          isAllowed = !endsAtClose;
        }
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        this.#fail(`${code ?? 'error'} ${message}`);
      }
      this.#conditions.changed();
      if (nextAtMs > performance.now()) await delay(nextAtMs - performance.now());
    }
    client.close();
    this.#running--;
    this.#conditions.changed();
  }

  #fail(fault: string): void {
    this.failed++;
    if (this.failures.length < MAX_KEPT_FAILURES) this.failures.push(fault);
  }
}

function openClient(target: Target, keepAlive: boolean): TrafficClient {
  return new Client(target, keepAlive);
}

/** Asks one target, over connections of its own. */
export class Client implements TrafficClient {
  readonly #target: Target;
  readonly #agent: Agent;

  /** @param keepAlive whether a connection serves more than one request */
  constructor(target: Target, keepAlive: boolean) {
    this.#target = target;
    this.#agent =
      target.tls === undefined ? new Agent({ keepAlive }) : new TlsAgent({ keepAlive, maxCachedSessions: 0 });
  }

  async ask(path: string = this.#target.path ?? '/'): Promise<Answer> {
    const { port, tls } = this.#target;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { host: ADDRESS, port, path, timeout: ANSWER_TIMEOUT_MS, agent: this.#agent };
    const outgoing =
      tls === undefined
        ? request(options, resolve)
        : requestTls(
            { ...options, ca: tls.ca, servername: tls.serverName, headers: { host: tls.serverName } },
            resolve,
          );
    outgoing.on('error', reject);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer in ${ANSWER_TIMEOUT_MS} ms`)));
    outgoing.end();
    const response = await promise;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      certificate: tls && (response.socket as TLSSocket).getPeerCertificate().fingerprint256,
      body: await text(response),
      isFirst: !outgoing.reusedSocket,
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}
