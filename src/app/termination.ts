// What ends a running gateway, decided once: a signal, the admin API or a defect asks for the drain, and only a second signal is obeyed
// at once. A defect that nobody caught is never hidden: it is logged, requests in flight are finished, and the exit code is 1.
import { constants } from 'node:os';
import type { Logger } from '../observability/process-log.ts';

/** SIGHUP comes when the terminal closes; configuration is followed without it. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** As shells count. */
const SIGNAL_EXIT_CODE = 128;

export class Termination {
  readonly #logger: Logger;
  readonly #asked = Promise.withResolvers<'terminate'>();
  #isSignalled = false;
  #exitCode = 0;

  /** Listens to the signals of this process, for good. */
  constructor(logger: Logger) {
    this.#logger = logger;
    for (const signal of SIGNALS) process.on(signal, () => this.#onSignal(signal));
    process.on('uncaughtException', (error, origin) => this.#onDefect(error, origin));
  }

  /** Resolves when the process is to end. */
  get asked(): Promise<'terminate'> {
    return this.#asked.promise;
  }

  get exitCode(): number {
    return this.#exitCode;
  }

  ask(): void {
    this.#asked.resolve('terminate');
  }

  #onSignal(signal: (typeof SIGNALS)[number]): void {
    if (this.#isSignalled) process.exit(SIGNAL_EXIT_CODE + constants.signals[signal]);
    this.#isSignalled = true;
    this.#logger.info({ signal }, 'draining; a second signal exits at once');
    this.ask();
  }

  /** @param origin rejections that nobody handled come here too. */
  #onDefect(error: unknown, origin: string): void {
    this.#logger.fatal({ err: error, origin }, 'defect; draining, then exiting with 1');
    this.#exitCode = 1;
    this.ask();
  }
}
