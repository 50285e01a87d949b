// The life of a supervisor's process: it serves until a signal or control ends it, or until a newer program has taken over. The first
// one stays even then, holding nothing: whoever started it goes on seeing one process, which passes signals on and ends as the other does.
import { constants } from 'node:os';
import { openLineSink } from '../../observability/line-sink.ts';
import type { LineSink } from '../../observability/line-sink.ts';
import { askLaunch, ENDING_SIGNALS, Guardian } from './guardian.ts';
import type { Launch } from './launch.ts';
import { createSockets } from './listening-sockets.ts';
import type { GatewaySockets } from './listening-sockets.ts';
import type { PlainLog } from './plain-log.ts';
import { Predecessor } from './predecessor.ts';
import { PrivateDirectory } from './private-directory.ts';
import type { ChildEnding } from './supervised-child.ts';
import { Supervisor } from './supervisor.ts';

export interface RunSupervisorOptions {
  readonly launch: Launch;
  readonly isSuccessor: boolean;
  readonly accessSink: LineSink | undefined;
  readonly processSink: LineSink;
  readonly log: PlainLog;
}

const SIGNALS: readonly NodeJS.Signals[] = [...ENDING_SIGNALS, 'SIGUSR1', 'SIGUSR2'];
/** As shells count. */
const SIGNAL_EXIT_CODE = 128;

/** Resolves with the exit code. */
export async function runSupervisor(options: RunSupervisorOptions): Promise<number> {
  return await new SupervisorLife(options).run();
}

class SupervisorLife {
  readonly #options: RunSupervisorOptions;
  readonly #directory = new PrivateDirectory();
  /** Where it is not standard output. */
  readonly #accessFile: LineSink | undefined;
  readonly #exit = Promise.withResolvers<number>();
  readonly #guardian: Guardian;
  readonly #predecessor: Predecessor | undefined;
  #supervisor: Supervisor | undefined = undefined;
  #sockets: GatewaySockets = createSockets();
  #state: 'starting' | 'serving' | 'reloading' | 'ending' | 'guarding' = 'starting';
  #defects = 0;

  constructor(options: RunSupervisorOptions) {
    this.#options = options;
    const { enabled, path } = options.launch.config.accessLog;
    const isStdout = enabled && path === undefined;
    this.#accessFile = isStdout ? undefined : options.accessSink;
    const stdout = isStdout ? options.accessSink : openLineSink({ target: 'stdout' });
    this.#guardian = new Guardian({ access: stdout, process: options.processSink }, (ending) =>
      this.#exit.resolve(exitCodeOf(ending)),
    );
    process.on('uncaughtException', (error, origin) => this.#onDefect(error, origin));
    for (const signal of SIGNALS) process.on(signal, () => this.#onOwnSignal(signal));
    // Signals reach it through the first one, which may share its group.
    this.#predecessor = options.isSuccessor
      ? new Predecessor(
          (signal) => this.#onSignal(signal),
          () => this.#exitAtOnce(1),
        )
      : undefined;
  }

  async run(): Promise<number> {
    const { launch, accessSink, processSink, log, isSuccessor } = this.#options;
    if (this.#predecessor !== undefined) this.#sockets = await this.#predecessor.sockets();
    this.#supervisor = new Supervisor({
      launch,
      sockets: this.#sockets,
      socketPath: this.#directory.socketPath,
      accessSink,
      processSink,
      log,
      isSuccessor,
      onReady: () => this.#onReady(),
      onDrainAsked: () => void this.#end(),
      onReloadAsked: () => void this.#reload(),
      onStartFailed: (exitCode) => this.#exit.resolve(exitCode),
    });
    this.#supervisor.start();
    const exitCode = await this.#exit.promise;
    this.#supervisor.kill();
    this.#directory.remove();
    await accessSink?.close();
    await processSink.close();
    return exitCode;
  }

  #onReady(): void {
    if (this.#state === 'starting') this.#state = 'serving';
    this.#predecessor?.tellReady();
  }

  #onOwnSignal(signal: NodeJS.Signals): void {
    if (this.#predecessor === undefined) this.#onSignal(signal);
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#state === 'guarding') this.#guardian.signal(signal);
    else if (signal === 'SIGUSR1') this.#reopen();
    else if (signal === 'SIGUSR2') void this.#reload();
    else if (this.#state === 'ending') this.#exitAtOnce(SIGNAL_EXIT_CODE + constants.signals[signal]);
    else {
      this.#options.log.info({ signal }, 'draining; a second signal exits at once');
      void this.#end();
    }
  }

  #onDefect(error: unknown, origin: string): void {
    this.#options.log.fatal({ err: error, origin }, 'defect; draining, then exiting with 1');
    this.#defects++;
    void this.#end();
  }

  #reopen(): void {
    this.#options.log.info({}, 'reopening the access log');
    this.#options.accessSink?.reopen();
  }

  async #end(): Promise<void> {
    const state = this.#state;
    if (state === 'ending' || state === 'guarding') return;
    this.#state = 'ending';
    this.#guardian.refuse();
    // Nobody was told to send requests yet.
    if (state === 'starting') this.#exit.resolve(this.#exitCode());
    await this.#supervisor?.drain();
    this.#options.log.info({}, 'drained');
    this.#exit.resolve(this.#exitCode());
  }

  #exitCode(): number {
    return this.#defects === 0 ? 0 : 1;
  }

  /** Lets the program that is on disk now take over; where it does not come to serve, all goes on as it is. */
  async #reload(): Promise<void> {
    const { log, launch } = this.#options;
    if (this.#state !== 'serving') {
      log.warn({ state: this.#state }, 'not the time to start a newer program; asked in vain');
      return;
    }
    this.#state = 'reloading';
    try {
      log.info({}, 'starting the program that is on disk; it takes over when it serves');
      const next = await askLaunch(launch);
      await (this.#predecessor ?? this.#guardian).startSuccessor(next, this.#sockets);
    } catch (error) {
      log.error({ reason: (error as Error).message }, 'the newer program does not serve; this one goes on');
      if (this.#state === 'reloading') this.#state = 'serving';
      return;
    }
    await this.#handOver();
  }

  async #handOver(): Promise<void> {
    const { log } = this.#options;
    this.#state = 'guarding';
    log.info({}, 'the newer program serves; finishing what is in flight');
    await this.#supervisor?.handOver();
    this.#directory.remove();
    await this.#accessFile?.close();
    log.info({}, 'handed over');
    // A successor that has one itself is needed no more.
    if (this.#predecessor !== undefined) this.#exit.resolve(0);
  }

  #exitAtOnce(code: number): never {
    this.#supervisor?.kill();
    this.#guardian.kill();
    this.#directory.remove();
    process.exit(code);
  }
}

function exitCodeOf({ code, signal }: ChildEnding): number {
  return code ?? (signal === null ? 1 : SIGNAL_EXIT_CODE + constants.signals[signal]);
}
