// The manifests of the conformance suite, each test's with the base, translated: everything is accepted, resolved and programmed, but for
// what the suite's own checks want to be refused. What the tests change while they run is not here.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../../../src/api/object.ts';
import type { ObjectStatus } from '../../../src/gatewayapi/object-status.ts';
import { Resources } from '../../../src/gatewayapi/resources.ts';
import { createMemo, translate } from '../../../src/gatewayapi/translate.ts';
import { enableLinearRegExp } from '../../../src/lib/linear-regexp.ts';
import { createValidator } from '../../../src/validation/validator.ts';
import { CONFORMANCE_MODULE, goModuleFolder } from '../../../tools/gateway-api-module.ts';
import { KEY_PAIRS } from '../../property/gatewayapi/pem.ts';
import { CONTROLLER_NAME, options } from './configuration.ts';
import { REFUSALS } from './conformance-refusals.ts';

const module = goModuleFolder(CONFORMANCE_MODULE);
const CLASS_NAME = 'conformance';
const INFRA = 'gateway-conformance-infra';
/** More than a test has Gateways. */
const POOL = Array.from({ length: 40 }, (_, index) => `192.0.2.${index + 1}`);
/** The suite puts addresses into it. */
const INCOMPLETE = 'gateway-static-addresses.yaml';

const validator = createValidator();

/** What the suite makes by program. */
const MADE: readonly object[] = [
  secret('gateway-conformance-web-backend', 'certificate'),
  secret('gateway-conformance-app-backend', 'tls-passthrough-checks-certificate'),
  ...[
    'tls-validity-checks-certificate',
    'tls-checks-certificate',
    'tls-checks-client-certificate',
    'tls-passthrough-checks-certificate',
    'tls-terminate-checks-certificate',
  ].map((name) => secret(INFRA, name)),
  ...[
    'tls-validity-checks-ca-certificate',
    'tls-validity-checks-per-port-ca-certificate',
    'tls-checks-ca-certificate',
    'mismatch-ca-certificate',
  ].map((name) => configMap(INFRA, name)),
  configMap('gateway-conformance-web-backend', 'web-backend-cm'),
];

function secret(namespace: string, name: string): object {
  const [{ chain, key } = { chain: '', key: '' }] = KEY_PAIRS;
  const stringData = { 'tls.crt': chain, 'tls.key': key };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, type: 'kubernetes.io/tls', stringData };
}

function configMap(namespace: string, name: string): object {
  const data = { 'ca.crt': KEY_PAIRS[0]?.chain ?? '' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data };
}

function read(path: string): readonly object[] {
  const text = readFileSync(join(module ?? '', path), 'utf8')
    .replaceAll('{GATEWAY_CLASS_NAME}', CLASS_NAME)
    .replaceAll('{GATEWAY_CONTROLLER_NAME}', CONTROLLER_NAME);
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as object | null) ?? []);
}

/** Of kinds that are ours. */
function validated(manifests: readonly object[]): readonly KubernetesObject[] {
  return manifests.flatMap((manifest) => {
    const validation = validator.validate(manifest);
    assert.notEqual(validation.outcome, 'invalid', JSON.stringify(validation));
    return validation.outcome === 'valid' ? validation.object : [];
  });
}

interface StatusView {
  readonly conditions?: readonly ConditionView[];
  readonly listeners?: readonly { readonly name: string; readonly conditions: readonly ConditionView[] }[];
  readonly parents?: readonly { readonly parentRef: ParentView; readonly conditions: readonly ConditionView[] }[];
  readonly ancestors?: readonly { readonly conditions: readonly ConditionView[] }[];
}

interface ConditionView {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

interface ParentView {
  readonly kind: string;
  readonly name: string;
}

/** What is not as the author of a manifest would like it. */
function refusalsOf({ kind, name, status }: ObjectStatus): readonly string[] {
  const { conditions = [], listeners = [], parents = [], ancestors = [] } = status as StatusView;
  const places = [
    { place: `${kind} ${name}`, conditions },
    ...listeners.map((listener) => ({ place: `${kind} ${name}/${listener.name}`, conditions: listener.conditions })),
    ...parents.map(({ parentRef, ...parent }) => ({
      place: `${kind} ${name} at ${parentRef.kind} ${parentRef.name}`,
      conditions: parent.conditions,
    })),
    ...ancestors.map((ancestor) => ({ place: `${kind} ${name}`, conditions: ancestor.conditions })),
  ];
  return places.flatMap(({ place, conditions: found }) =>
    found
      .filter(({ type, status: value }) => value !== (type === 'Conflicted' ? 'False' : 'True'))
      .map(({ type, reason }) => `${place}: ${type} ${reason}`),
  );
}

describe(
  'the manifests of the conformance suite',
  { skip: module === undefined && `Go has no ${CONFORMANCE_MODULE}: nothing to translate` },
  () => {
    before(enableLinearRegExp);
    const gatewayClass = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: CLASS_NAME },
      spec: { controllerName: CONTROLLER_NAME },
    };
    const files = module === undefined ? [] : readdirSync(join(module, 'tests'));
    const tests = files.filter((file) => /^(?!mesh-).*\.yaml$/.test(file) && file !== INCOMPLETE);

    it('are those that are known', () => {
      assert.ok(tests.length > 100);
      assert.deepEqual(
        Object.keys(REFUSALS).filter((file) => !tests.includes(file)),
        [],
      );
    });

    for (const file of tests) {
      it(file, () => {
        const objects = validated([gatewayClass, ...MADE, ...read('base/manifests.yaml'), ...read(`tests/${file}`)]);
        const resources = new Resources();
        for (const object of objects) resources.put(object);
        const binding = { kind: 'pool', addresses: POOL } as const;
        const { statuses } = translate(resources, createMemo(), options({ binding }));
        const refusals = [...statuses.values()].flatMap(refusalsOf);
        assert.deepEqual(refusals.sort(), [...(REFUSALS[file] ?? [])].sort());
      });
    }
  },
);
