// Runs the product's data plane in this process on resources that a test writes and changes. No defect goes unseen: closing throws
// what the engine reported.
import assert from 'node:assert/strict';
import type * as engineModule from '../../src/dataplane/engine.ts';
import type { ApplyResult, Engine, EngineOptions } from '../../src/dataplane/engine.ts';
import type * as irModule from '../../src/ir/ir.ts';
import type { Resource } from '../../src/ir/ir.ts';
import type { AccessLogRecord } from '../../src/observability/access-log.ts';
import type * as metricNamesModule from '../../src/observability/metric-names.ts';
import type { Metrics } from '../../src/observability/metric-names.ts';
import { Conditions } from './deadline.ts';
import { ADDRESS } from './resources.ts';
import { loadSource } from './source.ts';
import type { WireAddress } from './wire-client.ts';

const { createEngine } = await loadSource<typeof engineModule>('dataplane/engine.ts');
const { createIr } = await loadSource<typeof irModule>('ir/ir.ts');
const metricNames = await loadSource<typeof metricNamesModule>('observability/metric-names.ts');

export type EngineSetup = Partial<
  Pick<EngineOptions, 'limits' | 'timeouts' | 'resolve' | 'onOverload' | 'onResolveFailure' | 'overload'>
>;

/** What tests ask of the access log. */
export type LoggedRequest = Pick<
  AccessLogRecord,
  | 'path'
  | 'status'
  | 'grpcStatus'
  | 'flag'
  | 'route'
  | 'backend'
  | 'attempts'
  | 'bytesReceived'
  | 'bytesSent'
  | 'remoteAddress'
  | 'serverName'
  | 'tlsVersion'
>;

export class RunningEngine {
  readonly engine: Engine;
  readonly metrics: Metrics;
  readonly #defects: unknown[] = [];
  readonly #logged: LoggedRequest[] = [];
  /** Requests that were logged since the start. */
  loggedCount = 0;
  readonly #conditions = new Conditions();

  constructor(setup: EngineSetup = {}) {
    this.metrics = new metricNames.Metrics();
    this.engine = createEngine({
      metrics: this.metrics,
      onDefect: (error) => this.#defects.push(error),
      accessLog: { log: (record) => this.#log(record) },
      ...setup,
    });
  }

  /** @throws where a listener could not be bound. */
  async apply(...resources: readonly Resource[]): Promise<void> {
    assert.deepEqual((await this.tryApply(...resources)).failures, []);
  }

  tryApply(...resources: readonly Resource[]): Promise<ApplyResult> {
    return this.engine.apply(createIr(resources));
  }

  /** Where a client reaches the listener with this key. */
  address(key = 'listener/a'): WireAddress {
    const port = this.engine.addresses().find((bound) => bound.key === key)?.port;
    return { address: ADDRESS, port: port ?? assert.fail(`${key} is not bound`) };
  }

  /** The next request that is logged: each is given out once. */
  async logged(): Promise<LoggedRequest> {
    return await this.#conditions.until('a line in the access log', () => this.#logged.shift());
  }

  async close(): Promise<void> {
    await this.engine.close();
    assert.deepEqual(this.#defects, [], 'the engine met a defect in its own code');
  }

  /** A record is only valid inside the call. */
  #log(record: AccessLogRecord): void {
    const { path, status, grpcStatus, flag, route, backend, attempts } = record;
    const { bytesReceived, bytesSent, remoteAddress, serverName, tlsVersion } = record;
    this.loggedCount++;
    this.#logged.push({
      path,
      status,
      grpcStatus,
      flag,
      route,
      backend,
      attempts,
      bytesReceived,
      bytesSent,
      remoteAddress,
      serverName,
      tlsVersion,
    });
    this.#conditions.changed();
  }
}
