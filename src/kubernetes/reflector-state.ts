// What can be said of a reflector at a moment, and what a failure makes of it.
import type { ResourceKind } from '../api/schema.ts';
import { ApiError, isGone } from './api-error.ts';
import { resourceName } from './resource.ts';

export type ReflectorState =
  /** Not all objects have been seen yet. */
  | { readonly kind: 'listing' }
  | { readonly kind: 'synced' }
  /** The API server does not serve the kind: its CRD is missing. */
  | { readonly kind: 'absent'; readonly message: string }
  | { readonly kind: 'forbidden'; readonly message: string }
  /** The last try failed in a way that passes by itself; the next one is due soon. */
  | { readonly kind: 'failing'; readonly message: string }
  | { readonly kind: 'stopped' };

export type Verb = 'list' | 'watch';

/** @param namespace undefined: all of the cluster. */
export function stateAfter(
  error: unknown,
  verb: Verb,
  kind: ResourceKind,
  namespace: string | undefined,
): ReflectorState {
  const what = `${verb} ${resourceName(kind)}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
  const reason = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError)) return { kind: 'failing', message: `cannot ${what}: ${reason}` };
  if (error.status === 403) return { kind: 'forbidden', message: `may not ${what}: ${reason}` };
  if (error.status === 404) return { kind: 'absent', message: `the API server has no ${resourceName(kind)}` };
  return { kind: 'failing', message: `cannot ${what}: ${reason}` };
}

/** Whether a watch may go on from the version before: not when that is too old, and not after an error that could come back with it. */
export function canResume(error: unknown): boolean {
  if (!(error instanceof ApiError) || isGone(error)) return false;
  return (
    error.code === 'unreachable' || error.code === 'timeout' || error.code === 'credentials' || isBusy(error.status)
  );
}

/** The server is there and asks for patience, or does not come to answer. */
function isBusy(status: number | undefined): boolean {
  return status === 429 || status === 401 || status === 502 || status === 503;
}
