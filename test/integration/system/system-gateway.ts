// The gateway as its users run it, on the manifests of a test. What a test knows of it is what an operator knows: its log, its admin
// API, its process.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SluiceProcess } from '../../harness/sluice-process.ts';
import type { Ending, SluiceProcessOptions } from '../../harness/sluice-process.ts';
import { parsePrometheusText } from '../../unit/observability/prometheus-parser.ts';
import type { ParsedFamily } from '../../unit/observability/prometheus-parser.ts';

const POLL_MS = 20;
const BOUND_MS = 20_000;

export interface SystemGatewayOptions extends SluiceProcessOptions {
  /** More of them, for `sluice run`. */
  readonly arguments?: readonly string[];
  /** Of the admin API; default: the kernel chooses one. */
  readonly adminPort?: number;
}

export class SystemGateway {
  readonly process: SluiceProcess;
  readonly #unexpectedEnd = new AbortController();
  #admin = '';

  /** Ends with the test, at the latest. @param manifests a directory */
  constructor(
    t: Pick<TestContext, 'after' | 'diagnostic'>,
    manifests: string,
    { environment = {}, arguments: args = [], adminPort = 0, ...options }: SystemGatewayOptions = {},
  ) {
    this.process = new SluiceProcess(['run', '--manifests', manifests, '--admin', `127.0.0.1:${adminPort}`, ...args], {
      ...options,
      environment: { SLUICE_DRAIN_DELAY: '0s', SLUICE_ACCESS_LOG_ENABLED: 'false', ...environment },
    });
    const { child } = this.process;
    child.once('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') return;
      t.diagnostic(`the gateway ended by itself (${signal ?? code}):\n${this.process.errors.slice(-2_000)}`);
      this.#unexpectedEnd.abort();
    });
    t.after(() => this.process[Symbol.asyncDispose]());
  }

  /** Aborted where it does not end as asked: waiting for it is in vain. */
  get unexpectedEnd(): AbortSignal {
    return this.#unexpectedEnd.signal;
  }

  /** Resolves when it serves. */
  static async start(...args: ConstructorParameters<typeof SystemGateway>): Promise<SystemGateway> {
    const gateway = new SystemGateway(...args);
    await gateway.started();
    return gateway;
  }

  async started(): Promise<void> {
    const [, admin = ''] = await this.process.untilErrors(/(http:\S+) +admin API/);
    this.#admin = admin;
  }

  /** Of the admin API. */
  get adminUrl(): string {
    return this.#admin;
  }

  /** An answer of the admin API, as JSON. */
  async admin(path: string): Promise<unknown> {
    return await (await this.#ask(path)).json();
  }

  /** Whether it says that traffic should be sent to it; the reasons where not. */
  async readiness(): Promise<{ readonly ready: boolean; readonly reasons: readonly string[] }> {
    return (await this.admin('/readyz')) as { ready: boolean; reasons: string[] };
  }

  /** Why the Gateway's listener is not Programmed; undefined where it is. */
  async listenerFault(listener: string): Promise<string | undefined> {
    const { items } = (await this.admin('/status?kind=Gateway')) as StatusList;
    const status = items[0]?.status.listeners.find(({ name }) => name === listener);
    const condition = status?.conditions.find(({ type }) => type === 'Programmed');
    return condition?.status === 'True' ? undefined : (condition?.message ?? 'no condition');
  }

  /** Until the statuses say it. Where nothing else changes, nothing is logged. */
  async untilStatus(pattern: RegExp): Promise<void> {
    const deadlineMs = performance.now() + BOUND_MS;
    while (!pattern.test(JSON.stringify(await this.admin('/status')))) {
      if (performance.now() > deadlineMs) throw new Error(`no status says ${pattern}`);
      await delay(POLL_MS);
    }
  }

  async metrics(): Promise<MetricsView> {
    return new MetricsView(await (await this.#ask('/metrics')).text());
  }

  /** The number of the last configuration that was applied. */
  get configVersion(): number {
    const versions = this.process.errors.matchAll(/"version":(\d+),.*"configuration applied"/g);
    return Math.max(0, ...Array.from(versions, ([, version]) => Number(version)));
  }

  async untilConfigVersion(version: number): Promise<void> {
    await this.process.untilErrors(new RegExp(`"version":${version},.*"configuration applied"`));
  }

  residentBytes(): number {
    return this.#statusBytes('VmRSS');
  }

  peakResidentBytes(): number {
    return this.#statusBytes('VmHWM');
  }

  /** Open file descriptors. */
  descriptorCount(): number {
    return readdirSync(`/proc/${this.process.child.pid}/fd`).length;
  }

  /** What each of them is: `socket:[1234]`. One that was closed in the meantime is left out. */
  #descriptors(): string[] {
    const folder = `/proc/${this.process.child.pid}/fd`;
    return readdirSync(folder).flatMap((name) => {
      try {
        return [readlinkSync(`${folder}/${name}`)];
      } catch {
        return [];
      }
    });
  }

  /** Until no more than that are open. The kernel tells nobody when one is closed. */
  async untilDescriptors(count: number): Promise<void> {
    const deadlineMs = performance.now() + BOUND_MS;
    while (this.descriptorCount() > count) {
      if (performance.now() > deadlineMs)
        throw new Error(`not within ${BOUND_MS} ms: ${count} descriptors; there are ${this.#descriptors().join(' ')}`);
      await delay(POLL_MS);
    }
  }

  /** Asks it to end, and waits for that. */
  async stop(): Promise<Ending> {
    this.process.signal('SIGTERM');
    return await this.process.ending();
  }

  #statusBytes(field: string): number {
    const status = readFileSync(`/proc/${this.process.child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024;
  }

  async #ask(path: string): Promise<Response> {
    return await fetch(this.#admin + path, { headers: { connection: 'close' } });
  }
}

interface StatusList {
  readonly items: readonly { readonly status: { readonly listeners: readonly ListenerStatus[] } }[];
}

interface ListenerStatus {
  readonly name: string;
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly message: string }[];
}

export class MetricsView {
  readonly #families: ReadonlyMap<string, ParsedFamily>;

  constructor(text: string) {
    this.#families = parsePrometheusText(text);
  }

  /** Of all samples of that name whose labels include these; what was never counted has none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const family = this.#families.get(name) ?? this.#families.get(name.replace(/_count$/, ''));
    const wanted = Object.entries(labels);
    const samples = (family?.samples ?? []).filter(
      (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
    );
    return samples.reduce((total, { value }) => total + value, 0);
  }

  /** The values of a label in a metric, each once. */
  labelValues(name: string, label: string): string[] {
    const samples = this.#families.get(name)?.samples ?? [];
    return [...new Set(samples.map(({ labels }) => labels[label] ?? ''))];
  }
}
