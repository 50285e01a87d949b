// What the supervisor and its children say to each other over the IPC channel. Listening sockets travel beside `socket` messages.
// An upgrade joins a supervisor and children of one version only; between two supervisors there is `succession-message.ts`.
import type { Config } from '../../config/config.ts';
import type { MetricTotals } from '../control/metric-sum.ts';

/** Common to all children: each says now and then that its event loop turns. */
export interface AliveMessage {
  readonly type: 'alive';
}

/** Asks for a listening socket; the answer carries the same number. */
export interface OpenMessage {
  readonly type: 'open';
  readonly request: number;
  readonly address: string;
  readonly port: number;
}

/** With a handle, or with the code of the error. */
export interface SocketMessage {
  readonly type: 'socket';
  readonly request: number;
  readonly port: number;
  readonly code?: string;
}

export interface StartMessage {
  readonly type: 'start';
  /** Of this process; never used twice by one supervisor. */
  readonly id: string;
  readonly config: Config;
  readonly version: string;
  /** Where control listens for workers. */
  readonly socketPath: string;
}

/** What the supervisor counted. */
export interface SupervisorCounts {
  readonly droppedLines: { readonly access: number; readonly process: number };
  readonly restarts: { readonly control: number; readonly worker: number };
}

export type ToControl =
  | (StartMessage & {
      /** Whether all workers served, under an earlier control. */
      readonly wasReady: boolean;
      /** Whether another gateway holds the admin address until this one is ready. */
      readonly isSuccessor: boolean;
      readonly totals: MetricTotals;
    })
  | { readonly type: 'counts'; readonly counts: SupervisorCounts }
  /** Not ready any more. */
  | { readonly type: 'startDraining' }
  /** Follows no changes any more. */
  | { readonly type: 'stopFollowing' }
  | { readonly type: 'exit' }
  | SocketMessage;

export type FromControl =
  | AliveMessage
  | OpenMessage
  /** It serves the first configuration as well as it can. */
  | { readonly type: 'started' }
  /** All workers serve. */
  | { readonly type: 'ready' }
  /** On all addresses that it wants. */
  | { readonly type: 'listening' }
  | { readonly type: 'totals'; readonly totals: MetricTotals }
  | { readonly type: 'drainAsked' }
  | { readonly type: 'restartAsked' }
  | { readonly type: 'reloadAsked' };

export type ToWorker =
  | StartMessage
  | { readonly type: 'startDraining' }
  /** Others accept from the same sockets; it only finishes what it has. */
  | { readonly type: 'stopAccepting' }
  /** Finishes what is in flight, at most for the grace time, and exits. */
  | { readonly type: 'drain'; readonly graceMs: number }
  | SocketMessage;

export type FromWorker =
  | AliveMessage
  | OpenMessage
  /** After each configuration: the addresses that it listens on. */
  | { readonly type: 'listening'; readonly sockets: readonly string[] };

export function socketName(address: string, port: number): string {
  return `${address} ${port}`;
}
