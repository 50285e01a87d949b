// The one place where a failure becomes a status code, a gRPC status and a response flag.
import type { ResponseFlag } from '../../observability/response-flag.ts';
import { GRPC_STATUS } from '../grpc.ts';
import type { ProxyErrorCode } from '../proxy-error.ts';

export interface Rescue {
  readonly status: number;
  /** The same for a gRPC call, whose HTTP status is 200. */
  readonly grpc: number;
  readonly flag: ResponseFlag;
  /** What the client is told; nothing of the inside. */
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export const RESCUES: Readonly<Record<ProxyErrorCode, Rescue>> = {
  bad_request: { status: 400, grpc: GRPC_STATUS.internal, flag: 'DPE', message: 'The request is malformed.' },
  payload_too_large: {
    status: 413,
    grpc: GRPC_STATUS.resourceExhausted,
    flag: 'DPE',
    message: 'The request body is too large.',
  },
  uri_too_long: { status: 414, grpc: GRPC_STATUS.internal, flag: 'DPE', message: 'The request target is too long.' },
  headers_too_large: {
    status: 431,
    grpc: GRPC_STATUS.resourceExhausted,
    flag: 'DPE',
    message: 'The request header fields are too large.',
  },
  not_implemented: {
    status: 501,
    grpc: GRPC_STATUS.unimplemented,
    flag: 'DPE',
    message: 'The request needs something that is not supported here.',
  },
  method_not_allowed: {
    status: 405,
    grpc: GRPC_STATUS.unimplemented,
    flag: 'DPE',
    message: 'The method is not allowed.',
  },
  version_not_supported: {
    status: 505,
    grpc: GRPC_STATUS.internal,
    flag: 'DPE',
    message: 'The HTTP version is not supported.',
  },
  expectation_failed: {
    status: 417,
    grpc: GRPC_STATUS.internal,
    flag: 'DPE',
    message: 'The expectation is not known.',
  },
  request_timeout: {
    status: 408,
    grpc: GRPC_STATUS.unavailable,
    flag: 'DT',
    message: 'The request took too long to arrive.',
  },
  downstream_closed: {
    status: 499,
    grpc: GRPC_STATUS.cancelled,
    flag: 'DC',
    message: 'The client closed the connection.',
  },
  stream_idle: {
    status: 504,
    grpc: GRPC_STATUS.unavailable,
    flag: 'SI',
    message: 'Nothing was sent or read for too long.',
  },
  misdirected: {
    status: 421,
    grpc: GRPC_STATUS.unavailable,
    flag: 'MR',
    message: 'This host is not served on this connection.',
  },
  route_not_found: {
    status: 404,
    grpc: GRPC_STATUS.unimplemented,
    flag: 'NR',
    message: 'No route matches the request.',
  },
  no_backend: { status: 500, grpc: GRPC_STATUS.unavailable, flag: 'NC', message: 'The route has no usable backend.' },
  no_healthy_upstream: {
    status: 503,
    grpc: GRPC_STATUS.unavailable,
    flag: 'UH',
    message: 'No endpoint of the backend is ready.',
  },
  upstream_overflow: { status: 503, grpc: GRPC_STATUS.unavailable, flag: 'UO', message: 'The backend is overloaded.' },
  upstream_connect_failed: {
    status: 503,
    grpc: GRPC_STATUS.unavailable,
    flag: 'UF',
    message: 'The backend could not be reached.',
  },
  upstream_connect_timeout: {
    status: 504,
    grpc: GRPC_STATUS.unavailable,
    flag: 'UF',
    message: 'The backend could not be reached in time.',
  },
  upstream_reset: {
    status: 503,
    grpc: GRPC_STATUS.unavailable,
    flag: 'UC',
    message: 'The backend closed the connection.',
  },
  upstream_refused: {
    status: 503,
    grpc: GRPC_STATUS.unavailable,
    flag: 'UR',
    message: 'The backend refused the request unseen.',
  },
  upstream_protocol_error: {
    status: 502,
    grpc: GRPC_STATUS.unavailable,
    flag: 'UPE',
    message: 'The answer of the backend was malformed.',
  },
  upstream_timeout: {
    status: 504,
    grpc: GRPC_STATUS.deadlineExceeded,
    flag: 'UT',
    message: 'The backend did not answer in time.',
  },
  route_timeout: {
    status: 504,
    grpc: GRPC_STATUS.deadlineExceeded,
    flag: 'DT',
    message: 'The request took longer than its route allows.',
  },
  overloaded: {
    status: 503,
    grpc: GRPC_STATUS.unavailable,
    flag: 'OM',
    message: 'The gateway is overloaded.',
    retryAfterSeconds: 1,
  },
  loop_detected: {
    status: 508,
    grpc: GRPC_STATUS.internal,
    flag: 'LD',
    message: 'The request came through this gateway too often.',
  },
  drain_expired: {
    status: 503,
    grpc: GRPC_STATUS.unavailable,
    flag: 'LR',
    message: 'The gateway is going out of service.',
  },
  internal: {
    status: 500,
    grpc: GRPC_STATUS.internal,
    flag: 'IE',
    message: 'The gateway failed to handle the request.',
  },
};
