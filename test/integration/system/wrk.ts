// wrk with an exact number of requests: nothing is under way when it ends, so that every count can be compared with every other.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { findCommand } from '../requirements.ts';

export interface WrkOptions {
  readonly port: number;
  readonly requests: number;
  readonly connections: number;
  /** When it gives up. */
  readonly boundSeconds: number;
  /** The same, at once. */
  readonly signal: AbortSignal;
}

export interface WrkResult {
  readonly requests: number;
  readonly non2xx: number;
  readonly socketErrors: number;
  readonly timeouts: number;
  readonly seconds: number;
}

/** wrk counts an answer that takes longer than this. */
const ANSWER_TIMEOUT_SECONDS = 10;

/** @throws where not all are answered in time, with what wrk says. */
export async function runWrk({ port, requests, connections, boundSeconds, signal }: WrkOptions): Promise<WrkResult> {
  const script = join(import.meta.dirname, 'wrk-count.lua');
  const limits = ['-t1', `-c${connections}`, `-d${boundSeconds}s`, `--timeout=${ANSWER_TIMEOUT_SECONDS}s`];
  const wrk = spawn(findCommand('wrk') ?? 'wrk', [...limits, '-s', script, `http://127.0.0.1:${port}/`], {
    env: { ...process.env, REQUEST_COUNT: String(requests) },
    signal,
    killSignal: 'SIGKILL',
  });
  const endWithTest = (): void => void wrk.kill('SIGKILL');
  process.once('exit', endWithTest);
  let output = '';
  let isAllAnswered = false;
  wrk.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  wrk.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (isAllAnswered || !output.includes('all answered')) return;
    isAllAnswered = true;
    wrk.kill('SIGINT');
  });
  // Unlike `once`, which an abort rejects, this waits for the output too.
  await new Promise((resolve) => wrk.on('error', () => {}).on('close', resolve));
  process.removeListener('exit', endWithTest);
  const result = /^\{.*\}$/m.exec(output)?.[0];
  if (!isAllAnswered || result === undefined)
    throw new Error(`wrk: ${requests} requests were not answered in ${boundSeconds} s\n${output}`);
  return JSON.parse(result) as WrkResult;
}
