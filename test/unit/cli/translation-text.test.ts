import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { translationJson, translationYaml } from '../../../src/cli/translation-text.ts';
import type { Translation } from '../../../src/gatewayapi/translate.ts';
import { createIr } from '../../../src/ir/ir.ts';
import { SecretText } from '../../../src/lib/secret-text.ts';

const HEADERS = {
  kind: 'requestHeaderModifier',
  set: [
    { name: 'authorization', value: 'Bearer hunter2' },
    { name: 'x-env', value: 'test' },
  ],
  add: [],
  remove: [],
} as const;

const TRANSLATION: Pick<Translation, 'ir' | 'statuses'> = {
  ir: createIr([
    {
      kind: 'route',
      protocol: 'http',
      key: 'route/HTTPRoute/shop/cart',
      name: 'shop/cart',
      createdAtMs: 0,
      attachments: [],
      rules: [
        { name: '0', matches: [], filters: [HEADERS], backends: [], requestTimeoutMs: 0, backendRequestTimeoutMs: 0 },
      ],
    },
    { kind: 'certificate', key: 'certificate/shop/tls', chainPem: 'chain', privateKeyPem: new SecretText('hunter2') },
  ]),
  statuses: new Map(
    ['Gateway/shop/web', 'Backend/shop/a'].map((key) => [
      key,
      { apiVersion: 'v1', kind: 'Gateway', name: key, status: { conditions: [] } },
    ]),
  ),
};

test('resources and statuses by key, in the order of the keys', () => {
  const printed = JSON.parse(translationJson(TRANSLATION)) as Record<string, object>;
  assert.deepEqual(Object.keys(printed['ir'] ?? {}), ['certificate/shop/tls', 'route/HTTPRoute/shop/cart']);
  assert.deepEqual(Object.keys(printed['statuses'] ?? {}), ['Backend/shop/a', 'Gateway/shop/web']);
});

test('YAML and JSON say the same', () => {
  assert.deepEqual(parse(translationYaml(TRANSLATION)), JSON.parse(translationJson(TRANSLATION)));
});

test('secrets are redacted, all else is not', () => {
  for (const text of [translationYaml(TRANSLATION), translationJson(TRANSLATION)]) {
    assert.doesNotMatch(text, /hunter2/);
    assert.equal(text.split('[redacted]').length, 3);
    assert.match(text, /test/);
  }
});
