// All paths of the benchmark, in the order in which they are measured. To add one: a Path in a file of this folder, a line here, and in
// each configuration of peers/ what the proxy needs for it (a port of its own goes into `Ports` in contender.ts). A peer that can't do it
// is named in the path's `leftOut` with the reason. An upstream that answers otherwise goes into upstream.ts, a client into load/.
import type { Path } from '../path.ts';
import { GRPC } from './grpc.ts';
import { BODY_1M, BODY_4K, HTTP1, TCP, UPLOAD_1M } from './http1.ts';
import { TLS_HTTP1, TLS_HTTP2 } from './http2.ts';
import { IDLE_PATHS } from './idle-memory.ts';
import { FULL_HANDSHAKE, RESUMED_HANDSHAKE } from './tls-handshake.ts';
import { WEBSOCKET } from './websocket.ts';

export const PATHS: readonly Path[] = [
  HTTP1,
  TLS_HTTP1,
  TLS_HTTP2,
  GRPC,
  WEBSOCKET,
  BODY_4K,
  BODY_1M,
  UPLOAD_1M,
  TCP,
  FULL_HANDSHAKE,
  RESUMED_HANDSHAKE,
  ...IDLE_PATHS,
];
