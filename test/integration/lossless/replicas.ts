// Two gateways that serve the same, behind an haproxy that asks each every few milliseconds whether it is ready and tries nothing twice.
import { TestBed } from '../../harness/test-bed.ts';
import { freePort } from '../../harness/sluice-process.ts';
import type { TestContext } from 'node:test';
import type { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { startHaproxy } from '../proxy-protocol/haproxy.ts';
import { SystemGateway } from '../system/system-gateway.ts';
import type { SystemGatewayOptions } from '../system/system-gateway.ts';
import { ADDRESS } from '../system/traffic.ts';

export interface Ports {
  readonly http: number;
  readonly https: number;
}

export class Replica {
  readonly name: string;
  readonly ports: Ports;
  readonly adminPort: number;
  readonly #start: () => Promise<SystemGateway>;
  #sluice: SystemGateway | undefined = undefined;

  constructor(name: string, ports: Ports, adminPort: number, start: () => Promise<SystemGateway>) {
    this.name = name;
    this.ports = ports;
    this.adminPort = adminPort;
    this.#start = start;
  }

  get sluice(): SystemGateway {
    if (this.#sluice === undefined) throw new Error(`${this.name} was not started`);
    return this.#sluice;
  }

  /** Resolves when it serves; to be called again when it has ended. */
  async start(): Promise<void> {
    this.#sluice = await this.#start();
  }

  /** Requests that it has answered. */
  async requests(): Promise<number> {
    return (await this.sluice.metrics()).sum('sluice_requests_total');
  }
}

export interface ReplicaSetOptions {
  /** For these ports. */
  readonly manifests: (ports: Ports) => string;
  readonly environment: NonNullable<SystemGatewayOptions['environment']>;
}

export interface Balancer extends Ports {
  /** HTTP/1.1 that haproxy understands, over connections of its own; the others it carries as they are. */
  readonly parsed: number;
}

export class ReplicaSet {
  readonly a: Replica;
  readonly b: Replica;
  readonly balancer: Balancer;

  private constructor(a: Replica, b: Replica, balancer: Balancer) {
    this.a = a;
    this.b = b;
    this.balancer = balancer;
  }

  /** Resolves when all serve. */
  static async start(t: TestContext, directory: TemporaryDirectory, options: ReplicaSetOptions): Promise<ReplicaSet> {
    const { manifests, environment } = options;
    const replica = async (name: string): Promise<Replica> => {
      const [ports, adminPort] = [await freePorts(), await freePort()];
      directory.write({ [`${name}/all.yaml`]: manifests(ports) });
      return new Replica(name, ports, adminPort, () =>
        SystemGateway.start(t, directory.at(name), { environment, adminPort }),
      );
    };
    const [a, b] = [await replica('a'), await replica('b')];
    const balancer = { ...(await freePorts()), parsed: await freePort() };
    await Promise.all([a.start(), b.start()]);
    const proxy = (name: string, mode: 'http' | 'tcp', port: number, target: keyof Ports): string => {
      const servers = [a, b].map(
        ({ name: server, ports, adminPort }) => `  server ${server} ${ADDRESS}:${ports[target]} port ${adminPort}\n`,
      );
      return `listen ${name}\n  mode ${mode}\n  bind ${ADDRESS}:${port}\n${servers.join('')}`;
    };
    await startHaproxy(
      new TestBed(t),
      DEFAULTS +
        proxy('parsed', 'http', balancer.parsed, 'http') +
        proxy('plain', 'tcp', balancer.http, 'http') +
        proxy('encrypted', 'tcp', balancer.https, 'https'),
    );
    return new ReplicaSet(a, b, balancer);
  }
}

const DEFAULTS = `
defaults
  retries 0
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  timeout check 2s
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost
  default-server check inter 50ms fall 1 rise 1
`;

async function freePorts(): Promise<Ports> {
  return { http: await freePort(), https: await freePort() };
}
