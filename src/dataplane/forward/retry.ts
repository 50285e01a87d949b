// Whether and when a request is tried again. Only what can do no harm: an idempotent request, or one that no endpoint has seen; with all of its
// body still at hand; before anything of an answer was passed on; and never so often that retries make an overload worse.
import type { RetryPolicy } from '../../ir/route.ts';
import { Deadline } from '../../lib/timeout-queue.ts';
import type { ProxyError } from '../proxy-error.ts';

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Without a policy of the route: once more, and only what no endpoint has seen. */
const DEFAULT_MAX_TRIES = 2;

/** What an endpoint refused unseen costs it nothing; GOAWAY under load can meet a request more than once. */
const MAX_REFUSED_TRIES = 5;

const MAX_BACKOFF_MS = 10_000;

/**
 * no: it is not tried again · fresh: at once, on a fresh connection · elsewhere: no endpoint saw it, another may be reached ·
 * budgeted: an endpoint worked on it, so that trying again adds load, of which there is a budget
 */
export type RetryVerdict = 'no' | 'fresh' | 'elsewhere' | 'budgeted';

/** @param tries so far */
export function judgeError(
  policy: RetryPolicy | undefined,
  method: string,
  tries: number,
  error: ProxyError,
): RetryVerdict {
  if (error.code === 'upstream_refused') return tries < MAX_REFUSED_TRIES ? 'fresh' : 'no';
  if (tries >= maxTries(policy)) return 'no';
  switch (error.code) {
    case 'upstream_connect_failed':
    case 'upstream_connect_timeout':
      return 'elsewhere';
    case 'upstream_reset':
      if (!IDEMPOTENT.has(method)) return 'no';
      // The endpoint closed a connection that waited for a request.
      if (error.retryable) return 'fresh';
      return policy === undefined ? 'no' : 'budgeted';
    case 'upstream_timeout':
      return policy !== undefined && IDEMPOTENT.has(method) ? 'budgeted' : 'no';
    default:
      return 'no';
  }
}

/** @param status of the answer to the last of so many tries */
export function judgeStatus(
  policy: RetryPolicy | undefined,
  method: string,
  tries: number,
  status: number,
): RetryVerdict {
  const isAsked = policy !== undefined && tries < maxTries(policy) && policy.codes.includes(status);
  return isAsked && IDEMPOTENT.has(method) ? 'budgeted' : 'no';
}

function maxTries(policy: RetryPolicy | undefined): number {
  return policy === undefined ? DEFAULT_MAX_TRIES : policy.attempts + 1;
}

/**
 * Before the try after so many: doubling, with half of it left to chance, so that requests that failed together don't come back
 * together. 0 where nothing says how long: then the next endpoint is tried at once.
 */
export function backoffMs(policy: RetryPolicy | undefined, tries: number, random: number): number {
  if (policy === undefined || policy.backoffMs === 0) return 0;
  const full = Math.min(policy.backoffMs * 2 ** (tries - 1), MAX_BACKOFF_MS);
  return Math.ceil(full * (0.5 + random / 2));
}

/** What waits to be tried again. */
export class RetryTimer extends Deadline {
  readonly #retry: () => void;

  constructor(retry: () => void) {
    super();
    this.#retry = retry;
  }

  onExpired(): void {
    this.#retry();
  }
}
