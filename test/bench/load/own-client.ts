// Load by clients of our own, for what wrk and h2load can't do: each a script in a process of its own, told what to do in one JSON
// argument. It prints its result as one line; when anything failed it ends with an error, and the run is void.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { VoidRunError } from './load-result.ts';

/** Long after the end of any run. */
const CLIENT_TIMEOUT_MS = 300_000;

/** The line of a script that ends by itself. */
export async function runClient(script: string, task: object): Promise<string> {
  const { child, line } = await startClient(script, task);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return line;
}

/** A script that goes on after its line, until it is disposed of. */
export async function holdClient(script: string, task: object): Promise<AsyncDisposable> {
  const { child } = await startClient(script, task);
  return {
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new VoidRunError(`${script} ended before its time`);
      child.kill();
      await once(child, 'exit');
    },
  };
}

async function startClient(script: string, task: object): Promise<{ child: ChildProcess; line: string }> {
  const args = [join(import.meta.dirname, script), JSON.stringify(task)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: CLIENT_TIMEOUT_MS,
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.removeListener('exit', kill));
  for await (const line of createInterface(child.stdout)) return { child, line };
  throw new VoidRunError(`${script} failed`);
}
