// Header fields as Node shows them to plugins, and the way back: what plugins did not touch keeps its order and its repetitions.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { HeaderList } from '../../../src/dataplane/header-list.ts';

/** Of these Node keeps the first: so does whoever is sent what plugins saw. */
const FIRST_ONLY: ReadonlySet<string> = new Set(
  `age authorization content-type etag expires from if-modified-since if-unmodified-since last-modified location max-forwards
  referer retry-after server user-agent`.split(/\s+/),
);

/** What codecs write themselves, and what ends at this hop; `date` and the like are end-to-end. */
const NOT_END_TO_END: ReadonlySet<string> = new Set(
  `connection content-length expect host http2-settings keep-alive proxy-authenticate proxy-authorization proxy-connection te
  trailer transfer-encoding upgrade`.split(/\s+/),
);

export function isEndToEnd(name: string): boolean {
  return !NOT_END_TO_END.has(name);
}

export function toNodeHeaders({ fields }: HeaderList): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = {};
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    if (before === undefined) headers[name] = name === 'set-cookie' ? [value] : value;
    else if (typeof before === 'object') before.push(value);
    else if (!FIRST_ONLY.has(name)) headers[name] = `${before}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}

/** The list with what plugins changed in the headers they were shown. @throws TypeError for what is no field. */
export function withEdits(list: HeaderList, headers: IncomingHttpHeaders): HeaderList {
  const shown = toNodeHeaders(list);
  const edited = list.clone();
  for (const name of Object.keys(shown)) {
    if (headers[name] === undefined) edited.remove(name);
    else if (headers[name] !== shown[name] || FIRST_ONLY.has(name)) edited.set(name, checked(name, headers[name]));
  }
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined && !Object.hasOwn(shown, name) && isEndToEnd(name))
      edited.append(name, checked(name, value));
  }
  return edited;
}

function checked(name: string, value: string | string[]): string {
  const text = String(value);
  validateHeaderName(name);
  validateHeaderValue(name, text);
  return text;
}
