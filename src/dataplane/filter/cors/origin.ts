// Compares origins as the CORS filter's API defines it: exact, `scheme://*.suffix[:port]` for one or more labels, `scheme://*`, or `*`.
// A missing port is the scheme's.

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^:/?#@\s]+)(?::(\d{1,5}))?$/;

export function compileOrigins(patterns: readonly string[]): (origin: string) => boolean {
  if (patterns.includes('*')) return (origin) => parseOrigin(origin) !== undefined || origin === 'null';
  const parsed = patterns.flatMap((pattern) => parseOrigin(pattern) ?? []);
  return (text) => {
    const origin = parseOrigin(text);
    return origin !== undefined && parsed.some((pattern) => matches(pattern, origin));
  };
}

function matches(pattern: Origin, origin: Origin): boolean {
  if (pattern.scheme !== origin.scheme || pattern.port !== origin.port) return false;
  if (pattern.host === '*') return true;
  if (!pattern.host.startsWith('*.')) return pattern.host === origin.host;
  return origin.host.endsWith(pattern.host.slice(1)) && origin.host.length >= pattern.host.length;
}

function parseOrigin(text: string): Origin | undefined {
  const found = ORIGIN.exec(text.toLowerCase());
  if (found === null) return undefined;
  const [, scheme = '', host = '', port] = found;
  return { scheme, host, port: port ?? (scheme === 'https' ? '443' : scheme === 'http' ? '80' : '') };
}
