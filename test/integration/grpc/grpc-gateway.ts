// A gateway between grpc-js on both sides, over TLS or plaintext on either, and GRPCRoutes as the translator makes them.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { GRPCRouteMatch } from '../../../src/api/generated/grpc-route.ts';
import type * as matchModule from '../../../src/gatewayapi/grpc-route-match.ts';
import type { Problem } from '../../../src/gatewayapi/object-status.ts';
import type { Cluster } from '../../../src/ir/cluster.ts';
import type { Resource } from '../../../src/ir/ir.ts';
import type { Route, RouteMatch } from '../../../src/ir/route.ts';
import type * as linearRegExpModule from '../../../src/lib/linear-regexp.ts';
import { CertificateAuthority } from '../../harness/certificate-authority.ts';
import { certificate, cluster, listener, route, virtualHost } from '../../harness/resources.ts';
import type { RouteSetup, RuleSetup } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import { loadSource } from '../../harness/source.ts';
import type { TestBed } from '../../harness/test-bed.ts';
import { GrpcClient } from './grpc-client.ts';
import type { ClientSetup } from './grpc-client.ts';
import { GrpcUpstream } from './grpc-upstream.ts';
import type { UpstreamSetup } from './grpc-upstream.ts';
import { SERVICE } from './test-service.ts';

const { enableLinearRegExp } = await loadSource<typeof linearRegExpModule>('lib/linear-regexp.ts');
enableLinearRegExp();
const { compileGrpcMatch } = await loadSource<typeof matchModule>('gatewayapi/grpc-route-match.ts');

/** What the gateway's certificate names. */
export const HOST = 'api.example';
const UPSTREAM_NAME = 'up.example';

const authority = new CertificateAuthority();
after(() => authority.remove());
const DOWNSTREAM_PAIR = authority.issue(HOST);
const UPSTREAM_PAIR = authority.issue(UPSTREAM_NAME);

type Security = 'plaintext' | 'TLS';

export interface Combination {
  readonly downstream: Security;
  readonly upstream: Security;
}

export const COMBINATIONS: readonly Combination[] = [
  { downstream: 'plaintext', upstream: 'plaintext' },
  { downstream: 'plaintext', upstream: 'TLS' },
  { downstream: 'TLS', upstream: 'plaintext' },
  { downstream: 'TLS', upstream: 'TLS' },
];

export interface StageSetup extends Partial<Combination> {
  readonly server?: UpstreamSetup;
  readonly client?: ClientSetup;
  readonly cluster?: Partial<Omit<Cluster, 'name' | 'endpoints'>>;
  readonly engine?: EngineSetup;
  /** Default: the whole test service. */
  readonly rule?: RuleSetup;
}

export interface Stage {
  readonly upstream: GrpcUpstream;
  readonly gateway: RunningEngine;
  readonly client: GrpcClient;
  /** What both certificates are signed by. */
  readonly caPem: string;
}

export async function startStage(bed: TestBed, setup: StageSetup = {}): Promise<Stage> {
  const { downstream = 'plaintext', upstream: towards = 'plaintext' } = setup;
  const tls = towards === 'TLS' ? { tls: { serverName: UPSTREAM_NAME, caPem: authority.pem } } : {};
  const upstream = await GrpcUpstream.listen(bed, {
    ...setup.server,
    ...(towards === 'TLS' ? { tls: UPSTREAM_PAIR } : {}),
  });
  const rule: RuleSetup = {
    backends: ['a'],
    match: grpcMatch({ method: { type: 'Exact', service: SERVICE } }),
    ...setup.rule,
  };
  const gateway = await bed.engine(
    [
      ...downstreamResources(downstream),
      grpcCluster('a', [upstream.port], { ...tls, ...setup.cluster }),
      grpcRoute('r', [rule]),
    ],
    setup.engine,
  );
  const client = new GrpcClient(bed, gateway.address(), {
    ...setup.client,
    ...(downstream === 'TLS' ? { tls: { serverName: HOST, caPem: authority.pem } } : {}),
  });
  return { upstream, gateway, client, caPem: authority.pem };
}

function downstreamResources(security: Security): Resource[] {
  if (security === 'plaintext') return [listener()];
  const presented = certificate('a', DOWNSTREAM_PAIR);
  const virtualHosts = [virtualHost({ certificates: [presented.key] })];
  return [presented, listener({ port: 443, protocol: 'TLS', virtualHosts })];
}

/** Connections to the server of the stage since the start. */
export function connectsOf({ metrics }: RunningEngine): number {
  return metrics.upstreamConnects.cell({ cluster: 'test/a' }).value;
}

/** Spoken to by HTTP/2. */
export function grpcCluster(
  name: string,
  ports: readonly number[],
  setup: Partial<Omit<Cluster, 'name' | 'endpoints'>> = {},
): Cluster {
  return cluster(name, ports, { protocol: 'http2', ...setup });
}

export function grpcRoute(name: string, rules: readonly RuleSetup[], setup: RouteSetup = {}): Route {
  return { ...route(name, rules, setup), protocol: 'grpc', key: `route/GRPCRoute/test/${name}` };
}

/** A match of a GRPCRoute, translated. */
export function grpcMatch(match: GRPCRouteMatch): RouteMatch {
  const problems: Problem[] = [];
  const compiled = compileGrpcMatch(match, 'match', problems);
  assert.deepEqual(problems, []);
  return compiled ?? assert.fail();
}
