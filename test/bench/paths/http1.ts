// Requests over HTTP/1.1 in plaintext: small answers, larger ones, and an upload.
import { join } from 'node:path';
import type { LoadResult } from '../load/load-result.ts';
import { loadByWrk } from '../load/wrk.ts';
import { BULK_BUDGETS, REQUEST_BUDGETS } from '../path.ts';
import type { CpuPath, LoadRun } from '../path.ts';
import { ANSWER_BYTES, FILES, UPLOAD_PATH } from '../upstream.ts';
import type { AnswerFile } from '../upstream.ts';

const CONNECTIONS = 64;
const BULK_CONNECTIONS = 16;
const MIB = 2 ** 20;
const UPLOAD = join(import.meta.dirname, '../load/upload.lua');

export const HTTP1: CpuPath = {
  kind: 'cpu',
  name: 'h1',
  title: 'HTTP/1.1 → HTTP/1.1',
  setting: `${CONNECTIONS} connections, answers of ${ANSWER_BYTES} bytes`,
  unit: 'request',
  budgets: REQUEST_BUDGETS,
  load: ({ ports }, { seconds }) => loadByWrk({ port: ports.http, path: '/', connections: CONNECTIONS, seconds }),
};

export const BODY_4K: CpuPath = {
  kind: 'cpu',
  name: 'body-4k',
  title: 'HTTP/1.1 → HTTP/1.1, answers of 4 KiB',
  setting: `${CONNECTIONS} connections`,
  unit: 'MiB',
  budgets: REQUEST_BUDGETS,
  load: ({ ports }, run) => loadBodies(ports.http, FILES['4k'], CONNECTIONS, run),
};

export const BODY_1M: CpuPath = {
  kind: 'cpu',
  name: 'body-1m',
  title: 'HTTP/1.1 → HTTP/1.1, answers of 1 MiB',
  setting: `${BULK_CONNECTIONS} connections`,
  unit: 'MiB',
  budgets: BULK_BUDGETS,
  load: ({ ports }, run) => loadBodies(ports.http, FILES['1m'], BULK_CONNECTIONS, run),
};

export const UPLOAD_1M: CpuPath = {
  kind: 'cpu',
  name: 'upload-1m',
  title: 'HTTP/1.1 → HTTP/1.1, uploads of 1 MiB',
  setting: `${BULK_CONNECTIONS} connections`,
  unit: 'MiB',
  budgets: BULK_BUDGETS,
  load: ({ ports }, { seconds }) =>
    loadByWrk({ port: ports.http, path: UPLOAD_PATH, connections: BULK_CONNECTIONS, seconds, script: UPLOAD }),
};

/** The same answers, with the proxy forwarding bytes that it doesn't read: one request after the other goes into one TCP connection. */
export const TCP: CpuPath = {
  kind: 'cpu',
  name: 'tcp',
  title: 'TCP (TCPRoute), 1 MiB at a time',
  setting: `${BULK_CONNECTIONS} connections`,
  unit: 'MiB',
  budgets: BULK_BUDGETS,
  load: ({ ports }, run) => loadBodies(ports.tcp, FILES['1m'], BULK_CONNECTIONS, run),
};

/** Counts MiB. */
async function loadBodies(
  port: number,
  file: AnswerFile,
  connections: number,
  { seconds }: LoadRun,
): Promise<LoadResult> {
  const result = await loadByWrk({ port, path: file.path, connections, seconds });
  return { ...result, done: (result.done * file.bytes) / MIB };
}
