// The access log: one JSON line per request or session, with the fields that the configuration chose. The formatter is put together once; a line
// is built by hand, as it is paid for on every request. Texts are escaped and bounded, whoever wrote them.
import { boundText, jsonText } from './json-text.ts';
import type { LineSink } from './line-sink.ts';
import { redactQuery, redactUrls } from './redaction.ts';
import type { ResponseFlag } from './response-flag.ts';

/** What is known of a request, or of a session of a stream route, when it has ended. Only read, and only inside log(): any object with these properties will do. */
export interface AccessLogRecord {
  /** Milliseconds since the epoch, when the request's head was complete, or the session began. */
  readonly startMs: number;
  /** Until the response's last byte was handed to the socket, or the request was given up. */
  readonly durationMs: number;
  /** This, the path and the status are of requests only. */
  readonly method: string | undefined;
  /** Without port: what was matched. */
  readonly host: string | undefined;
  /** The normalised path. */
  readonly path: string | undefined;
  /** Raw, without `?`. Values of sensitive parameters are not logged. */
  readonly query: string | undefined;
  /** `HTTP/1.1`, `HTTP/2`, `TCP`, `TLS`, `UDP`. */
  readonly protocol: string;
  /** 0 where no response was begun. */
  readonly status: number | undefined;
  /** Of a gRPC call; whatever the server wrote. */
  readonly grpcStatus: string | undefined;
  readonly flag: ResponseFlag | undefined;
  /** VirtualHost.name */
  readonly listener: string | undefined;
  /** Route.name */
  readonly route: string | undefined;
  /** RouteRule.name */
  readonly rule: string | undefined;
  /** WeightedBackend.name */
  readonly backend: string | undefined;
  /** `address:port` of the last try. */
  readonly endpoint: string | undefined;
  readonly remoteAddress: string;
  /** Of bodies, or of all that a session carried. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly requestId: string | undefined;
  readonly traceId: string | undefined;
  readonly userAgent: string | undefined;
  /** Userinfo and values of sensitive parameters are not logged. */
  readonly referer: string | undefined;
  /** From the first try to the head of the response. */
  readonly upstreamDurationMs: number | undefined;
  /** How often the request was sent, or a connection was tried. */
  readonly attempts: number;
  /** `TLSv1.3` */
  readonly tlsVersion: string | undefined;
  /** SNI */
  readonly serverName: string | undefined;
}

/** `time` is startMs as ISO 8601 in UTC. The names are the keys of the line. */
export type AccessLogField = Exclude<keyof AccessLogRecord, 'startMs'> | 'time';

export interface AccessLog {
  log(record: AccessLogRecord): void;
}

export interface AccessLogOptions {
  /** In the order of the line. A field without a value is left out of it. */
  readonly fields: readonly AccessLogField[];
  readonly sink: LineSink;
}

/** A piece of the line: `,"key":value`, or nothing where the record has no value. */
type Fragment = (record: AccessLogRecord) => string;

const FIELDS: Readonly<Record<AccessLogField, (key: AccessLogField) => Fragment>> = {
  time: timeField,
  durationMs: millisField((record) => record.durationMs),
  method: nameField((record) => record.method),
  host: textField((record) => record.host),
  path: textField((record) => record.path),
  query: textField(({ query }) => query && redactQuery(boundText(query))),
  protocol: nameField((record) => record.protocol),
  status: numberField((record) => record.status),
  grpcStatus: textField((record) => record.grpcStatus),
  flag: nameField((record) => record.flag),
  listener: nameField((record) => record.listener),
  route: nameField((record) => record.route),
  rule: nameField((record) => record.rule),
  backend: nameField((record) => record.backend),
  endpoint: nameField((record) => record.endpoint),
  remoteAddress: textField((record) => record.remoteAddress),
  bytesReceived: numberField((record) => record.bytesReceived),
  bytesSent: numberField((record) => record.bytesSent),
  requestId: textField((record) => record.requestId),
  traceId: textField((record) => record.traceId),
  userAgent: textField((record) => record.userAgent),
  referer: textField(({ referer }) => referer && redactUrls(boundText(referer))),
  upstreamDurationMs: millisField((record) => record.upstreamDurationMs),
  attempts: numberField((record) => record.attempts),
  tlsVersion: nameField((record) => record.tlsVersion),
  serverName: textField((record) => record.serverName),
};

