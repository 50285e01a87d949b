// Hostname patterns: an exact name, `*.suffix` (one or more labels in front of the suffix) or `*` (any host). Everything here is
// lower case and without a trailing dot or port; lib/authority.ts brings a client's text into that form.

export const ANY_HOSTNAME = '*';

export function isWildcardHostname(pattern: string): boolean {
  return pattern.startsWith('*.');
}

/** `host` may itself be a `*.suffix`: then it tells whether every host of it matches. */
export function hostnameMatches(pattern: string, host: string): boolean {
  if (pattern === ANY_HOSTNAME || pattern === host) return true;
  return isWildcardHostname(pattern) && host.length >= pattern.length && host.endsWith(pattern.slice(1));
}

/** The pattern for the hosts that both match, or undefined where there are none. It is always one of the two. */
export function intersectHostnames(a: string, b: string): string | undefined {
  if (hostnameMatches(a, b)) return b;
  return hostnameMatches(b, a) ? a : undefined;
}

/** Negative where `a` is more specific: exact, then the wildcard with more labels, then `*`. */
export function compareHostnameSpecificity(a: string, b: string): number {
  return specificity(b) - specificity(a);
}

function specificity(pattern: string): number {
  if (pattern === ANY_HOSTNAME) return 0;
  if (!isWildcardHostname(pattern)) return Number.MAX_SAFE_INTEGER;
  let dots = 0;
  for (let dot = pattern.indexOf('.'); dot !== -1; dot = pattern.indexOf('.', dot + 1)) dots++;
  return dots;
}
