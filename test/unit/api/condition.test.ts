// The condition types and reasons are those of Gateway API, spelled as there.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as condition from '../../../src/api/condition.ts';
import { GATEWAY_API_MODULE, goModuleFolder } from '../../../tools/gateway-api-module.ts';

const module = goModuleFolder(GATEWAY_API_MODULE);

/** The prefixes of the Go constants behind each object. */
const GO_PREFIXES: Readonly<Record<string, readonly string[]>> = {
  GatewayClassCondition: ['GatewayClassConditionStatus'],
  GatewayClassReason: ['GatewayClassReason'],
  GatewayCondition: ['GatewayCondition'],
  GatewayReason: ['GatewayReason', 'GatewayReasonAddresses'],
  ListenerCondition: ['ListenerCondition'],
  ListenerReason: ['ListenerReason', 'ListenerEntryReason'],
  ListenerSetCondition: ['ListenerSetCondition'],
  ListenerSetReason: ['ListenerSetReason'],
  RouteCondition: ['RouteCondition'],
  RouteReason: ['RouteReason'],
  PolicyCondition: ['PolicyCondition', 'BackendTLSPolicyCondition'],
  PolicyReason: ['PolicyReason', 'BackendTLSPolicyReason'],
};
/** Named by the documentation of the ListenerSet conditions, without a Go constant. */
const ONLY_DOCUMENTED: readonly string[] = [
  'ListenerSetReason.ParentNotProgrammed',
  'ListenerSetReason.PortUnavailable',
];

test('every constant has its value as its name', () => {
  for (const [name, constants] of Object.entries(condition)) {
    if (typeof constants === 'string') continue;
    assert.ok(GO_PREFIXES[name], name);
    for (const [key, value] of Object.entries(constants)) assert.equal(value, key, name);
  }
});

test(
  'every condition type and reason is a constant of Gateway API',
  { skip: module === undefined && `Go has no ${GATEWAY_API_MODULE}: nothing to compare with` },
  () => {
    const folder = join(module ?? '', 'apis/v1');
    const sources = readdirSync(folder).filter((name) => name.endsWith('_types.go'));
    const text = sources.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
    const upstream = new Map(
      [...text.matchAll(/^\s+(\w+)\s+\w+\s+=\s+"(\w+)"/gm)].map(([, name, value]) => [name, value]),
    );
    for (const [name, constants] of Object.entries(condition)) {
      const prefixes = GO_PREFIXES[name];
      if (prefixes === undefined) continue;
      for (const value of Object.values(constants)) {
        if (ONLY_DOCUMENTED.includes(`${name}.${value}`)) continue;
        assert.ok(
          prefixes.some((prefix) => upstream.get(prefix + value) === value),
          `${name}.${value}`,
        );
      }
    }
  },
);
