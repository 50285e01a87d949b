// The path that a redirect or a rewrite puts in place: an absolute path in the form that requests are brought into, so that a
// replacement can smuggle in neither a host nor a header.
import type { HTTPPathModifier } from '../api/generated/http-route.ts';
import type { PathModifier } from '../ir/filter.ts';
import { normalizePath } from '../lib/http-path.ts';
import type { Problem } from './object-status.ts';
import { quote } from './quote.ts';
import { unsupportedValue } from './route-condition.ts';

/** `replacePrefix` values lose their trailing slash, as prefixes do; an empty one is `/`. */
export function compilePathModifier(
  { type, replaceFullPath = '', replacePrefixMatch = '' }: HTTPPathModifier,
  field: string,
  problems: Problem[],
): PathModifier {
  if (type === 'ReplaceFullPath') {
    checkPath(replaceFullPath, `${field}.replaceFullPath`, problems);
    return { kind: 'replaceFull', value: replaceFullPath };
  }
  if (replacePrefixMatch !== '') checkPath(replacePrefixMatch, `${field}.replacePrefixMatch`, problems);
  return { kind: 'replacePrefix', value: replacePrefixMatch.replace(/\/$/, '') || '/' };
}

function checkPath(path: string, field: string, problems: Problem[]): void {
  const normalized = normalizePath(path);
  if (typeof normalized !== 'string') problems.push(unsupportedValue(field, normalized.problem));
  else if (normalized !== path) problems.push(unsupportedValue(field, `must be written as ${quote(normalized)}`));
}
