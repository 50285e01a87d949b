// All that is fuzzed: the parsers that take bytes from strangers.
import { fileURLToPath } from 'node:url';
import { loadProduct as loadClientHello } from '../property/client-hello/property.ts';
import { checkInput as checkClientHello, randomInput as randomClientHello } from '../property/client-hello/property.ts';
import { loadProduct as loadHpack } from '../property/hpack/property.ts';
import { checkFrames, randomFrames } from '../property/http2/hostile-property.ts';
import { loadProduct as loadHttp2 } from '../property/http2/product.ts';
import { loadProduct as loadProxyProtocol } from '../property/proxy-protocol/property.ts';
import {
  checkInput as checkProxyHeader,
  randomInput as randomProxyHeader,
} from '../property/proxy-protocol/property.ts';
import { blockSeeds, checkBlocks } from './hpack-check.ts';
import { checkRequest, checkResponse } from './http1-check.ts';
import type { FuzzTarget } from './target.ts';

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));
const SEEDS = 64;
const CODEC = 'src/dataplane/codec';
const HTTP1 = ['body-decoder', 'field-role', 'field-section', 'head-text', 'request-head', 'response-head'];
const HTTP1_FILES = [
  ...HTTP1.map((name) => `${CODEC}/http1/${name}.ts`),
  'src/lib/authority.ts',
  'src/lib/http-path.ts',
];

const HTTP2 = ['frame-reader', 'frame-writer', 'held-data', 'peer-settings', 'section-reader', 'session', 'stream'];
const HPACK = ['decoder', 'dynamic-table', 'huffman'];

// oxfmt-ignore
const REQUESTS = [
  'GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nHost: a.example:8080\r\n\r\n',
  'POST /%61/../b//c;d HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 5\r\n\r\nhello',
  'PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nTrailer: X\r\n\r\n3;e=f\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX: v\r\nHost: b\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n',
  'GET http://a/b HTTP/1.1\r\nHost: A\r\nConnection: x-y, close\r\nX-Y: 1\r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HEAD /a HTTP/1.1\r\nhost:1.2.3.4\r\nproxy-authorization: x\r\nte: gzip\r\n\r\n',
];
// oxfmt-ignore
const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n3;e\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX: v\r\n\r\n',
  'HTTP/1.0 200 \r\nConnection: keep-alive\r\n\r\nuntil the end',
  'HTTP/1.1 204 No\r\nX: y\r\n\r\n',
  'HTTP/1.1 304 Not\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n',
  'HTTP/1.1 404 \xff\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
];

export async function fuzzTargets(): Promise<FuzzTarget[]> {
  const [clientHello, proxyProtocol, http2, hpack] = await Promise.all([
    loadClientHello(SOURCES),
    loadProxyProtocol(SOURCES),
    loadHttp2(SOURCES),
    loadHpack(SOURCES),
  ]);
  return [
    {
      name: 'http1-request',
      files: HTTP1_FILES,
      seeds: () => REQUESTS.map((text) => Buffer.from(text, 'latin1')),
      check: checkRequest,
    },
    {
      name: 'http1-response',
      files: HTTP1_FILES,
      seeds: () => RESPONSES.map((text) => Buffer.from(text, 'latin1')),
      check: checkResponse,
    },
    {
      name: 'http2-session',
      files: HTTP2.map((name) => `${CODEC}/http2/${name}.ts`),
      seeds: (random) => Array.from({ length: SEEDS }, () => randomFrames(random)),
      check: (bytes, random) => checkFrames(http2, bytes, random),
    },
    {
      name: 'hpack',
      files: HPACK.map((name) => `${CODEC}/http2/hpack/${name}.ts`),
      seeds: blockSeeds,
      check: (bytes) => checkBlocks(hpack, bytes),
    },
    {
      name: 'client-hello',
      files: [`${CODEC}/client-hello.ts`, 'src/lib/authority.ts'],
      seeds: (random) => Array.from({ length: SEEDS }, () => randomClientHello(random)),
      check: (bytes, random) => checkClientHello(clientHello, bytes, random),
    },
    {
      name: 'proxy-protocol',
      files: [`${CODEC}/proxy-protocol.ts`],
      seeds: (random) => Array.from({ length: SEEDS }, () => randomProxyHeader(random)),
      check: (bytes, random) => checkProxyHeader(proxyProtocol, bytes, random),
    },
  ];
}
