import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretText } from '../../../src/lib/secret-text.ts';
import { redactHeaderValue } from '../../../src/observability/json-redaction.ts';

test('values of sensitive headers are hidden, wherever they stand', () => {
  const value = {
    filters: [
      {
        set: [
          { name: 'Authorization', value: 'Bearer x' },
          { name: 'x-env', value: 'test' },
        ],
      },
    ],
    key: new SecretText('y'),
    name: 'authorization',
  };
  assert.deepEqual(JSON.parse(JSON.stringify(value, redactHeaderValue)), {
    filters: [
      {
        set: [
          { name: 'Authorization', value: '[redacted]' },
          { name: 'x-env', value: 'test' },
        ],
      },
    ],
    key: '[redacted]',
    name: 'authorization',
  });
});
