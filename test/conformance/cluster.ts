// An API server with its store, on free ports of 127.0.0.1: etcd and kube-apiserver with RBAC on, and nothing that acts on objects. Integration
// tests use it alone; the conformance rig adds a controller manager and a kubelet.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ApiClient } from './api-client.ts';
import type { ApiAnswer } from './api-client.ts';
import { ChildProgram } from './child-program.ts';
import { Credentials, kubeconfigFor } from './credentials.ts';
import type { Identity } from './credentials.ts';
import { ETCD_FOLDER, KUBERNETES_FOLDER, missingFolders, PROGRAMS } from './programs.ts';

const START_BOUND_MS = 60_000;
const POLL_EVERY_MS = 50;
const TOKEN_SECONDS = 24 * 60 * 60;
const ADMIN_GROUP = 'system:masters';

export interface ClusterOptions {
  /** An address besides 127.0.0.1 at which the server is to be reached. It then listens on all addresses. */
  readonly alsoAt?: string;
  /** More for kube-apiserver, by name. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** Why a test that needs an API server is skipped. */
export function skipWithoutCluster(): false | string {
  const missing = missingFolders([ETCD_FOLDER, KUBERNETES_FOLDER]);
  return missing.length > 0 && `no ${missing.join(', no ')}; node test/conformance/build.ts builds them`;
}

/** Starts it in the folder, which gets its data, keys and logs, and is the caller's to remove after `stop`. */
export async function startCluster(folder: string, options: ClusterOptions = {}): Promise<Cluster> {
  mkdirSync(folder, { recursive: true });
  const [etcdPort = 0, etcdPeerPort = 0, apiPort = 0] = await freePorts(3);
  const cluster = new Cluster(folder, { api: apiPort, etcd: etcdPort, etcdPeer: etcdPeerPort }, options);
  try {
    await cluster.startServer();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

interface Ports {
  readonly api: number;
  readonly etcd: number;
  readonly etcdPeer: number;
}

export class Cluster implements AsyncDisposable {
  readonly folder: string;
  /** https://127.0.0.1:port */
  readonly server: string;
  /** http://127.0.0.1:port */
  readonly etcdServer: string;
  /** Path of the administrator's. */
  readonly kubeconfig: string;
  readonly credentials: Credentials;
  /** The administrator's. */
  readonly admin: ApiClient;
  readonly #etcd: ChildProgram;
  readonly #serverCommand: readonly string[];
  #apiserver: ChildProgram | undefined;

  /** Use `startCluster`. */
  constructor(folder: string, ports: Ports, options: ClusterOptions) {
    this.folder = folder;
    this.server = `https://127.0.0.1:${ports.api}`;
    this.etcdServer = `http://127.0.0.1:${ports.etcd}`;
    this.credentials = new Credentials(join(folder, 'credentials'));
    const administrator = this.credentials.issue('admin', { commonName: 'admin', organization: ADMIN_GROUP });
    this.admin = new ApiClient(this.server, this.credentials.authority.certificate, administrator);
    this.kubeconfig = join(folder, 'admin.kubeconfig');
    this.#writeKubeconfig(this.kubeconfig, administrator);
    this.#serverCommand = apiserverCommand(folder, this.credentials, ports, options);
    this.#etcd = new ChildProgram(etcdCommand(folder, ports), { log: this.logOf('etcd') });
  }

  /** A request with the administrator's rights. A string is sent as it is, everything else as JSON; any status is a result. */
  adminRequest(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiAnswer> {
    return this.admin.request(method, path, body, contentType);
  }

  /** A token of a ServiceAccount that exists. */
  async createToken(namespace: string, serviceAccount: string): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`;
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: TOKEN_SECONDS },
    };
    const { status } = await this.admin.call<{ status: { token: string } }>('POST', path, request);
    return status.token;
  }

  /** Writes a kubeconfig that speaks for a ServiceAccount; gives its path. */
  async writeServiceAccountKubeconfig(namespace: string, serviceAccount: string): Promise<string> {
    const path = join(this.folder, `${namespace}-${serviceAccount}.kubeconfig`);
    this.#writeKubeconfig(path, { token: await this.createToken(namespace, serviceAccount) }, namespace);
    return path;
  }

  /** Writes a kubeconfig that speaks for a user by certificate; gives its path. */
  writeUserKubeconfig(commonName: string, organization?: string): string {
    const path = join(this.folder, `${commonName.replaceAll(':', '-')}.kubeconfig`);
    const subject = { commonName, ...(organization !== undefined && { organization }) };
    this.#writeKubeconfig(path, this.credentials.issue(commonName.replaceAll(':', '-'), subject));
    return path;
  }

  /** After `stopServer`; the same port, the same objects. Returns when it is ready. */
  async startServer(): Promise<void> {
    const apiserver = new ChildProgram(this.#serverCommand, { log: this.logOf('kube-apiserver'), graceMs: 20_000 });
    this.#apiserver = apiserver;
    const deadline = performance.now() + START_BOUND_MS;
    for (;;) {
      this.#etcd.assertRunning();
      apiserver.assertRunning();
      const ready = await this.admin.request('GET', '/readyz').catch(() => undefined);
      if (ready?.status === 200) return;
      if (performance.now() > deadline) throw new Error(`kube-apiserver is not ready\n${apiserver.lastLines()}`);
      await delay(POLL_EVERY_MS);
    }
  }

  /** Leaves the store. */
  async stopServer(): Promise<void> {
    await this.#apiserver?.stop();
    this.#apiserver = undefined;
  }

  async stop(): Promise<void> {
    this.admin.close();
    await this.stopServer();
    await this.#etcd.stop();
  }

  logOf(program: string): string {
    return join(this.folder, `${program}.log`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #writeKubeconfig(path: string, identity: Identity, namespace?: string): void {
    const text = kubeconfigFor(this.server, this.credentials.authority.certificate, identity, namespace);
    writeFileSync(path, text, { mode: 0o600 });
  }
}

function etcdCommand(folder: string, ports: Ports): string[] {
  const client = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  const flags = {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'log-level': 'warn',
    // A rig that loses power starts anew.
    'unsafe-no-fsync': 'true',
  };
  return [PROGRAMS.etcd, ...toArguments(flags)];
}

function apiserverCommand(
  folder: string,
  credentials: Credentials,
  ports: Ports,
  { alsoAt, flags: moreFlags }: ClusterOptions,
): string[] {
  const names = ['IP:127.0.0.1', 'DNS:localhost', 'DNS:kubernetes.default.svc'];
  if (alsoAt !== undefined) names.push(`IP:${alsoAt}`);
  const serving = credentials.issue('apiserver', { commonName: 'kube-apiserver', names });
  const kubelet = credentials.issue('apiserver-kubelet', { commonName: 'kube-apiserver', organization: ADMIN_GROUP });
  const authority = credentials.authority.certificate;
  const flags = {
    'etcd-servers': `http://127.0.0.1:${ports.etcd}`,
    'bind-address': alsoAt === undefined ? '127.0.0.1' : '0.0.0.0',
    'advertise-address': '127.0.0.1',
    'secure-port': String(ports.api),
    // A loopback address is no legal endpoint.
    'endpoint-reconciler-type': 'none',
    'tls-cert-file': serving.certificate,
    'tls-private-key-file': serving.key,
    'client-ca-file': authority,
    'cert-dir': join(folder, 'credentials'),
    'authorization-mode': 'RBAC',
    'anonymous-auth': 'true',
    'service-cluster-ip-range': '10.96.0.0/16',
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': credentials.tokenPublicKey,
    'service-account-signing-key-file': credentials.tokenKey,
    'kubelet-client-certificate': kubelet.certificate,
    'kubelet-client-key': kubelet.key,
    'kubelet-certificate-authority': authority,
    'kubelet-preferred-address-types': 'InternalIP',
    'max-requests-inflight': '2000',
    'max-mutating-requests-inflight': '1000',
    'allow-privileged': 'true',
    ...moreFlags,
  };
  return [PROGRAMS.apiserver, ...toArguments(flags)];
}

export function toArguments(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

/** Free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
