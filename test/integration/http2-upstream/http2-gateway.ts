// An engine with one listener for HTTP/1.1 and one cluster that is spoken to by HTTP/2, and a client's short way to ask it.
import assert from 'node:assert/strict';
import type { Cluster } from '../../../src/ir/cluster.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import { cluster, listener, route } from '../../harness/resources.ts';
import type { RuleSetup } from '../../harness/resources.ts';
import type { EngineSetup, RunningEngine } from '../../harness/running-engine.ts';
import type { TestBed } from '../../harness/test-bed.ts';
import type { WireClient } from '../../harness/wire-client.ts';

export interface GatewaySetup {
  readonly cluster?: Partial<Omit<Cluster, 'name' | 'endpoints'>>;
  readonly rule?: RuleSetup;
  readonly engine?: EngineSetup;
}

export async function gatewayTo(bed: TestBed, port: number, setup: GatewaySetup = {}): Promise<RunningEngine> {
  const resources = [
    listener(),
    cluster('a', [port], { protocol: 'http2', ...setup.cluster }),
    route('r', [{ backends: ['a'], ...setup.rule }]),
  ];
  return await bed.engine(resources, setup.engine);
}

/** Sends one request and returns the status of its answer. */
export async function ask(client: WireClient, text: string = request('GET /')): Promise<number> {
  const before = client.responses().length;
  const responses = await client.send(text).untilResponses(before + 1);
  return statusOf(responses.at(-1) ?? assert.fail());
}

/** Of the first answer to each. */
export async function statusesOf(clients: readonly WireClient[]): Promise<number[]> {
  const answers = await Promise.all(clients.map((client) => client.untilResponses(1)));
  return answers.map(([answer]) => statusOf(answer ?? assert.fail()));
}

type UpstreamMetric =
  | 'upstreamConnects'
  | 'upstreamConnectFailures'
  | 'upstreamActiveConnections'
  | 'upstreamIdleConnections'
  | 'upstreamActiveStreams'
  | 'upstreamPendingRequests'
  | 'upstreamOverflows'
  | 'upstreamRetries';

/** The value of a metric of the cluster. */
export function metric(gateway: RunningEngine, name: UpstreamMetric): number {
  return gateway.metrics[name].cell({ cluster: 'test/a' }).value;
}
