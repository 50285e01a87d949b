// Errors of the admin API: a code that programs may rely on and a sentence for people. Never a stack or a path.

export type AdminErrorCode =
  | 'invalid_request'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'misdirected'
  | 'one_process'
  | 'internal';

export class AdminError extends Error {
  readonly statusCode: number;
  readonly code: AdminErrorCode;

  constructor(statusCode: number, code: AdminErrorCode, message: string) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}

const CODES: ReadonlyMap<number, AdminErrorCode> = new Map([
  [413, 'payload_too_large'],
  [415, 'unsupported_media_type'],
]);

/** Fastify's own errors are about the request when they are below 500; all others are a defect, whose text stays in the log. */
export function toAdminError(error: unknown): AdminError {
  if (error instanceof AdminError) return error;
  if (error instanceof Error && 'statusCode' in error) {
    const { statusCode, message } = error;
    if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
      return new AdminError(statusCode, CODES.get(statusCode) ?? 'invalid_request', message);
    }
  }
  return new AdminError(500, 'internal', 'The request failed; the process log says why.');
}
