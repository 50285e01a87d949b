// What control and a worker say to each other. A worker connects and says hello; then control sends deltas, one at a time, and asks for
// metrics; nothing else.
import type { ApplyResult } from '../../dataplane/engine.ts';
import type { WireDelta } from './wire-delta.ts';

/** Not the number of any request. */
export const LAST_WORDS = 0;

export type ControlMessage =
  | { readonly type: 'delta'; readonly delta: WireDelta }
  | { readonly type: 'askMetrics'; readonly request: number };

export type WorkerMessage =
  /** `hash`: of the IR that it serves, if it serves any yet. `id`: of the process, never used twice. */
  | { readonly type: 'hello'; readonly id: string; readonly hash: string | undefined }
  | { readonly type: 'applied'; readonly result: ApplyResult }
  /** It does not hold the base of the delta: it needs everything. */
  | { readonly type: 'mismatched' }
  /** It goes on with what it had. */
  | { readonly type: 'rejected'; readonly message: string }
  /** It finishes what it has and then ends: it applies nothing more, and only tells its metrics. */
  | { readonly type: 'retiring' }
  /** A piece of the answer, in order; unasked, with LAST_WORDS as the request, just before the worker ends. */
  | { readonly type: 'metrics'; readonly request: number; readonly text: string; readonly isLast: boolean };
