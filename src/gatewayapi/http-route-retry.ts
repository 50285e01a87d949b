// rules[].retry of an HTTPRoute. Connections that fail are always tried again, codes only where they are listed.
import type { HTTPRouteRetry } from '../api/generated/http-route.ts';
import type { RetryPolicy } from '../ir/route.ts';
import { parseDurationMs } from '../lib/duration.ts';
import type { Problem } from './object-status.ts';
import { unsupportedValue } from './route-condition.ts';

/** The API sets no limit; more would only add to the load that made the backend fail. */
const MAX_ATTEMPTS = 100;
const DEFAULT_BACKOFF_MS = 25;
const MAX_BACKOFF_MS = 10_000;

/** No attempts switch off also the retries that are made where a route says nothing. */
export function compileRetry(
  { attempts, codes = [], backoff }: HTTPRouteRetry,
  field: string,
  problems: Problem[],
): RetryPolicy {
  if (attempts > MAX_ATTEMPTS) problems.push(unsupportedValue(`${field}.attempts`, `at most ${MAX_ATTEMPTS} are made`));
  const backoffMs = backoff === undefined ? DEFAULT_BACKOFF_MS : parseDurationMs(backoff);
  if (backoffMs === undefined || backoffMs > MAX_BACKOFF_MS)
    problems.push(unsupportedValue(`${field}.backoff`, 'must be a duration of at most 10s, such as 100ms'));
  return { attempts, codes, backoffMs: backoffMs ?? DEFAULT_BACKOFF_MS };
}
