// The gateway as its users run it, with a listener of every type in front of servers that answer. `assertServes` asks each as a
// well-behaved client would.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import type { KeyPair } from '../../harness/certificate-authority.ts';
import { ADDRESS } from '../../harness/resources.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { backend, documents, route, tlsSecret } from '../system/manifests.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import type { SystemGatewayOptions } from '../system/system-gateway.ts';

export const SERVER_NAME = 'shop.example.com';
const GATEWAY_API = 'gateway.networking.k8s.io';
const SECRET = 'pair';

export type ListenerType = 'http' | 'https' | 'passthrough' | 'terminate' | 'tcp' | 'udp';

type Manifest = Readonly<Record<string, unknown>>;

export class ExposedGateway {
  readonly ports: Readonly<Record<ListenerType, number>>;
  readonly sluice: SystemGateway;
  readonly #ca: string;

  private constructor(ports: Readonly<Record<ListenerType, number>>, sluice: SystemGateway, ca: string) {
    this.ports = ports;
    this.sluice = sluice;
    this.#ca = ca;
  }

  /** Resolves when it serves; ends with the test. */
  static async start(t: TestContext, options: SystemGatewayOptions = {}): Promise<ExposedGateway> {
    const directory = new TemporaryDirectory(t);
    const authority = new CertificateAuthority();
    t.after(() => authority.remove());
    const pair = authority.issue(SERVER_NAME);
    const ports = {
      http: await freePort(),
      https: await freePort(),
      passthrough: await freePort(),
      terminate: await freePort(),
      tcp: await freePort(),
      udp: await freePort(),
    };
    const upstreams = await startUpstreams(t, pair);
    directory.write({
      'manifests/all.yaml': documents(
        gatewayOf(ports),
        route('http', { backend: 'http' }),
        streamRoute('TLSRoute', 'passthrough', 'tls', [SERVER_NAME]),
        streamRoute('TLSRoute', 'terminate', 'echo', [SERVER_NAME]),
        streamRoute('TCPRoute', 'tcp', 'echo'),
        streamRoute('UDPRoute', 'udp', 'datagrams'),
        ...Object.entries(upstreams).map(([name, port]) => backend(name, port)),
        tlsSecret(SECRET, { certificate: pair.chain, key: pair.key }),
      ),
    });
    const sluice = await SystemGateway.start(t, directory.at('manifests'), options);
    return new ExposedGateway(ports, sluice, authority.pem);
  }

  async connect(type: Exclude<ListenerType, 'udp'>): Promise<Socket> {
    const socket = connectTcp({ host: ADDRESS, port: this.ports[type], noDelay: true });
    await once(socket, 'connect');
    return socket;
  }

  /** Each listener answers a client that does as it should. */
  async assertServes(): Promise<void> {
    assert.equal(await this.#askHttp('http'), 'ok');
    assert.equal(await this.#askHttp('https'), 'ok');
    assert.equal(await this.#askHttp2('http'), 'ok');
    assert.equal(await this.#askHttp2('https'), 'ok');
    for (const type of ['passthrough', 'terminate', 'tcp'] as const) assert.equal(await this.#askStream(type), 'hello');
    assert.equal(await this.#askDatagram(), 'hello');
  }

  async #open(type: Exclude<ListenerType, 'udp'>): Promise<Socket> {
    if (type === 'http' || type === 'tcp') return await this.connect(type);
    const socket = connectTls({ host: ADDRESS, port: this.ports[type], servername: SERVER_NAME, ca: this.#ca });
    await once(socket, 'secureConnect');
    return socket;
  }

  async #askHttp(type: 'http' | 'https'): Promise<string> {
    const socket = await this.#open(type);
    socket.write(`GET / HTTP/1.1\r\nHost: ${SERVER_NAME}\r\nConnection: close\r\n\r\n`);
    const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    return body;
  }

  /** By prior knowledge or ALPN. */
  async #askHttp2(scheme: 'http' | 'https'): Promise<string> {
    const session = connectHttp2(`${scheme}://${ADDRESS}:${this.ports[scheme]}`, {
      ca: this.#ca,
      servername: SERVER_NAME,
    });
    try {
      return await text(session.request({ ':authority': SERVER_NAME }));
    } finally {
      session.destroy();
    }
  }

  async #askStream(type: 'passthrough' | 'terminate' | 'tcp'): Promise<string> {
    const socket = await this.#open(type);
    socket.end('hello');
    return await text(socket);
  }

  async #askDatagram(): Promise<string> {
    const socket = createSocket('udp4');
    try {
      socket.send('hello', this.ports.udp, ADDRESS);
      const [data] = (await once(socket, 'message', { signal: AbortSignal.timeout(5_000) })) as [Buffer];
      return data.toString();
    } finally {
      socket.close();
    }
  }
}

function gatewayOf(ports: Readonly<Record<ListenerType, number>>): Manifest {
  const certificateRefs = [{ name: SECRET }];
  return {
    apiVersion: `${GATEWAY_API}/v1`,
    kind: 'Gateway',
    metadata: { name: 'web' },
    spec: {
      gatewayClassName: 'sluice',
      listeners: [
        { name: 'http', port: ports.http, protocol: 'HTTP' },
        { name: 'https', port: ports.https, protocol: 'HTTPS', tls: { certificateRefs } },
        { name: 'passthrough', port: ports.passthrough, protocol: 'TLS', tls: { mode: 'Passthrough' } },
        { name: 'terminate', port: ports.terminate, protocol: 'TLS', tls: { mode: 'Terminate', certificateRefs } },
        { name: 'tcp', port: ports.tcp, protocol: 'TCP' },
        { name: 'udp', port: ports.udp, protocol: 'UDP' },
      ],
    },
  };
}

function streamRoute(kind: string, listener: string, backendName: string, hostnames?: readonly string[]): Manifest {
  return {
    apiVersion: `${GATEWAY_API}/${kind === 'TLSRoute' ? 'v1' : 'v1alpha2'}`,
    kind,
    metadata: { name: listener },
    spec: {
      parentRefs: [{ name: 'web', sectionName: listener }],
      ...(hostnames === undefined ? {} : { hostnames }),
      rules: [{ backendRefs: [{ group: 'sluice.dev', kind: 'Backend', name: backendName }] }],
    },
  };
}

/** Their ports. */
async function startUpstreams(t: TestContext, pair: KeyPair): Promise<Readonly<Record<string, number>>> {
  const http = createHttpServer((request, response) => {
    // What was sent with it is read, so that nothing but the gateway's own rules ends a request.
    request.resume().on('end', () => response.end('ok'));
  });
  const repeat = (socket: Socket): void => void socket.on('error', ignore).pipe(socket);
  const echo = createTcpServer({ allowHalfOpen: true }, repeat);
  const tls = createTlsServer({ cert: pair.chain, key: pair.key, allowHalfOpen: true }, repeat);
  tls.on('tlsClientError', ignore);
  const datagrams = createSocket('udp4');
  datagrams.on('message', (data, from) => datagrams.send(data, from.port, from.address, ignore));
  datagrams.on('error', ignore);
  t.after(() => datagrams.close());
  return {
    http: await listen(t, http),
    echo: await listen(t, echo),
    tls: await listen(t, tls),
    datagrams: await bind(datagrams),
  };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server.listen(0, ADDRESS), 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

async function bind(socket: DatagramSocket): Promise<number> {
  socket.bind(0, ADDRESS);
  await once(socket, 'listening');
  return socket.address().port;
}

function ignore(): void {}
