// Manifests as they are on the wire: validated, translated with addresses of the loopback network for a pool, and served by an engine.
import assert from 'node:assert/strict';
import { Resources, type ObjectIdentity } from '../../../src/gatewayapi/resources.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { createValidator } from '../../../src/validation/validator.ts';
import { request } from '../../harness/http1-attack.ts';
import { statusOf } from '../../harness/http1-message.ts';
import type { RunningEngine } from '../../harness/running-engine.ts';
import type { TestBed } from '../../harness/test-bed.ts';

const CONTROLLER_NAME = 'example.test/controller';
const API_VERSIONS: Readonly<Record<string, string>> = {
  Backend: 'sluice.dev/v1alpha1',
  ClusterTrustBundle: 'certificates.k8s.io/v1',
  Secret: 'v1',
};
const CLUSTER_SCOPED = new Set(['ClusterTrustBundle', 'GatewayClass']);

/** In the order in which Gateways get them. */
export const POOL: readonly string[] = ['127.20.0.1', '127.20.0.2'];

type Fields = Readonly<Record<string, unknown>>;

export class ServedManifests {
  readonly #bed: TestBed;
  readonly #engine: RunningEngine;
  readonly #resources = new Resources();
  readonly #memo = createMemo();
  readonly #validator = createValidator();

  private constructor(bed: TestBed, engine: RunningEngine) {
    this.#bed = bed;
    this.#engine = engine;
    this.put('GatewayClass', 'test', { spec: { controllerName: CONTROLLER_NAME } });
  }

  static async start(bed: TestBed): Promise<ServedManifests> {
    return new ServedManifests(bed, await bed.engine([]));
  }

  put(kind: string, name: string, fields: Fields): void {
    const apiVersion = API_VERSIONS[kind] ?? 'gateway.networking.k8s.io/v1';
    const metadata = { name, ...(CLUSTER_SCOPED.has(kind) ? {} : { namespace: 'default' }) };
    const validation = this.#validator.validate({ apiVersion, kind, metadata, ...fields });
    assert.ok(validation.outcome === 'valid', JSON.stringify(validation));
    this.#resources.put(validation.object);
  }

  delete(identity: ObjectIdentity): void {
    this.#resources.delete(identity);
  }

  async apply(): Promise<void> {
    const { ir } = translate(this.#resources, this.#memo, {
      controllerName: CONTROLLER_NAME,
      binding: { kind: 'pool', addresses: POOL },
      unavailablePorts: new Map(),
    });
    assert.deepEqual((await this.#engine.engine.apply(ir)).failures, []);
  }

  /** The status of the answer to a GET over a new connection. */
  async ask(address: string, port: number, host: string): Promise<number> {
    const client = await this.#bed.client({ address, port });
    const [answer] = await client.send(request('GET /', [`Host: ${host}`])).untilResponses(1);
    return statusOf(answer ?? assert.fail('no answer'));
  }
}
