// The static configuration as the program uses it: paths absolute, durations in milliseconds, sizes in bytes.

export interface Config {
  readonly manifests: readonly string[];
  readonly provider: 'file' | 'kubernetes';
  readonly kubernetes: {
    /** Undefined: where Kubernetes' own tools look. */
    readonly kubeconfig: string | undefined;
    readonly context: string | undefined;
    /** Empty: all. */
    readonly namespaces: readonly string[];
    readonly binding: 'host' | 'pool';
    /** IP literals. */
    readonly addressPool: readonly string[];
  };
  readonly demo: boolean;
  readonly portOffset: number;
  /** Worker processes; 0: all in one process. */
  readonly workers: number;
  /** Of a process of the gateway; 0: no limit. */
  readonly hangTimeoutMs: number;
  readonly admin: {
    readonly host: string;
    readonly port: number;
    readonly allowedHosts: readonly string[];
    readonly tokenFile: string | undefined;
  };
  readonly log: { readonly level: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' };
  readonly accessLog: {
    readonly enabled: boolean;
    /** A file; undefined: standard output. */
    readonly path: string | undefined;
    /** Undefined: the usual ones. */
    readonly fields: readonly string[] | undefined;
  };
  readonly drain: { readonly delayMs: number; readonly graceMs: number };
  readonly limits: {
    readonly maxConnections: number;
    readonly maxTotalConnections: number;
    readonly maxRequestsPerConnection: number;
    readonly maxConcurrentStreams: number;
    readonly maxHeadBytes: number;
    readonly maxUriBytes: number;
    readonly maxHeaderCount: number;
    readonly maxBodyBytes: number;
    readonly maxReplayBytes: number;
    readonly maxUdpSessions: number;
  };
  readonly timeouts: {
    readonly tlsHandshakeMs: number;
    readonly headMs: number;
    readonly bodyIdleMs: number;
    readonly keepAliveIdleMs: number;
    readonly streamIdleMs: number;
    readonly tunnelIdleMs: number;
    readonly tcpIdleMs: number;
    readonly tcpStallMs: number;
    readonly udpIdleMs: number;
    readonly writeStallMs: number;
    readonly lingerMs: number;
    readonly listenerDrainMs: number;
  };
}

/** What is wrong with the static configuration; nothing of it is used. */
export interface ConfigProblem {
  /** Where: `file:line:column`, the variable, or the option. */
  readonly place: string;
  /** `drain.delay` */
  readonly key: string;
  readonly message: string;
}

export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatConfigProblem).join('\n'));
    this.problems = problems;
  }
}

function formatConfigProblem({ place, key, message }: ConfigProblem): string {
  return key === '' ? `${place}: ${message}` : `${place}: ${key}: ${message}`;
}
