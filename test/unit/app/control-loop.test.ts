import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { KubernetesObject } from '../../../src/api/object.ts';
import { ControlLoop } from '../../../src/app/control-loop.ts';
import type { ControlLoopOptions } from '../../../src/app/control-loop.ts';
import type { ApplyResult } from '../../../src/dataplane/engine.ts';
import { keysRead } from '../../../src/gatewayapi/memo-reads.ts';
import type { Translation } from '../../../src/gatewayapi/translate.ts';
import type { Ir } from '../../../src/ir/ir.ts';
import { Metrics } from '../../../src/observability/metric-names.ts';
import { SILENT_LOGGER } from '../../../src/observability/process-log.ts';
import { Conditions } from '../../harness/deadline.ts';
import { CONTROLLER_NAME, gateway, hostBinding, route, tlsSecret } from '../gatewayapi/configuration.ts';

const CLASS = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'GatewayClass',
  metadata: { name: 'sluice' },
  spec: { controllerName: CONTROLLER_NAME },
} as KubernetesObject;
const GATEWAY_KEY = 'Gateway/shop/gw';

/** A loop, what it published, and what it told. */
class Stage {
  readonly loop: ControlLoop;
  readonly published: Ir[] = [];
  readonly served: Translation[] = [];
  readonly conditions = new Conditions();
  readonly metrics = new Metrics();
  publish: (ir: Ir) => Promise<ApplyResult> = () => Promise.resolve({ failures: [] });

  constructor(t: TestContext, demand?: ControlLoopOptions['demand']) {
    this.loop = new ControlLoop({
      publisher: {
        publish: async (ir) => {
          this.published.push(ir);
          this.conditions.changed();
          return await this.publish(ir);
        },
      },
      onServed: (translation) => void this.served.push(translation),
      translation: () => ({ controllerName: CONTROLLER_NAME, binding: hostBinding(0) }),
      ...(demand === undefined ? {} : { demand }),
      metrics: this.metrics,
      logger: SILENT_LOGGER,
    });
    t.after(() => this.loop.stop());
  }

  rejects(): string {
    return [...this.metrics.registry.texts()].join('').match(/^sluice_config_rejects_total (\d+)/m)?.[1] ?? '';
  }
}

function statusOf(translation: Translation | undefined, key: string): string {
  return JSON.stringify(translation?.statuses.get(key)?.status);
}

function httpsGateway(secretName: string): KubernetesObject {
  const tls = { mode: 'Terminate', certificateRefs: [{ group: '', kind: 'Secret', name: secretName }] };
  return gateway([{ protocol: 'HTTPS', port: 443, tls }]);
}

describe('the way from changes to what is served', () => {
  test('what came while it was published is told only when it is served', async (t) => {
    const stage = new Stage(t);
    const { promise: answered, resolve: answer } = Promise.withResolvers<ApplyResult>();
    stage.publish = () => answered;
    const started = stage.loop.start({ put: [CLASS, gateway()], remove: [] });
    await stage.conditions.until('it is on the way', () => stage.published[0]);
    stage.loop.change({ put: [route('late')], remove: [] });
    const [listener] = [...(stage.published[0]?.resources.values() ?? [])];
    answer({ failures: [{ key: listener?.key ?? '', port: 80, code: 'EADDRINUSE' }] });
    await started;
    for (const translation of stage.served) {
      const published = stage.published.some(({ hash }) => hash === translation.ir.hash);
      assert.ok(published, 'a status tells of what was not published');
    }
    const last = stage.served.at(-1);
    assert.match(statusOf(last, GATEWAY_KEY), /PortUnavailable|in use by another process/);
    assert.ok(last?.statuses.has('HTTPRoute/shop/late'));
  });

  test('what a translation asks for is there before it is published', async (t) => {
    const asked: string[][] = [];
    const stage: Stage = new Stage(t, async (memo) => {
      const keys = [...keysRead(memo, 'Secret')];
      asked.push(keys);
      await Promise.resolve();
      if (asked.length === 1) stage.loop.change({ put: [tlsSecret('cert', 'no chain', 'no key')], remove: [] });
    });
    await stage.loop.start({ put: [CLASS, httpsGateway('cert')], remove: [] });
    assert.deepEqual(asked.slice(0, 2), [['shop/cert'], ['shop/cert']]);
    assert.match(statusOf(stage.served[0], GATEWAY_KEY), /InvalidCertificateRef/);
    assert.doesNotMatch(statusOf(stage.served[0], GATEWAY_KEY), /does not exist|not found/);
    assert.equal(stage.published.length, 1);
  });

  test('what always leads to something else is not asked for without end', async (t) => {
    let rounds = 0;
    const stage: Stage = new Stage(t, () => {
      rounds++;
      stage.loop.change({ put: [httpsGateway(`cert-${rounds}`)], remove: [] });
      return Promise.resolve();
    });
    await stage.loop.start({ put: [CLASS, httpsGateway('cert-0')], remove: [] });
    assert.equal(stage.served.length, 1);
    assert.ok(rounds <= 4, `${rounds} rounds`);
  });

  test('a failure leaves what was served, is counted, and the next change is applied', async (t) => {
    const failures: Error[] = [];
    const stage = new Stage(t, () => {
      const error = failures.pop();
      return error === undefined ? Promise.resolve() : Promise.reject(error);
    });
    await stage.loop.start({ put: [CLASS], remove: [] });
    failures.push(new Error('a defect'));
    stage.loop.change({ put: [gateway()], remove: [] });
    await stage.loop.runNow();
    assert.deepEqual([stage.rejects(), stage.served.length], ['1', 1]);
    stage.publish = () => Promise.reject(new Error('nobody takes it'));
    await stage.loop.runNow();
    assert.deepEqual([stage.rejects(), stage.served.length], ['2', 1]);
    stage.publish = () => Promise.resolve({ failures: [] });
    await stage.loop.runNow();
    assert.equal(stage.served.length, 2);
    assert.match(statusOf(stage.served[1], GATEWAY_KEY), /"Programmed","status":"True"/);
  });
});
