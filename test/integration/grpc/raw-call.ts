// One call by node:http2 alone, for what grpc-js does not send or does not tell: content types, deadlines that the client itself does not
// keep, how an answer is framed.
import { connect, constants } from 'node:http2';
import type { IncomingHttpHeaders } from 'node:http2';
import type { TestBed } from '../../harness/test-bed.ts';
import type { WireAddress } from '../../harness/wire-client.ts';
import { pathOf } from './grpc-client.ts';

export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  /** Undefined where the head ended the stream. */
  readonly trailers: IncomingHttpHeaders | undefined;
  /** The head ended the stream. */
  readonly isTrailersOnly: boolean;
  readonly body: Buffer;
  /** Of RST_STREAM; 0 where the stream ended in order. */
  readonly resetCode: number;
}

/** A message of `body`, behind its five bytes of framing. */
export function framed(body: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

/** @param fields beside the ones that every call has, or in their place. */
export async function rawCall(
  bed: TestBed,
  { address, port }: WireAddress,
  fields: Readonly<Record<string, string>> = {},
  body: Buffer = framed(Buffer.alloc(4)),
): Promise<RawAnswer> {
  const session = connect(`http://${address}:${port}`);
  bed.atEnd(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': pathOf('UnaryCall'),
    'content-type': 'application/grpc',
    te: 'trailers',
    ...fields,
  });
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  let isTrailersOnly = false;
  const chunks: Buffer[] = [];
  stream.on('response', (received, flags) => {
    headers = received;
    isTrailersOnly = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
  });
  stream.on('trailers', (received) => (trailers = received));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => {});
  stream.end(body);
  await new Promise<void>((resolve) => stream.on('close', resolve));
  return { headers, trailers, isTrailersOnly, body: Buffer.concat(chunks), resetCode: stream.rstCode ?? 0 };
}
