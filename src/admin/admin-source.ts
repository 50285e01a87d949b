// What the admin API shows and may do. The app implements it; nothing here is more than a view of what others hold.
import type { Ir } from '../ir/ir.ts';

export interface AdminSource {
  readiness(): Readiness;
  /** Prometheus text: whole, or in pieces (MetricRegistry.texts()) where it can be long. */
  metrics(): string | Iterable<string> | Promise<Iterable<string>>;
  /** The IR that is served. */
  ir(): Ir;
  /** Not changed after it was returned. */
  statuses(): readonly ObjectStatusView[];
  /** What is wrong with the manifests, beside what the statuses say. Not changed after it was returned. */
  problems(): readonly ProblemView[];
  version(): VersionView;
  /** Begins the drain that ends the process; again it has no effect. */
  drain(): void;
  /** Absent where all is one process. */
  readonly processes?: ProcessActions;
}

/** Each begins what it says, and returns. */
export interface ProcessActions {
  /** Replaces the workers, one after the other. */
  restartWorkers(): void;
  /** Replaces all processes by those of the program that is on disk now. */
  reloadBinary(): void;
}

export interface Readiness {
  /** From the first full apply until the drain begins. */
  readonly ready: boolean;
  /** Why not; empty when ready. */
  readonly reasons: readonly string[];
}

/** One object's status as the API server would show it. */
export interface ObjectStatusView {
  readonly apiVersion: string;
  readonly kind: string;
  /** Absent on cluster-scoped kinds. */
  readonly namespace?: string;
  readonly name: string;
  readonly generation?: number;
  readonly status: object;
}

export interface ProblemView {
  readonly message: string;
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** `Kind namespace/name` */
  readonly object?: string;
  /** Of the field, as kubectl prints it. */
  readonly path?: string;
}

export interface VersionView {
  readonly version: string;
  /** Of Node. */
  readonly node: string;
}
