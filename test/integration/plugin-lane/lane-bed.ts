// What tests of the lane are made of: a lane that ends with its test, requests given to it, upstreams that answer.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { constants } from 'node:zlib';
import { fastifyCompress } from '@fastify/compress';
import type { FastifyInstance } from 'fastify';
import { MemoryExchange } from './memory-exchange.ts';
import type { MemoryRequest } from './memory-exchange.ts';
import { MemoryUpstream } from './memory-upstream.ts';
import { PluginLane } from './plugin-lane.ts';

export const TEXT: readonly string[] = ['content-type', 'text/plain'];
export const GZIP: readonly string[] = ['accept-encoding', 'gzip'];

/** The plugin flushes after each write: what the upstream sent is not held back. Bodies of requests are not its business. */
export async function compressing(app: FastifyInstance): Promise<void> {
  await app.register(fastifyCompress, {
    globalDecompression: false,
    zlibOptions: { flush: constants.Z_SYNC_FLUSH },
    brotliOptions: { flush: constants.BROTLI_OPERATION_FLUSH },
  });
}

export async function load(
  t: TestContext,
  register: (app: FastifyInstance) => unknown = compressing,
): Promise<PluginLane> {
  const lane = await PluginLane.load(register);
  t.after(() => lane.close());
  return lane;
}

export function give(lane: PluginLane, request: MemoryRequest, upstream: MemoryUpstream): MemoryExchange {
  return new MemoryExchange(request).give((exchange) => lane.handle(exchange, upstream.take));
}

/** Gives the request to the lane and waits for the end of its answer. */
export async function served(
  lane: PluginLane,
  request: MemoryRequest,
  upstream: MemoryUpstream,
): Promise<MemoryExchange> {
  const exchange = give(lane, request, upstream);
  await untilOver(exchange);
  return exchange;
}

/** The answer has ended in one way or the other, and the lane kept to what codecs rely on. */
export async function untilOver(exchange: MemoryExchange): Promise<void> {
  await exchange.until('the end of the answer', () => exchange.isOver || undefined);
  assert.deepEqual(exchange.breaches, []);
}

export function answering(status: number, fields: readonly string[], body?: string | Uint8Array): MemoryUpstream {
  return new MemoryUpstream((upstream) => upstream.answer(status, fields, body));
}
