// The one error with which a call to the API server fails. Its code says what kind of failure it was; for an answer of the server,
// `status` and `reason` are the server's own (metav1.Status).

export type ApiErrorCode =
  /** No answer: refused, reset, name not found, TLS. */
  | 'unreachable'
  | 'timeout'
  /** The server said no; see `status`. */
  | 'status'
  | 'response_malformed'
  | 'response_too_large'
  /** There is nothing to authenticate with: a file or a plugin failed. */
  | 'credentials'
  /** More calls wait here than MAX_WAITING_REQUESTS. */
  | 'overloaded';

interface ApiErrorDetails {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

const MAX_MESSAGE_CHARACTERS = 1_000;
const HTTP_GONE = 410;

export class ApiError extends Error {
  override readonly name: string = 'ApiError';
  readonly code: ApiErrorCode;
  readonly status: number | undefined;
  /** `NotFound`, `Conflict`, `Expired`, … */
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ApiErrorCode, message: string, { status, reason, retryAfterMs, cause }: ApiErrorDetails = {}) {
    super(message.slice(0, MAX_MESSAGE_CHARACTERS), cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** An answer that is no success. @param retryAfter the header field, if there was one. */
export function statusError(httpStatus: number, body: string, retryAfter?: string): ApiError {
  return toError(httpStatus, parseStatus(body), Number(retryAfter));
}

/** The ERROR event of a watch, which holds a Status. */
export function watchError(object: unknown): ApiError {
  const status = readStatus(object);
  return toError(status?.code ?? 500, status, 0);
}

function toError(httpStatus: number, status: Status | undefined, retryAfterSeconds: number): ApiError {
  const seconds = status?.retryAfterSeconds ?? retryAfterSeconds;
  return new ApiError('status', status?.message ?? `HTTP ${httpStatus}`, {
    status: httpStatus,
    reason: status?.reason,
    retryAfterMs: seconds > 0 ? seconds * 1_000 : undefined,
  });
}

/** Whether the resource version, or the token of a page, is too old to go on from. */
export function isGone(error: unknown): boolean {
  return hasStatus(error, HTTP_GONE);
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'response_too_large';
}

interface Status {
  readonly message: string | undefined;
  readonly reason: string | undefined;
  readonly code: number | undefined;
  readonly retryAfterSeconds: number | undefined;
}

function parseStatus(body: string): Status | undefined {
  try {
    return readStatus(JSON.parse(body));
  } catch {
    return undefined;
  }
}

function readStatus(value: unknown): Status | undefined {
  if (!isRecord(value) || value['kind'] !== 'Status') return undefined;
  const { message, reason, code, details } = value;
  const seconds = isRecord(details) ? details['retryAfterSeconds'] : undefined;
  return {
    message: typeof message === 'string' && message !== '' ? message : undefined,
    reason: typeof reason === 'string' ? reason : undefined,
    code: typeof code === 'number' ? code : undefined,
    retryAfterSeconds: typeof seconds === 'number' ? seconds : undefined,
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
