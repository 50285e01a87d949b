// The request that `sluice explain` is asked about, as typed. Nothing is normalised or repaired here: that is for the codec.
import { InvalidArgumentError } from 'commander';
import type { ExplainedRequest } from '../app/explanation.ts';

export type RequestLine = Omit<ExplainedRequest, 'headers'>;
export type Header = ExplainedRequest['headers'][number];

const REQUEST = /^(?:(?<method>\S+)\s+)?(?<scheme>https?):\/\/(?<authority>[^/?#\s]*)(?<target>[^#\s]*)(?:#\S*)?$/i;
const HEADER = /^(?<name>[^:\s]+):[ \t]*(?<value>[^\r\n\0]*)$/;

/** `[METHOD ]http[s]://host[:port][/path][?query]`; clients don't send a fragment. */
export function parseRequestLine(text: string): RequestLine {
  const { method = 'GET', scheme = '', authority = '', target = '' } = REQUEST.exec(text.trim())?.groups ?? {};
  if (scheme === '') throw new InvalidArgumentError("It must be like 'GET https://shop.example.com/cart?x=1'.");
  return {
    method,
    scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http',
    authority,
    target: target.startsWith('/') ? target : `/${target}`,
  };
}

/** `name: value`, one more each time. */
export function parseHeader(text: string, previous: readonly Header[] = []): readonly Header[] {
  const { name, value = '' } = HEADER.exec(text)?.groups ?? {};
  if (name === undefined) throw new InvalidArgumentError("It must be like 'name: value'.");
  return [...previous, [name, value.trimEnd()]];
}
