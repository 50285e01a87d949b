// What the gateway answers itself: a small text or JSON, by what the client accepts, with the id that the log has too.
import type { Exchange } from '../exchange.ts';
import { encodeGrpcMessage } from '../grpc.ts';
import { HeaderList } from '../header-list.ts';
import type { Rescue } from './rescue.ts';

/** A failure of a gRPC call: all of the answer is its head (`Trailers-Only` in the specification of gRPC). */
export function sendGrpcError(exchange: Exchange, { grpc, message }: Rescue, requestId: string): void {
  const headers = new HeaderList([
    'content-type',
    'application/grpc',
    'grpc-status',
    String(grpc),
    'grpc-message',
    encodeGrpcMessage(message),
  ]);
  sendReply(exchange, 200, headers, '', requestId);
}

export function sendErrorReply(
  exchange: Exchange,
  { status, message, retryAfterSeconds }: Rescue,
  requestId: string,
): void {
  const isJson = prefersJson(exchange.request.headers.getJoined('accept'));
  const body = isJson
    ? `${JSON.stringify({ status, message, requestId })}\n`
    : `${status} ${message}\nRequest id: ${requestId}\n`;
  const headers = new HeaderList([
    'content-type',
    isJson ? 'application/json' : 'text/plain; charset=utf-8',
    'cache-control',
    'no-store',
  ]);
  if (retryAfterSeconds !== undefined) headers.append('retry-after', String(retryAfterSeconds));
  sendReply(exchange, status, headers, body, requestId);
}

export function sendReply(
  exchange: Exchange,
  status: number,
  headers: HeaderList,
  body: string,
  requestId: string,
): void {
  const bytes = Buffer.from(body);
  headers.append('date', new Date().toUTCString());
  headers.append('x-request-id', requestId);
  exchange.respond({ status, headers }, bytes.length);
  if (bytes.length > 0) exchange.writeResponse(bytes);
  exchange.endResponse();
}

/** JSON where it is named and neither HTML nor plain text is named before it. */
function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const json = accept.search(/application\/(?:[\w.-]+\+)?json/i);
  const text = accept.search(/text\/(?:html|plain)/i);
  return json !== -1 && (text === -1 || json < text);
}
