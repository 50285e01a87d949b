// One container: a process in its pod's network namespace, under a root of its own, started again when it ends.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ContainerLog } from './container-log.ts';
import { quote } from './image.ts';
import type { ContainerSpec, ContainerStatus, Probe } from './pod-types.ts';

export interface ContainerOptions {
  readonly spec: ContainerSpec;
  readonly command: readonly string[];
  readonly root: string;
  /** Shell commands that complete the root. */
  readonly mounts: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly networkNamespace: string;
  readonly podIP: string;
  readonly log: ContainerLog;
  readonly restart: boolean;
  /** Its status is another one now. */
  readonly changed: () => void;
}

const READINESS_EVERY_MS = 50;
const FIRST_RESTART_MS = 500;
const MAX_RESTART_MS = 10_000;
/** State of a listening TCP socket in /proc/net/tcp. */
const LISTENING = /^\s*\d+: \S+ \S+ 0A /m;
const ANY_SOCKET = /^\s*\d+: /m;

export class Container {
  readonly #options: ContainerOptions;
  readonly #stopped = new AbortController();
  #process: ChildProcess | undefined;
  #life: Promise<void> = Promise.resolve();
  #state: ContainerStatus['state'] = { waiting: { reason: 'ContainerCreating' } };
  #isReady = false;
  #restarts = 0;

  constructor(options: ContainerOptions) {
    this.#options = options;
  }

  get status(): ContainerStatus {
    const { name, image } = this.#options.spec;
    const started = 'running' in this.#state;
    const restartCount = this.#restarts;
    return { name, image, imageID: image, ready: this.#isReady, started, restartCount, state: this.#state };
  }

  start(): void {
    this.#life = this.#live();
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopped.abort();
    this.#process?.kill('SIGTERM');
    const timer = setTimeout(() => this.#process?.kill('SIGKILL'), graceMs);
    await this.#life;
    clearTimeout(timer);
  }

  async #live(): Promise<void> {
    const { signal } = this.#stopped;
    let backOffMs = FIRST_RESTART_MS;
    while (!signal.aborted) {
      const exitCode = await this.#runOnce();
      this.#isReady = false;
      if (!this.#options.restart || signal.aborted) {
        const reason = exitCode === 0 ? 'Completed' : 'Error';
        this.#become({ terminated: { exitCode, reason } });
        return;
      }
      this.#become({ waiting: { reason: 'CrashLoopBackOff', message: `ended with ${exitCode}` } });
      await delay(backOffMs, undefined, { signal }).catch(() => undefined);
      backOffMs = Math.min(backOffMs * 2, MAX_RESTART_MS);
      this.#restarts += 1;
    }
  }

  async #runOnce(): Promise<number> {
    const { command, root, mounts, environment, networkNamespace, log } = this.#options;
    // Each of these becomes the next, so that the process of this id is the program itself.
    const script = [...mounts, `exec chroot ${quote(root)} "$@"`].join('\n');
    const shell = ['unshare', '--mount', 'sh', '-ec', script, 'sh', ...command];
    const child = spawn('nsenter', [`--net=/run/netns/${networkNamespace}`, ...shell], {
      env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#process = child;
    log.capture(child.stdout);
    log.capture(child.stderr);
    const ended = new Promise<number>((resolve) => {
      child.once('error', () => resolve(127));
      child.once('exit', (code) => resolve(code ?? 137));
    });
    this.#become({ running: { startedAt: new Date().toISOString() } });
    const watching = new AbortController();
    void this.#followReadiness(child, watching.signal);
    const exitCode = await ended;
    watching.abort();
    this.#process = undefined;
    return exitCode;
  }

  /** Without a probe a container is ready, for good, once it listens; with one, as the probe says each time. */
  async #followReadiness({ pid }: ChildProcess, signal: AbortSignal): Promise<void> {
    const { readinessProbe } = this.#options.spec;
    while (!signal.aborted) {
      const ready = readinessProbe?.httpGet === undefined ? this.#listens(pid) : await this.#answers(readinessProbe);
      if (signal.aborted) return;
      if (ready !== this.#isReady) {
        this.#isReady = ready;
        this.#options.changed();
      }
      if (ready && readinessProbe?.httpGet === undefined) return;
      const everyMs = ready ? (readinessProbe?.periodSeconds ?? 10) * 1000 : READINESS_EVERY_MS;
      await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #listens(pid: number | undefined): boolean {
    if ((this.#options.spec.ports ?? []).length === 0) return true;
    // At first it is still in the rig's namespace, where others listen.
    if (networkNamespaceOf(pid) === networkNamespaceOf('self')) return false;
    const table = (name: string): string => {
      try {
        return readFileSync(`/proc/${pid}/net/${name}`, 'latin1');
      } catch {
        return '';
      }
    };
    return (
      LISTENING.test(table('tcp')) ||
      LISTENING.test(table('tcp6')) ||
      ANY_SOCKET.test(table('udp')) ||
      ANY_SOCKET.test(table('udp6'))
    );
  }

  async #answers({ httpGet }: Probe): Promise<boolean> {
    const { spec, podIP } = this.#options;
    const port = spec.ports?.find(({ name }) => name === httpGet?.port)?.containerPort ?? Number(httpGet?.port);
    return await new Promise((resolve) => {
      const probe = get({ host: podIP, port, path: httpGet?.path ?? '/', timeout: 1000, agent: false }, (response) => {
        response.resume();
        resolve((response.statusCode ?? 500) < 400);
      });
      probe.once('timeout', () => probe.destroy(new Error('timeout'))).once('error', () => resolve(false));
    });
  }

  #become(state: ContainerStatus['state']): void {
    this.#state = state;
    this.#options.changed();
  }
}

function networkNamespaceOf(pid: number | string | undefined): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}
