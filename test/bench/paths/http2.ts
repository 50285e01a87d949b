// Requests over TLS, by either version of HTTP, to an upstream that speaks HTTP/1.1 in plaintext.
import { loadByH2load } from '../load/h2load.ts';
import { REQUEST_BUDGETS } from '../path.ts';
import type { CpuPath } from '../path.ts';
import { ANSWER_BYTES } from '../upstream.ts';

const ANSWER = { scheme: 'https', path: '/', bodyBytes: ANSWER_BYTES } as const;
const HTTP1_CONNECTIONS = 64;
const HTTP2_CONNECTIONS = 16;
const STREAMS = 4;

export const TLS_HTTP1: CpuPath = {
  kind: 'cpu',
  name: 'tls',
  title: 'HTTP/1.1 over TLS 1.3 → HTTP/1.1',
  setting: `${HTTP1_CONNECTIONS} connections, answers of ${ANSWER_BYTES} bytes`,
  unit: 'request',
  budgets: REQUEST_BUDGETS,
  load: ({ ports }, run) =>
    loadByH2load({
      ...ANSWER,
      ...run,
      port: ports.https,
      connections: HTTP1_CONNECTIONS,
      streams: 1,
      args: ['--h1'],
    }),
};

export const TLS_HTTP2: CpuPath = {
  kind: 'cpu',
  name: 'h2',
  title: 'HTTP/2 over TLS 1.3 → HTTP/1.1',
  setting: `${HTTP2_CONNECTIONS} connections of ${STREAMS} streams at a time, answers of ${ANSWER_BYTES} bytes`,
  unit: 'request',
  budgets: REQUEST_BUDGETS,
  load: ({ ports }, run) =>
    loadByH2load({ ...ANSWER, ...run, port: ports.https, connections: HTTP2_CONNECTIONS, streams: STREAMS }),
};
