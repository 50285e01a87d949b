// One thread of load on one proxy: wrk for plaintext, h2load for TLS. A run with any answer but 2xx, or any socket error, is void.
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { promisify } from 'node:util';

export interface Load {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
  /** A folder for h2load's log. */
  readonly directory: string;
}

export interface LoadResult {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export class VoidRunError extends Error {
  readonly code = 'RUN_VOID';
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };
const MAX_OUTPUT_BYTES = 1 << 20;
const run = promisify(execFile);

export async function loadPlaintext({ port, host, connections, seconds }: Load): Promise<LoadResult> {
  const args = [
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '-H',
    `Host: ${host}`,
    `http://127.0.0.1:${port}/`,
  ];
  const { stdout } = await run('wrk', args, { maxBuffer: MAX_OUTPUT_BYTES });
  const fault = /Non-2xx.*|Socket errors.*/.exec(stdout);
  if (fault !== null) throw new VoidRunError(`wrk: ${fault[0]}`);
  return {
    requests: numberIn(stdout, /(\d+) requests in/),
    p50Ms: durationIn(stdout, /50%\s+([\d.]+)(us|ms|s|m)/),
    p99Ms: durationIn(stdout, /99%\s+([\d.]+)(us|ms|s|m)/),
  };
}

export async function loadTls({ port, host, connections, seconds, directory }: Load): Promise<LoadResult> {
  const log = `${directory}/h2load.log`;
  rmSync(log, { force: true });
  const args = ['--h1', '-t1', `-c${connections}`, `-D${seconds}`, `--log-file=${log}`];
  const target = [`--connect-to=127.0.0.1:${port}`, `https://${host}:${port}/`];
  const { stdout } = await run('h2load', [...args, ...target], { maxBuffer: MAX_OUTPUT_BYTES });
  const requests = numberIn(stdout, /requests: .*? (\d+) succeeded/);
  const ok = numberIn(stdout, /status codes: (\d+) 2xx/);
  const faults = ['failed', 'errored', 'timeout'].map((kind) =>
    numberIn(stdout, new RegExp(`requests: .*? (\\d+) ${kind}`)),
  );
  if (faults.some((count) => count > 0) || ok < requests) throw new VoidRunError(`h2load: ${stdout}`);
  const latencies = readLatencies(log);
  rmSync(log);
  return { requests, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
}

/** Of sorted values. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Lines are: start in µs, status, duration in µs. */
function readLatencies(log: string): Float64Array {
  const lines = readFileSync(log, 'latin1').trimEnd().split('\n');
  return Float64Array.from(lines, (line) => Number(line.split('\t')[2]) / 1000).sort();
}

function numberIn(output: string, pattern: RegExp): number {
  const number = pattern.exec(output)?.[1];
  if (number === undefined) throw new Error(`no ${pattern} in\n${output}`);
  return Number(number);
}

function durationIn(output: string, pattern: RegExp): number {
  const unit = pattern.exec(output)?.[2] ?? '';
  return numberIn(output, pattern) * (UNIT_MS[unit] ?? Number.NaN);
}
