import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayClassStatus } from '../../../src/api/generated/gateway-class.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { options, resourcesOf } from './configuration.ts';

test('supportedFeatures is in ascending order, without repetitions', () => {
  const { statuses } = translate(resourcesOf(), createMemo(), options());
  const status = statuses.get('GatewayClass/sluice')?.status as GatewayClassStatus | undefined;
  const names = status?.supportedFeatures?.map(({ name }) => name) ?? [];
  assert.ok(names.length > 0);
  assert.deepEqual(names, [...new Set(names)].toSorted());
});
