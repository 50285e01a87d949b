// Replaces a path, or the prefix of it that the match named (GEP-726). The result never starts with `//`, which a client would read as
// the name of another host.
import type { PathModifier } from '../../ir/filter.ts';
import type { PathMatch } from '../../ir/route.ts';

/** @param path normalised; `matched` is the match that won, a prefix where the modifier replaces a prefix. */
export function modifyPath(path: string, modifier: PathModifier | undefined, matched: PathMatch): string {
  if (modifier === undefined || path === '*') return path;
  if (modifier.kind === 'replaceFull') return singleSlash(modifier.value);
  const rest = matched.value === '/' ? path : path.slice(matched.value.length);
  const replacement = modifier.value.endsWith('/') ? modifier.value.slice(0, -1) : modifier.value;
  return singleSlash(replacement + rest);
}

function singleSlash(path: string): string {
  return `/${path.replace(/^\/+/, '')}`;
}
