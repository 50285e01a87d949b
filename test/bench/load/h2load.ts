// One thread of HTTP/2 load, or of HTTP/1.1 over TLS, by h2load. Any answer but 2xx, and anything that failed, voids the run.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { quantile } from '../statistics.ts';
import { HOST } from '../workspace.ts';
import { numberIn, VoidRunError } from './load-result.ts';
import type { LoadResult } from './load-result.ts';

export interface H2loadLoad {
  readonly scheme: 'http' | 'https';
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** At a time, on each connection. */
  readonly streams: number;
  readonly seconds: number;
  /** For its log. */
  readonly directory: string;
  /** More of its arguments: what is sent, and by which version of HTTP. */
  readonly args?: readonly string[];
  /** Every answer has a body of so many bytes; a failure that hides behind status 200 has not. */
  readonly bodyBytes: number;
}

const run = promisify(execFile);

/** Counts requests. */
export async function loadByH2load(load: H2loadLoad): Promise<LoadResult> {
  const { scheme, port, path, connections, streams, seconds, directory, args = [], bodyBytes } = load;
  const log = `${directory}/h2load.log`;
  rmSync(log, { force: true });
  const extent = ['-t1', `-c${connections}`, `-m${streams}`, `-D${seconds}`, `--log-file=${log}`];
  const target = [`--connect-to=127.0.0.1:${port}`, `${scheme}://${HOST}:${port}${path}`];
  const { stdout } = await run('h2load', [...extent, ...args, ...target]);
  const done = numberIn(stdout, /requests: .*? (\d+) succeeded/);
  const faults = ['failed', 'errored', 'timeout'].map((kind) =>
    numberIn(stdout, new RegExp(`requests: .*? (\\d+) ${kind}`)),
  );
  const isSound = faults.every((count) => count === 0) && numberIn(stdout, /status codes: (\d+) 2xx/) >= done;
  if (!isSound || numberIn(stdout, /\((\d+)\) data/) < done * bodyBytes) throw new VoidRunError(`h2load: ${stdout}`);
  const latencies = readLatencies(log);
  rmSync(log);
  return { done, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
}

/** Lines are: start in µs, status, duration in µs. */
function readLatencies(log: string): Float64Array {
  const lines = readFileSync(log, 'latin1').trimEnd().split('\n');
  return Float64Array.from(lines, (line) => Number(line.split('\t')[2]) / 1000).sort();
}
