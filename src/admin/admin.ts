// The admin API: its own address, bounded, and the same checks for every request. What it serves is in routes.ts.
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';
import type { AddressInfo, Server } from 'node:net';
import type { SecretText } from '../lib/secret-text.ts';
import type { Logger } from '../observability/process-log.ts';
import { AdminError, toAdminError } from './admin-error.ts';
import type { AdminSource } from './admin-source.ts';
import { checkHost, checkToken, needsToken } from './admission.ts';
import { registerRoutes } from './routes.ts';

const MAX_BODY_BYTES = 64 * 1_024;
const MAX_CONNECTIONS = 256;
const REQUEST_TIMEOUT_MS = 10_000;
/** A connection on which nothing moves, also while a client does not read. */
const IDLE_TIMEOUT_MS = 30_000;
/** Longer than the usual interval of scrapes. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const TIMEOUT_CHECK_INTERVAL_MS = 2_000;

export interface AdminOptions {
  readonly address: AdminAddress;
  /** Without it nothing that changes state is possible. */
  readonly token?: SecretText;
  /** Names that the Host header may carry beside `localhost` and IP addresses. */
  readonly allowedHosts?: readonly string[];
  readonly source: AdminSource;
  readonly logger: Logger;
  /** Absent: it binds its address by itself. */
  readonly openSocket?: OpenAdminSocket;
}

/** Makes the server listen on a socket that somebody else holds for this address. */
export type OpenAdminSocket = (server: Server, address: AdminAddress) => Promise<void>;

export interface AdminAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface Admin {
  /** Resolves with the address that was bound; rejects with a system error. */
  listen(): Promise<AdminAddress>;
  close(): Promise<void>;
}

export function createAdmin(options: AdminOptions): Admin {
  const { address, source, openSocket } = options;
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    frameworkErrors: (error, _request, reply) => sendError(reply, error),
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  addChecks(server, options);
  registerRoutes(server, source);

  return {
    async listen(): Promise<AdminAddress> {
      if (openSocket === undefined) await server.listen({ host: address.host, port: address.port });
      else {
        await server.ready();
        await openSocket(server.server, address);
      }
      const bound = server.server.address() as AddressInfo;
      return { host: bound.address, port: bound.port };
    },
    async close(): Promise<void> {
      await server.close();
    },
  };
}

/** They hold for unknown paths too. */
function addChecks(server: FastifyInstance, { token, allowedHosts = [], logger }: AdminOptions): void {
  const names = new Set(allowedHosts.map((name) => name.toLowerCase()));
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    checkHost(request.headers.host, names);
    if (needsToken(request.method)) {
      checkToken(request.headers.authorization, token);
      logger.info({ method: request.method, path: request.url, remoteAddress: request.ip }, 'admin request');
    }
    done();
  });
  server.setNotFoundHandler((_request, reply) => {
    sendError(reply, new AdminError(404, 'not_found', 'There is no such endpoint; /openapi.json lists them.'));
  });
  server.setErrorHandler((error, request, reply) => {
    const { statusCode } = sendError(reply, error);
    if (statusCode >= 500) logger.error({ err: error, path: request.url }, 'admin request failed');
    if (statusCode === 401 || statusCode === 403) {
      logger.warn({ method: request.method, path: request.url, remoteAddress: request.ip }, 'admin request refused');
    }
  });
}

function sendError(reply: FastifyReply, cause: unknown): AdminError {
  const error = toAdminError(cause);
  if (error.statusCode === 401) reply.header('www-authenticate', 'Bearer');
  void reply.code(error.statusCode).send({ code: error.code, message: error.message });
  return error;
}
