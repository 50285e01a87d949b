// Which header fields a route may not touch or match: those that a codec or the gateway itself answers for.

/** Hop-by-hop and framing fields (RFC 9110 section 7.6.1, RFC 9112) and Host. Lower case. */
const CODEC_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Without control characters, CR and LF among them; what is above U+00FF has no byte on the wire. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export function isHeaderName(name: string): boolean {
  return TOKEN.test(name);
}

export function isHeaderValue(value: string): boolean {
  return FIELD_VALUE.test(value);
}

export function isCodecField(lowerCaseName: string): boolean {
  return CODEC_FIELDS.has(lowerCaseName);
}
