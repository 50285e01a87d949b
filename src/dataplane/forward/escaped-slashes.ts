// Paths with `%2F`, where a listener does not take it for data (row P03 of the hardening tests): a server behind that decodes it would see
// another path than the one that was matched.
import type { ListenerSettings } from '../../ir/listener.ts';
import { hasEscapedSlash, unescapeSlashes } from '../../lib/http-path.ts';
import type { LocalResponse } from '../filter/filter.ts';
import { HeaderList } from '../header-list.ts';
import { ProxyError } from '../proxy-error.ts';

/**
 * Undefined: the request goes on. A redirect leads to a path without `%2F`, so that there is one at most; it names no host and begins with
 * one slash, so that it leads nowhere else.
 */
export function judgeEscapedSlashes(
  path: string,
  query: string | undefined,
  mode: ListenerSettings['escapedSlashes'] = 'keep',
): LocalResponse | ProxyError | undefined {
  if (mode === 'keep' || !hasEscapedSlash(path)) return undefined;
  const unescaped = unescapeSlashes(path);
  if (mode === 'reject' || typeof unescaped !== 'string')
    return new ProxyError('bad_request', 'downstream', 'the path holds an escaped slash');
  const location = query === undefined ? unescaped : `${unescaped}?${query}`;
  return { status: 307, headers: new HeaderList(['location', location]) };
}
