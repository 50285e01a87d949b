// A server in a process of its own, that can be killed in the middle of what it does, and started again on its port.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

/** It answers after a moment, so that requests are always under way. */
const PROGRAM = `
  const [name, port] = process.argv.slice(1);
  const server = require('node:http').createServer((request, response) => setTimeout(() => response.end(name), 20));
  server.keepAliveTimeout = 120_000;
  server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port));
`;

export class UpstreamProcess {
  readonly name: string;
  port = 0;
  #child: ChildProcess | undefined = undefined;

  private constructor(name: string) {
    this.name = name;
  }

  /** Ends with the test. */
  static async start(t: Pick<TestContext, 'after'>, name: string): Promise<UpstreamProcess> {
    const upstream = new UpstreamProcess(name);
    t.after(() => upstream.kill());
    await upstream.start();
    return upstream;
  }

  /** Resolves when it listens; to be called again after `kill`. */
  async start(): Promise<void> {
    this.#child = spawn(process.execPath, ['-e', PROGRAM, this.name, String(this.port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(this.#child.stdout as NodeJS.EventEmitter, 'data')) as [Buffer];
    this.port = Number(line);
  }

  /** As the kernel does, when there is no more memory. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
}
