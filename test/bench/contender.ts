// The proxies that are compared: each from its checked-in configuration, with one worker and its access log in a file.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installEnvoy } from './envoy-binary.ts';
import { MeasuredProcess } from './measured-process.ts';
import { startSluice } from './sluice-process.ts';
import { startNginx } from './upstream.ts';
import type { UpstreamPorts } from './upstream.ts';
import { freePort, untilReady, writeFromTemplate } from './workspace.ts';
import type { KeyPair } from './workspace.ts';

export const CONTENDERS = ['sluice', 'nginx', 'haproxy', 'envoy'] as const;
export type ContenderName = (typeof CONTENDERS)[number];

/** What all contenders share: where they write, what they forward to, what they show to TLS clients. */
export interface Scene {
  readonly directory: string;
  readonly upstreamPorts: UpstreamPorts;
  readonly keyPair: KeyPair;
  /** Where Sluice writes CPU profiles, if it does. */
  readonly profileDirectory: string | undefined;
}

/** What a contender listens on. */
export interface Ports {
  /** HTTP/1.1. */
  readonly http: number;
  /** HTTP/1.1 and HTTP/2 over TLS. */
  readonly https: number;
  /** HTTP/2 in plaintext. */
  readonly grpc: number;
  /** Whatever comes, forwarded to the HTTP upstream. */
  readonly tcp: number;
}

export interface Contender extends AsyncDisposable {
  readonly name: ContenderName;
  readonly process: MeasuredProcess;
  readonly ports: Ports;
  readonly accessLog: string;
}

interface Site {
  readonly directory: string;
  readonly adminPort: number;
  readonly accessLog: string;
  readonly profileDirectory: string | undefined;
  /** Puts a configuration from peers/ in place. */
  readonly configure: (template: string, path: string) => void;
}

const STARTERS: Readonly<Record<ContenderName, (site: Site) => MeasuredProcess>> = {
  sluice: ({ directory, adminPort, accessLog, profileDirectory, configure }) => {
    const manifests = join(directory, 'manifests');
    mkdirSync(manifests, { recursive: true });
    configure('sluice.yaml', join(manifests, 'sluice.yaml'));
    return startSluice({ manifests, adminPort, outputPath: accessLog, profileDirectory });
  },
  nginx: ({ directory, configure }) => {
    const config = join(directory, 'nginx.conf');
    configure('nginx.conf', config);
    return startNginx(directory, config);
  },
  haproxy: ({ directory, accessLog, configure }) => {
    const config = join(directory, 'haproxy.cfg');
    configure('haproxy.cfg', config);
    return new MeasuredProcess({ name: 'haproxy', command: 'haproxy', args: ['-f', config], outputPath: accessLog });
  },
  envoy: ({ directory, configure }) => {
    const config = join(directory, 'envoy.yaml');
    configure('envoy.yaml', config);
    const args = ['-c', config, '--concurrency', '1', '--use-dynamic-base-id', '--log-level', 'warn'];
    return new MeasuredProcess({
      name: 'envoy',
      command: installEnvoy(),
      args,
      outputPath: join(directory, 'envoy.log'),
    });
  },
};

/** Started, and answering. */
export async function startContender(name: ContenderName, scene: Scene): Promise<Contender> {
  const { directory, upstreamPorts, keyPair, profileDirectory } = scene;
  const ports = { http: await freePort(), https: await freePort(), grpc: await freePort(), tcp: await freePort() };
  const adminPort = await freePort();
  const accessLog = join(directory, `${name}.access.log`);
  const values = {
    directory,
    ...upstreamPorts,
    httpPort: ports.http,
    httpsPort: ports.https,
    grpcPort: ports.grpc,
    tcpPort: ports.tcp,
    adminPort,
    accessLog,
    certificateBase64: Buffer.from(keyPair.certificate).toString('base64'),
    keyBase64: Buffer.from(keyPair.key).toString('base64'),
  };
  await using stack = new AsyncDisposableStack();
  const started = stack.use(
    STARTERS[name]({
      directory,
      adminPort,
      accessLog,
      profileDirectory,
      configure: (template, path) => writeFromTemplate(template, path, values),
    }),
  );
  await untilReady(`http://127.0.0.1:${ports.http}/`, () => started.assertRunning());
  stack.move();
  return { name, process: started, ports, accessLog, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() };
}
