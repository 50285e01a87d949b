// The CORS filter: lists without repetitions, origins in the form in which browsers send them.
import type { HTTPCORSFilter } from '../api/generated/http-route.ts';
import type { CorsFilter } from '../ir/filter.ts';

const DEFAULT_PORT = /^(http:\/\/.*):80$|^(https:\/\/.*):443$/;

export function compileCors(filter: HTTPCORSFilter): CorsFilter {
  return {
    kind: 'cors',
    allowOrigins: distinct((filter.allowOrigins ?? []).map(canonicalOrigin)),
    allowMethods: distinct(filter.allowMethods ?? []),
    allowHeaders: distinct((filter.allowHeaders ?? []).map((name) => name.toLowerCase())),
    exposeHeaders: distinct((filter.exposeHeaders ?? []).map((name) => name.toLowerCase())),
    allowCredentials: filter.allowCredentials ?? false,
    maxAgeSeconds: filter.maxAge,
  };
}

/** Browsers send origins in lower case and without the scheme's own port. */
function canonicalOrigin(origin: string): string {
  const [, http, https] = DEFAULT_PORT.exec(origin) ?? [];
  return (http ?? https ?? origin).toLowerCase();
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
