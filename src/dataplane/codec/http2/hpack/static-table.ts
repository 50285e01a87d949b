// The static table of HPACK (RFC 7541 appendix A), by index and by name. Immutable.

/** Name, value, name, value …; the entry with index i (they start at 1) is at 2 * (i - 1). */
// oxfmt-ignore
export const STATIC_FIELDS: readonly string[] = [
  ':authority', '', ':method', 'GET', ':method', 'POST', ':path', '/', ':path', '/index.html', ':scheme', 'http', ':scheme', 'https',
  ':status', '200', ':status', '204', ':status', '206', ':status', '304', ':status', '400', ':status', '404', ':status', '500',
  'accept-charset', '', 'accept-encoding', 'gzip, deflate', 'accept-language', '', 'accept-ranges', '', 'accept', '',
  'access-control-allow-origin', '', 'age', '', 'allow', '', 'authorization', '', 'cache-control', '', 'content-disposition', '',
  'content-encoding', '', 'content-language', '', 'content-length', '', 'content-location', '', 'content-range', '', 'content-type', '',
  'cookie', '', 'date', '', 'etag', '', 'expect', '', 'expires', '', 'from', '', 'host', '', 'if-match', '', 'if-modified-since', '',
  'if-none-match', '', 'if-range', '', 'if-unmodified-since', '', 'last-modified', '', 'link', '', 'location', '', 'max-forwards', '',
  'proxy-authenticate', '', 'proxy-authorization', '', 'range', '', 'referer', '', 'refresh', '', 'retry-after', '', 'server', '',
  'set-cookie', '', 'strict-transport-security', '', 'transfer-encoding', '', 'user-agent', '', 'vary', '', 'via', '',
  'www-authenticate', '',
];

/** Entries 1 to 61; the dynamic table follows (section 2.3.3). */
export const STATIC_ENTRIES: number = STATIC_FIELDS.length / 2;

export interface StaticName {
  /** Of the first entry with this name; the others follow it. */
  readonly index: number;
  readonly values: readonly string[];
}

export const STATIC_NAMES: ReadonlyMap<string, StaticName> = indexNames();

function indexNames(): ReadonlyMap<string, StaticName> {
  const names = new Map<string, { readonly index: number; readonly values: string[] }>();
  for (let i = 0; i < STATIC_FIELDS.length; i += 2) {
    const [name, value] = STATIC_FIELDS.slice(i, i + 2) as [string, string];
    const known = names.get(name);
    if (known === undefined) names.set(name, { index: i / 2 + 1, values: [value] });
    else known.values.push(value);
  }
  return names;
}
