// The static configuration as people write it. One schema is the check, the type, the defaults and the reference page; every key can be
// given by the environment too: `drain.delay` is SLUICE_DRAIN_DELAY.
import { Type } from 'typebox';
import type { TSchema } from 'typebox';

const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$';
const SIZE_PATTERN = '^[0-9]{1,12}(KiB|MiB|GiB)?$';
const ADDRESS_PATTERN = '^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9_.-]+):[0-9]{1,5}$';

const MAX_WORKERS = 1_024;

const LOG_LEVEL_NAMES = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'];

const duration = (value: string, description: string, zero = '0s: no limit.'): TSchema =>
  Type.String({ pattern: DURATION_PATTERN, default: value, description: `${description} ${zero}` });

const size = (value: string, description: string): TSchema =>
  Type.Union([Type.String({ pattern: SIZE_PATTERN }), Type.Integer({ minimum: 0 })], { default: value, description });

const count = (value: number, description: string, minimum = 0): TSchema =>
  Type.Integer({ minimum, maximum: 1_000_000_000, default: value, description });

function section(description: string, properties: Record<string, TSchema>): TSchema {
  return Type.Object(properties, { additionalProperties: false, default: {}, description });
}

export const CONFIG_SCHEMA: TSchema = Type.Object(
  {
    manifests: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Files and directories with manifests, relative to this file.',
    }),
    provider: Type.Enum(['file', 'kubernetes'], {
      default: 'file',
      description: 'Where the configuration comes from: `file` reads `manifests`, `kubernetes` asks an API server.',
    }),
    kubernetes: section('The API server, for the provider `kubernetes`.', {
      kubeconfig: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'The kubeconfig. Absent: KUBECONFIG, the service account of the pod, or ~/.kube/config.',
        }),
      ),
      context: Type.Optional(
        Type.String({ minLength: 1, description: 'The context of the kubeconfig. Absent: the current one.' }),
      ),
      namespaces: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        maxItems: 100,
        description: 'The namespaces that are looked at. Empty: all.',
      }),
      binding: Type.Enum(['host', 'pool'], {
        default: 'host',
        description:
          'How Gateways get addresses: `host` shares all of this machine, `pool` gives each Gateway one of `addressPool`.',
      }),
      addressPool: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        maxItems: 100,
        description: 'Addresses of this machine, or ranges of them (`192.0.2.1-192.0.2.9`), for the binding `pool`.',
      }),
    }),
    demo: Type.Boolean({ default: false, description: 'Starts two small demo servers on 127.0.0.1:18081 and :18082.' }),
    portOffset: Type.Integer({
      minimum: 0,
      maximum: 65_535,
      default: 0,
      description: 'Added to the port of each listener: with 8000, port 80 is bound as 8080.',
    }),
    workers: Type.Union([Type.Integer({ minimum: 0, maximum: MAX_WORKERS }), Type.Literal('auto')], {
      default: 0,
      description: 'Worker processes that serve requests. 0: everything in one process. `auto`: one for each CPU.',
    }),
    hangTimeout: duration(
      '30s',
      'With workers: a process of the gateway that hangs for so long is killed and replaced.',
      '0s: never.',
    ),
    admin: section('The admin API.', {
      address: Type.String({
        pattern: ADDRESS_PATTERN,
        default: '127.0.0.1:9901',
        description:
          'Where it listens. It shows the whole configuration (without secrets): keep it off public networks.',
      }),
      allowedHosts: Type.Array(Type.String({ minLength: 1 }), {
        default: [],
        description: 'Names that the Host header may carry beside `localhost` and IP addresses.',
      }),
      tokenFile: Type.Optional(
        Type.String({
          minLength: 1,
          description: 'File with the token that calls which change something must carry. Without it they are refused.',
        }),
      ),
    }),
    log: section('The log of the process, JSON lines on stderr.', {
      level: Type.Enum(LOG_LEVEL_NAMES, { default: 'info', description: `One of ${LOG_LEVEL_NAMES.join(', ')}.` }),
    }),
    accessLog: section('One JSON line for each request.', {
      enabled: Type.Boolean({ default: true, description: 'Whether requests are logged.' }),
      path: Type.String({
        minLength: 1,
        default: 'stdout',
        description: '`stdout`, or a file, relative to this file; SIGUSR1 opens it anew after a rotation.',
      }),
      fields: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          uniqueItems: true,
          description: 'Which fields, in which order. Absent: all but query, referer, tlsVersion and serverName.',
        }),
      ),
    }),
    drain: section('What happens on SIGTERM.', {
      delay: duration(
        '10s',
        'How long new connections are still accepted after the gateway said that it is not ready.',
      ),
      grace: duration('30s', 'How long requests in flight may take after that.', '0s: they are cut at once.'),
    }),
    limits: section('Bounds on what a client may send.', {
      connections: count(10_000, 'Open connections per listening socket; beyond it idle ones are closed.', 1),
      totalConnections: count(
        50_000,
        'Open connections over all listening sockets; near it the gateway sheds load.',
        1,
      ),
      requestsPerConnection: count(0, 'Requests on one connection. 0: no limit.'),
      concurrentStreams: count(100, 'Requests at once on one HTTP/2 connection.', 1),
      headBytes: size('60KiB', 'Request line and header fields. Beyond it: 431.'),
      uriBytes: size('8KiB', 'The request target. Beyond it: 414.'),
      headers: count(100, 'Header fields of a request. Beyond it: 431.', 1),
      bodyBytes: size('0', 'A request body. Beyond it: 413. 0: no limit.'),
      replayBytes: size(
        '64MiB',
        'What all requests together keep of their bodies for retries; beyond it bodies are not sent again.',
      ),
      udpSessions: count(
        10_000,
        'Clients of datagrams per listener; beyond it the one that was silent the longest is forgotten.',
        1,
      ),
    }),
    timeouts: section('How long to wait.', {
      tlsHandshake: duration('10s', 'For a TLS handshake.'),
      head: duration('10s', 'For the head of a request, from its first awaited byte. Beyond it: 408.'),
      bodyIdle: duration('30s', 'Without a byte of a request body that is not complete. Beyond it: 408.'),
      keepAliveIdle: duration('60s', 'Between two requests of a connection.'),
      streamIdle: duration('5m', 'Without a byte of a request or its answer in either direction.'),
      tunnelIdle: duration('1h', 'The same, for WebSockets and other upgrades.'),
      tcpIdle: duration('1h', 'The same, for connections of TCP and TLS routes.'),
      tcpStall: duration('5m', 'For a peer of such a connection to take what was written to it.'),
      udpIdle: duration('60s', 'Without a datagram between a client and its endpoint.'),
      writeStall: duration('30s', 'For a peer to take what was written to it.'),
      linger: duration('2s', 'For a client to close a connection that the gateway closes.'),
      listenerDrain: duration(
        '30s',
        'For the requests of a listener that left the configuration.',
        '0s: they are cut at once.',
      ),
    }),
  },
  { additionalProperties: false },
);
