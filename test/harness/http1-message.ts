// What the referees read out of a byte stream, in terms that two different parsers can be compared by.
// Shares nothing with the product: these tests would otherwise agree with its mistakes.

export type Field = readonly [name: string, value: string];

export interface Message {
  /** Method, target, version; or version, status, reason. */
  readonly startLine: readonly [string, string, string];
  readonly headers: readonly Field[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close' | 'tunnel';
  readonly body: Buffer;
  readonly trailers: readonly Field[];
  /** Chunk extensions as they came, `;` included; a gateway must never forward one. */
  readonly chunkExtensions: readonly string[];
}

export interface Reading {
  /** Complete messages, interim (1xx) responses included. */
  readonly messages: readonly Message[];
  /** What follows them: nothing, the beginning of one more message, or bytes that can't begin one. */
  readonly rest: 'nothing' | 'prefix' | 'invalid';
  /** Why the rest is invalid. Wording is the referee's own and takes no part in comparisons. */
  readonly reason: string;
  /** The message that `prefix` begins, as far as it goes, once its head is complete. */
  readonly unfinished: Message | undefined;
}

export interface ResponseContext {
  /** Methods of the requests that are being answered, in order; GET when it runs out. */
  readonly methods?: readonly string[];
  /** Whether the stream has ended: completes a body that is delimited by the close. */
  readonly closed?: boolean;
}

export interface RequestContext {
  /** RFC 9112 section 2.2: a server may skip empty lines before a request, which no client should send. */
  readonly skipsEmptyLines?: boolean;
}

/** A strict reader of HTTP/1.x; takes nothing that RFC 9112 forbids a sender to send. */
export interface Referee {
  readonly name: string;
  readRequests(bytes: Uint8Array, context?: RequestContext): Reading;
  readResponses(bytes: Uint8Array, context?: ResponseContext): Reading;
}

export function statusOf(response: Message): number {
  return Number(response.startLine[1]);
}

export function valuesOf(message: Message, name: string): string[] {
  return message.headers.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
}

/** All values joined as RFC 9110 section 5.3 says; undefined where the field is absent. */
export function valueOf(message: Message, name: string): string | undefined {
  const values = valuesOf(message, name);
  return values.length === 0 ? undefined : values.join(', ');
}

/** `METHOD target` and the body as latin1 text: enough to tell most forwarded requests apart in a table. */
export function summaryOf(request: Message): string {
  const body = request.body.toString('latin1');
  return `${request.startLine[0]} ${request.startLine[1]}${body === '' ? '' : ` ${body}`}`;
}
