// What a path of the benchmark is: one kind of traffic, the load that makes it, and the budget that it has. Data; measurement.ts runs it.
import type { Contender, ContenderName } from './contender.ts';
import type { LoadResult } from './load/load-result.ts';

export type Path = CpuPath | MemoryPath;

interface PathFacts {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** How many connections, streams and so on. */
  readonly setting: string;
  /** What a figure is for one of. */
  readonly unit: string;
  readonly budgets: readonly Budget[];
  /** Peers that can't do it, and why. */
  readonly leftOut?: Readonly<Partial<Record<ContenderName, string>>>;
}

/** Measures the processor time of the proxy for one unit, in µs. */
export interface CpuPath extends PathFacts {
  readonly kind: 'cpu';
  /** Before anything is counted. Absent: 3, which is enough where there are tens of thousands a second. */
  readonly warmUpSeconds?: number;
  /** @throws VoidRunError when anything at all failed. */
  readonly load: (contender: Contender, run: LoadRun) => Promise<LoadResult>;
}

/** Measures by how much the memory of the proxy grows for one unit, in KiB. Each sample is taken of a proxy that was just started. */
export interface MemoryPath extends PathFacts {
  readonly kind: 'memory';
  readonly connections: number;
  /** Opens connections that stay until they are disposed of. */
  readonly hold: (contender: Contender, connections: number) => Promise<AsyncDisposable>;
}

export interface LoadRun {
  readonly seconds: number;
  /** For files of the load generator. */
  readonly directory: string;
}

/** Bounds for Sluice. */
export interface Budget {
  /** The bounds are ratios to this peer's figure; absent: they are figures in the unit of the path. */
  readonly peer?: 'nginx' | 'envoy';
  readonly must?: number;
  readonly aim?: number;
}

/** Of one proxied request. */
export const REQUEST_BUDGETS: readonly Budget[] = [
  { peer: 'envoy', must: 1, aim: 0.75 },
  { peer: 'nginx', aim: 1.5 },
];
/** Of gRPC calls and of bulk bytes. */
export const BULK_BUDGETS: readonly Budget[] = [{ peer: 'envoy', must: 2, aim: 1.3 }];
