// Every failure on the data path is one ProxyError. forward/rescue.ts alone turns it into a status code and a response flag.

/** Stable codes; docs/reference/errors.md lists them. */
export type ProxyErrorCode =
  | 'bad_request'
  | 'payload_too_large'
  | 'uri_too_long'
  | 'headers_too_large'
  | 'not_implemented'
  | 'method_not_allowed'
  | 'version_not_supported'
  | 'expectation_failed'
  | 'request_timeout'
  | 'downstream_closed'
  | 'stream_idle'
  | 'misdirected'
  | 'route_not_found'
  | 'no_backend'
  | 'no_healthy_upstream'
  | 'upstream_overflow'
  | 'upstream_connect_failed'
  | 'upstream_connect_timeout'
  | 'upstream_reset'
  | 'upstream_refused'
  | 'upstream_protocol_error'
  | 'upstream_timeout'
  | 'route_timeout'
  | 'overloaded'
  | 'loop_detected'
  | 'drain_expired'
  | 'internal';

export type ProxyErrorSource = 'downstream' | 'upstream' | 'internal';

export class ProxyError extends Error {
  readonly code: ProxyErrorCode;
  readonly source: ProxyErrorSource;
  /** Whether sending the request again, elsewhere or on a new connection, can't do harm: no byte of it was acted upon. */
  readonly retryable: boolean;

  constructor(code: ProxyErrorCode, source: ProxyErrorSource, message: string, retryable = false) {
    super(message);
    this.code = code;
    this.source = source;
    this.retryable = retryable;
  }
}
