// What a test of the running data plane is made of: engines, upstreams, clients. All of it ends with the test, the last made first.
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Resource } from '../../src/ir/ir.ts';
import { Recorder } from './recorder.ts';
import type { Script } from './recorder.ts';
import { ADDRESS, cluster, listener, route } from './resources.ts';
import type { RuleSetup } from './resources.ts';
import { RunningEngine } from './running-engine.ts';
import type { EngineSetup } from './running-engine.ts';
import { WireClient } from './wire-client.ts';
import type { WireAddress } from './wire-client.ts';

export class TestBed {
  readonly #cleanups: (() => unknown)[] = [];

  constructor(t: Pick<TestContext, 'after'>) {
    t.after(() => this.#end());
  }

  atEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  /** An engine that serves these resources. */
  async engine(resources: readonly Resource[], setup: EngineSetup = {}): Promise<RunningEngine> {
    const running = new RunningEngine(setup);
    this.atEnd(() => running.close());
    await running.apply(...resources);
    return running;
  }

  /** An engine with one listener, and one rule that leads to one upstream. */
  async gateway(port: number, rule: RuleSetup = {}, setup: EngineSetup = {}): Promise<RunningEngine> {
    return await this.engine([listener(), cluster('a', [port]), route('r', [{ backends: ['a'], ...rule }])], setup);
  }

  async upstream(script?: Script): Promise<Recorder> {
    const upstream = await Recorder.listen(ADDRESS);
    this.atEnd(() => upstream.close());
    if (script !== undefined) upstream.script = script;
    return upstream;
  }

  /** A server that only the test's own code understands. Returns its port. */
  async server(onConnection: (socket: Socket) => void, address: string = ADDRESS, port = 0): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(port, address, resolve));
    this.atEnd(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    return (server.address() as AddressInfo).port;
  }

  async client(to: RunningEngine | WireAddress): Promise<WireClient> {
    const client = await WireClient.open(to instanceof RunningEngine ? to.address() : to);
    this.atEnd(() => client.destroy());
    return client;
  }

  /** A port that nobody listens on: connecting to it is refused. */
  async closedPort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  /** Everything is taken down, whatever one of them throws. */
  async #end(): Promise<void> {
    const failures: unknown[] = [];
    for (const cleanup of this.#cleanups.toReversed()) {
      try {
        await cleanup();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
