// Regular expressions of CRDs (RE2 syntax) as JavaScript ones. Inputs are untrusted, so no pattern may backtrack without bound:
// every pattern of the generated schemas is listed here or reported by the test, and the one that explodes is replaced.

interface KnownPattern {
  /** Completes "must be …". */
  readonly meaning: string;
  /** An equivalent expression, for a pattern whose time is not bounded by a low power of the length. */
  readonly equivalent?: string;
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DOMAIN = `${LABEL}(\\.${LABEL})*`;

/** An RFC 1123 label. */
export const LABEL_PATTERN: string = `^${LABEL}$`;
/** An RFC 1123 subdomain. */
export const DOMAIN_PATTERN: string = `^${DOMAIN}$`;
/** The value of an object's label. */
export const LABEL_VALUE_PATTERN = '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$';

const CONTROLLER = `${DOMAIN}\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+`;

const KNOWN_PATTERNS: ReadonlyMap<string, KnownPattern> = new Map<string, KnownPattern>([
  [LABEL_PATTERN, { meaning: 'lower-case letters, digits and inner hyphens' }],
  [DOMAIN_PATTERN, { meaning: 'a lower-case domain name' }],
  [`^$|^${DOMAIN}$`, { meaning: 'empty or a lower-case domain name' }],
  [`^(\\*\\.)?${DOMAIN}$`, { meaning: 'a lower-case host name, whose first label may be *' }],
  [`^${CONTROLLER}$`, { meaning: 'a domain and a path, as in example.com/controller' }],
  [
    `^Hostname|IPAddress|NamedAddress|${CONTROLLER}$`,
    { meaning: 'Hostname, IPAddress, NamedAddress or a type with a domain, as in example.com/type' },
  ],
  [
    `^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|${DOMAIN}\\/[A-Za-z0-9]+$`,
    { meaning: 'a protocol such as HTTP, HTTPS, TLS, TCP or UDP, or one with a domain, as in example.com/protocol' },
  ],
  ['^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$', { meaning: 'a kind, such as Service' }],
  [LABEL_VALUE_PATTERN, { meaning: 'a label value: letters, digits and inner hyphens, underscores and dots' }],
  [
    "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$",
    { meaning: 'made of the characters that a URL path may hold' },
  ],
  [
    "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$",
    { meaning: "a header name: letters, digits and ! # $ % & ' * + - . ^ _ ` | ~" },
  ],
  [
    '^[!-~]+([\\t ]?[!-~]+)*$',
    {
      meaning: 'visible ASCII characters with single spaces or tabs between them',
      equivalent: '^[!-~]+([\\t ][!-~]+)*$',
    },
  ],
  [
    '(^\\*$)|(^(http(s)?):\\/\\/(((\\*\\.)?([a-zA-Z0-9\\-]+\\.)*[a-zA-Z0-9-]+|\\*)(:([0-9]{1,5}))?)$)',
    { meaning: 'an origin such as https://example.com or https://*.example.com:8443, or *' },
  ],
  ['^([0-9]{1,5}(h|m|s|ms)){1,4}$', { meaning: 'a duration, such as 10s, 500ms or 1h30m' }],
  [
    '^(([^:/?#]+):)(//([^/?#]*))([^?#]*)(\\?([^#]*))?(#(.*))?',
    { meaning: 'a URI with a scheme and an authority, as in spiffe://example.com/service' },
  ],
  [
    `^(System|(${DOMAIN}/([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]))$`,
    { meaning: 'System or a name with a domain, as in example.com/certificates' },
  ],
  [
    `^(${DOMAIN}/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$`,
    { meaning: 'a name, which may have a domain in front, as in example.com/internal' },
  ],
]);

/** What a text must be to match, to complete "must be …". */
export function patternMeaning(pattern: string): string {
  return KNOWN_PATTERNS.get(pattern)?.meaning ?? `text that matches ${pattern}`;
}

/** Whether a pattern has been looked at: it has a meaning in words and takes bounded time. */
export function isKnownPattern(pattern: string): boolean {
  return KNOWN_PATTERNS.has(pattern);
}

/** Compiles a pattern once. Holds as many expressions as there are patterns in the schemas and rules of known kinds. */
export class PatternCache {
  readonly #compiled = new Map<string, RegExp>();

  compile(pattern: string): RegExp {
    let compiled = this.#compiled.get(pattern);
    if (compiled === undefined) {
      const source = KNOWN_PATTERNS.get(pattern)?.equivalent ?? pattern;
      const ignoreCase = source.includes('(?i)');
      compiled = new RegExp(source.replace('(?i)', ''), ignoreCase ? 'iu' : 'u');
      this.#compiled.set(pattern, compiled);
    }
    return compiled;
  }
}
