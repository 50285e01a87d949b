// Starts supervisors that take over, each a child of the first one, so that the process that a service manager knows stays. One serves at
// a time; a new one counts when all its workers serve, and until then nothing changes for the old one.
import { execFile, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { elapsed } from '../elapsed.ts';
import { PRINT_VARIABLE, successorEnvironment } from './launch.ts';
import type { Launch } from './launch.ts';
import { relayLines } from './line-relay.ts';
import { createSockets } from './listening-sockets.ts';
import type { GatewaySockets } from './listening-sockets.ts';
import { addSocket, sendSockets } from './succession-message.ts';
import type { FromSuccessor, ToSuccessor } from './succession-message.ts';
import type { ChildEnding, ChildLogs } from './supervised-child.ts';

export const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** For the new program to read its configuration. */
const MAX_LAUNCH_MS = 30_000;
/** For all its workers to serve. */
const MAX_START_MS = 60_000;
const MAX_LAUNCH_BYTES = 16 * 1_024 * 1_024;

/** What the program on disk would run now. @throws Error where it does not start, with what it says. */
export async function askLaunch({ command }: Launch): Promise<Launch> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, ...command], {
      env: { ...process.env, [PRINT_VARIABLE]: '1' },
      timeout: MAX_LAUNCH_MS,
      killSignal: 'SIGKILL',
      maxBuffer: MAX_LAUNCH_BYTES,
    });
    return JSON.parse(stdout) as Launch;
  } catch (error) {
    const { stderr, message } = error as Error & { readonly stderr?: string };
    throw new Error(stderr?.trim() || message, { cause: error });
  }
}

export class Guardian {
  readonly #logs: ChildLogs;
  readonly #onEnd: (ending: ChildEnding) => void;
  #serving: ChildProcess | undefined = undefined;
  #isEnding = false;

  /** @param onEnd the one that serves has ended */
  constructor(logs: ChildLogs, onEnd: (ending: ChildEnding) => void) {
    this.#logs = logs;
    this.#onEnd = onEnd;
  }

  /** Resolves when it serves. @throws Error where it does not come so far. */
  async startSuccessor(launch: Launch, sockets: GatewaySockets): Promise<void> {
    const child = fork(launch.entries.supervisor, {
      env: { ...process.env, ...successorEnvironment(launch) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    relayLines(child.stdout as Readable, this.#logs.access ?? this.#logs.process);
    relayLines(child.stderr as Readable, this.#logs.process);
    const outcome = Promise.withResolvers<'ready' | 'ended'>();
    const inherited = createSockets();
    let next: Launch | undefined;
    child.on('error', () => outcome.resolve('ended'));
    child.on('close', (code, signal) => {
      outcome.resolve('ended');
      if (child === this.#serving) this.#onEnd({ code, signal });
    });
    child.on('message', (message: FromSuccessor, handle) => {
      if (message.type === 'awaitSockets')
        sendSockets(sockets, (transfer, socket) => child.send(transfer, socket?.handle, {}, () => {}));
      else if (message.type === 'ready') outcome.resolve('ready');
      else if (message.type === 'socket') addSocket(inherited, message, handle);
      else if (message.type === 'succeed') next = message.launch;
      else if (message.type === 'socketsEnd' && next !== undefined) void this.#succeed(child, next, inherited);
    });
    const timeout = elapsed(MAX_START_MS).then(() => 'late' as const);
    const reached = await Promise.race([outcome.promise, timeout]);
    if (reached !== 'ready' || this.#isEnding) {
      child.kill('SIGKILL');
      if (this.#isEnding) throw new Error('the gateway ends');
      throw new Error(reached === 'late' ? `it does not serve after ${MAX_START_MS} ms` : 'it ended before it served');
    }
    this.#serving = child;
  }

  /** No other one starts to serve from now on. */
  refuse(): void {
    this.#isEnding = true;
  }

  signal(signal: NodeJS.Signals): void {
    if (ENDING_SIGNALS.includes(signal)) this.refuse();
    if (this.#serving !== undefined) post(this.#serving, { type: 'signal', signal });
  }

  kill(): void {
    this.#serving?.kill('SIGKILL');
  }

  /** For the one that serves, which wants to be succeeded. */
  async #succeed(old: ChildProcess, launch: Launch, sockets: GatewaySockets): Promise<void> {
    try {
      await this.startSuccessor(launch, sockets);
      post(old, { type: 'succeeded' });
    } catch (error) {
      post(old, { type: 'failed', reason: (error as Error).message });
    } finally {
      for (const kind of [sockets.control, sockets.workers]) kind.retain(new Set());
    }
  }
}

function post(child: ChildProcess, message: ToSuccessor): void {
  if (child.connected) child.send(message, undefined, {}, () => {});
}
