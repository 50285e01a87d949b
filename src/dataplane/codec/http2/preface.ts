// The client connection preface of HTTP/2 (RFC 9113 section 3.4): how a client that knows in advance is told from an HTTP/1.1 one.

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** `start`: more bytes are needed to tell. */
export function matchPreface(bytes: Buffer): 'preface' | 'start' | 'other' {
  const length = Math.min(bytes.length, PREFACE.length);
  if (bytes.compare(PREFACE, 0, length, 0, length) !== 0) return 'other';
  return length === PREFACE.length ? 'preface' : 'start';
}
