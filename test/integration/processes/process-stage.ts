// A gateway of several processes in front of a server whose answers name the route that was taken, and whoever asks it without pause.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, gateway, route } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import { Client, Traffic } from '../system/traffic.ts';
import type { Answer, Judge } from '../system/traffic.ts';
import { descendants, isAlive, untilTrue } from './process-tree.ts';
import type { RunningProcess } from './process-tree.ts';

/** Of each kind of client. */
const CLIENTS = 6;
/** A control that is replaced has to start Node, and to read everything, on a busy machine. */
const BOUND_MS = 30_000;
const MAX_LOG_LENGTH = 4_000;
const TOKEN = 'a-token-of-the-test';

export interface StageOptions {
  readonly workers?: number;
  readonly environment?: Readonly<Record<string, string>>;
  /** Of a configuration file; absent: there is none. */
  readonly configFile?: string;
}

export class ProcessStage {
  readonly directory: TemporaryDirectory;
  readonly upstream: Server;
  readonly port: number;
  readonly sluice: SystemGateway;
  readonly #test: TestContext;

  private constructor(
    t: TestContext,
    directory: TemporaryDirectory,
    upstream: Server,
    port: number,
    options: StageOptions,
  ) {
    this.#test = t;
    this.directory = directory;
    this.upstream = upstream;
    this.port = port;
    directory.write({ token: TOKEN });
    directory.makeDirectory('run');
    this.writeRoutes('first');
    if (options.configFile !== undefined) directory.write({ 'sluice.yaml': options.configFile });
    this.sluice = new SystemGateway(t, directory.at('manifests'), {
      arguments: options.configFile === undefined ? [] : ['--config', directory.at('sluice.yaml')],
      environment: {
        SLUICE_WORKERS: String(options.workers ?? 2),
        XDG_RUNTIME_DIR: directory.at('run'),
        SLUICE_ADMIN_TOKEN_FILE: directory.at('token'),
        ...options.environment,
      },
    });
  }

  /** Resolves when it serves. */
  static async start(t: TestContext, options: StageOptions = {}): Promise<ProcessStage> {
    const upstream = createServer((request, response) => response.end(request.url));
    await once(upstream.listen(0, '127.0.0.1'), 'listening');
    t.after(() => {
      upstream.close();
      upstream.closeAllConnections();
    });
    const stage = new ProcessStage(t, new TemporaryDirectory(t), upstream, await freePort(), options);
    await stage.sluice.started();
    return stage;
  }

  /** Below the process that was started. */
  processes(): RunningProcess[] {
    return descendants(this.sluice.process.child.pid ?? 0);
  }

  /** The only running process of that name: `control`, `worker-0`. */
  process(name: string): RunningProcess {
    const found = this.processes().filter(({ title }) => title.startsWith(`sluice ${name}.`));
    assert.equal(found.length, 1, `${name}: ${found.map(({ title }) => title).join()}`);
    return found[0] as RunningProcess;
  }

  /** Its successor runs. */
  async untilReplaced(name: string, old: RunningProcess): Promise<RunningProcess> {
    return await untilTrue(`another ${name}`, () =>
      this.processes().find(({ pid, title }) => pid !== old.pid && title.startsWith(`sluice ${name}.`)),
    );
  }

  /** @param name what the upstream is asked for: a route of this name and prefix exists from then on */
  writeRoutes(...names: readonly string[]): void {
    this.#write([this.port], names);
  }

  /** All with the first route. */
  writeListeners(...ports: readonly number[]): void {
    this.#write(ports, ['first']);
  }

  #write(ports: readonly number[], names: readonly string[]): void {
    const { port } = this.upstream.address() as AddressInfo;
    const listeners = ports.map((each) => ({ name: `http-${each}`, port: each }));
    const routes = names.map((name) => route(name, { path: `/${name}`, backend: 'echo' }));
    this.directory.replace(
      'manifests/gateway.yaml',
      documents(gateway(...listeners), backend('echo', port), ...routes),
    );
  }

  /** 0: no answer. */
  async status(path: string): Promise<number> {
    const client = new Client({ port: this.port }, false);
    try {
      return (await client.ask(path)).status;
    } catch {
      return 0;
    } finally {
      client.close();
    }
  }

  /** A request of its own, again and again, until it is answered so. */
  async untilStatus(path: string, status: number): Promise<void> {
    const deadlineMs = performance.now() + BOUND_MS;
    while ((await this.status(path)) !== status)
      if (performance.now() > deadlineMs) throw new Error(`${path} is not answered with ${status}`);
  }

  /** Each worker answers a request by that status: as many as it takes are asked. */
  async untilAllAnswer(path: string, status: number): Promise<void> {
    const deadlineMs = performance.now() + BOUND_MS;
    for (let inRow = 0; inRow < 20; inRow++) {
      if ((await this.status(path)) !== status) inRow = -1;
      if (performance.now() > deadlineMs) throw new Error(`${path} is not answered with ${status} by all`);
    }
  }

  /** Clients that ask for `/first` without pause. */
  traffic({ endsAtClose = false }: { readonly endsAtClose?: boolean } = {}): Traffic<undefined> {
    const judge: Judge<undefined> = {
      begin: () => undefined,
      judge: ({ status, body }: Answer) => (status === 200 && body === '/first' ? undefined : `${status} ${body}`),
    };
    const target = { port: this.port, path: '/first' };
    return new Traffic(this.#test, { target, keepAlive: CLIENTS, fresh: CLIENTS, judge, endsAtClose });
  }

  /** Ends the traffic, and prints what came of it; where requests failed, what the gateway has to say, too. */
  async conclude(traffic: Traffic<undefined>, events: string): Promise<void> {
    await traffic.stop();
    this.#test.diagnostic(`${events}; ${traffic.toString()}`);
    if (traffic.failed > 0) this.#test.diagnostic(this.sluice.process.errors.slice(-MAX_LOG_LENGTH));
  }

  async post(path: string): Promise<number> {
    const headers = { authorization: `Bearer ${TOKEN}`, connection: 'close' };
    return (await fetch(this.sluice.adminUrl + path, { method: 'POST', headers })).status;
  }

  /** Nothing of it is left: no process, no file. @param processes those that ran */
  async untilNothingIsLeft(processes: readonly RunningProcess[]): Promise<void> {
    await untilTrue('all processes end', () => processes.every(({ pid }) => !isAlive(pid)));
    await untilTrue('the private directory is removed', () => readdirSync(this.directory.at('run')).length === 0);
  }
}
