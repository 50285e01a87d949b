// Unary gRPC calls over HTTP/2 in plaintext on both sides: one message there, one back, then grpc-status in the trailers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadByH2load } from '../load/h2load.ts';
import { BULK_BUDGETS } from '../path.ts';
import type { CpuPath } from '../path.ts';
import { GRPC_MESSAGE, GRPC_METHOD } from '../upstream.ts';

const CONNECTIONS = 16;
const STREAMS = 4;
const HEADERS = ['content-type: application/grpc', 'te: trailers'].flatMap((header) => ['-H', header]);

export const GRPC: CpuPath = {
  kind: 'cpu',
  name: 'grpc',
  title: 'gRPC unary, HTTP/2 → HTTP/2 in plaintext',
  setting: `${CONNECTIONS} connections of ${STREAMS} calls at a time, messages of ${GRPC_MESSAGE.length} bytes`,
  unit: 'call',
  budgets: BULK_BUDGETS,
  leftOut: {
    nginx:
      'nginx 1.22 answers a few calls of ten thousand with 502 (upstream sent frame for unknown stream: of a call before, on a kept connection)',
  },
  load: ({ ports }, run) => {
    const body = join(run.directory, 'grpc-request');
    writeFileSync(body, GRPC_MESSAGE);
    return loadByH2load({
      ...run,
      scheme: 'http',
      port: ports.grpc,
      path: GRPC_METHOD,
      connections: CONNECTIONS,
      streams: STREAMS,
      args: [...HEADERS, '-d', body],
      bodyBytes: GRPC_MESSAGE.length,
    });
  },
};
