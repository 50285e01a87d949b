// One thread of HTTP/1.1 load in plaintext, by wrk. Any answer but 2xx or 3xx, and any socket error, voids the run.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HOST } from '../workspace.ts';
import { numberIn, VoidRunError } from './load-result.ts';
import type { LoadResult } from './load-result.ts';

export interface WrkLoad {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** A file with Lua that makes the request; default: GET. */
  readonly script?: string;
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
const run = promisify(execFile);

/** Counts requests. */
export async function loadByWrk({ port, path, connections, seconds, script }: WrkLoad): Promise<LoadResult> {
  const extent = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  const request = ['-H', `Host: ${HOST}`, ...(script === undefined ? [] : ['-s', script])];
  const { stdout } = await run('wrk', [...extent, ...request, `http://127.0.0.1:${port}${path}`]);
  const fault = /Non-2xx.*|Socket errors.*/.exec(stdout);
  if (fault !== null) throw new VoidRunError(`wrk: ${fault[0]}`);
  return {
    done: numberIn(stdout, /(\d+) requests in/),
    p50Ms: durationIn(stdout, /50%\s+([\d.]+)(us|ms|s|m)/),
    p99Ms: durationIn(stdout, /99%\s+([\d.]+)(us|ms|s|m)/),
  };
}

function durationIn(output: string, pattern: RegExp): number {
  const unit = pattern.exec(output)?.[2] ?? '';
  return numberIn(output, pattern) * (UNIT_MS[unit] ?? Number.NaN);
}