/** All there are, for the configuration's schema and the docs. */
export const ACCESS_LOG_FIELDS: readonly AccessLogField[] = Object.keys(FIELDS) as readonly AccessLogField[];

/** All but those that few need or that are long. */
export const DEFAULT_ACCESS_LOG_FIELDS: readonly AccessLogField[] = ACCESS_LOG_FIELDS.filter(
  (field) => !['query', 'referer', 'tlsVersion', 'serverName'].includes(field),
);

/** Names that one field remembers as JSON; when there are more, it begins anew. */
const MAX_REMEMBERED_NAMES = 1_024;

export function createAccessLog({ fields, sink }: AccessLogOptions): AccessLog {
  const fragments = fields.map((field) => FIELDS[field](field));
  return {
    log(record): void {
      let line = '';
      for (let i = 0; i < fragments.length; i++) line += (fragments[i] as Fragment)(record);
      sink.write(`{${line.slice(1)}}\n`);
    },
  };
}

function textField(read: (record: AccessLogRecord) => string | undefined): (key: string) => Fragment {
  return (key) => {
    const start = `,"${key}":`;
    return (record) => {
      const text = read(record);
      return text === undefined ? '' : start + jsonText(text);
    };
  };
}

/** For texts of which there are few, such as names from the configuration: each is escaped once. */
function nameField(read: (record: AccessLogRecord) => string | undefined): (key: string) => Fragment {
  return (key) => {
    const remembered = new Map<string, string>();
    return (record) => {
      const name = read(record);
      if (name === undefined) return '';
      let fragment = remembered.get(name);
      if (fragment === undefined) {
        fragment = `,"${key}":${jsonText(name)}`;
        if (remembered.size >= MAX_REMEMBERED_NAMES) remembered.clear();
        remembered.set(name, fragment);
      }
      return fragment;
    };
  };
}

function numberField(read: (record: AccessLogRecord) => number | undefined): (key: string) => Fragment {
  return (key) => {
    const start = `,"${key}":`;
    return (record) => {
      const value = read(record);
      return value !== undefined && Number.isFinite(value) ? start + value : '';
    };
  };
}

/** To the microsecond, from whole numbers: printing a fraction is slow. */
function millisField(read: (record: AccessLogRecord) => number | undefined): (key: string) => Fragment {
  return (key) => {
    const start = `,"${key}":`;
    return (record) => {
      const micros = Math.round((read(record) ?? Number.NaN) * 1_000);
      if (!(micros >= 0 && micros <= Number.MAX_SAFE_INTEGER)) return '';
      const whole = Math.floor(micros / 1_000);
      return `${start}${whole}.${threeDigits(micros - whole * 1_000)}`;
    };
  };
}

/** What a Date can hold. */
const MAX_DATE_MS = 8.64e15;

/** Remembers the text of the current second. */
function timeField(key: string): Fragment {
  let second = Number.NaN;
  let start = '';
  return ({ startMs }) => {
    const ms = Math.floor(startMs);
    if (!(ms >= 0 && ms <= MAX_DATE_MS)) return '';
    const msInSecond = ms % 1_000;
    if (ms - msInSecond !== second) {
      second = ms - msInSecond;
      start = `,"${key}":"${new Date(second).toISOString().slice(0, -4)}`;
    }
    return `${start}${threeDigits(msInSecond)}Z"`;
  };
}

function threeDigits(value: number): string {
  return value < 10 ? `00${value}` : value < 100 ? `0${value}` : String(value);
}
