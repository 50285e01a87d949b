import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compileRequestHeaderModifier,
  compileResponseHeaderModifier,
} from '../../../../src/dataplane/filter/header-modifier/header-modifier.ts';
import type { HeaderModifier } from '../../../../src/ir/filter.ts';
import { context, lines, response } from './context.ts';

type Fields = readonly (readonly [name: string, value: string])[];

const CASES: readonly {
  readonly what: string;
  readonly before: Fields;
  readonly modifier: Partial<HeaderModifier>;
  readonly after: readonly string[];
}[] = [
  {
    what: 'set adds what is absent',
    before: [['a', '1']],
    modifier: { set: [{ name: 'b', value: '2' }] },
    after: ['a: 1', 'b: 2'],
  },
  {
    what: 'set replaces a value in its place',
    before: [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ],
    modifier: { set: [{ name: 'b', value: 'new' }] },
    after: ['a: 1', 'b: new', 'c: 3'],
  },
  {
    what: 'set replaces all values of a repeated field by one',
    before: [
      ['b', '1'],
      ['a', 'x'],
      ['b', '2'],
      ['c', 'y'],
      ['b', '3'],
    ],
    modifier: { set: [{ name: 'b', value: 'new' }] },
    after: ['b: new', 'a: x', 'c: y'],
  },
  {
    what: 'add keeps the values that are there',
    before: [
      ['b', '1'],
      ['a', 'x'],
    ],
    modifier: { add: [{ name: 'b', value: '2' }] },
    after: ['b: 1', 'a: x', 'b: 2'],
  },
  {
    what: 'add adds what is absent',
    before: [],
    modifier: { add: [{ name: 'b', value: '2' }] },
    after: ['b: 2'],
  },
  {
    what: 'add may add a name twice',
    before: [],
    modifier: {
      add: [
        { name: 'b', value: '1' },
        { name: 'b', value: '2' },
      ],
    },
    after: ['b: 1', 'b: 2'],
  },
  {
    what: 'remove takes all values of a repeated field, and nothing else',
    before: [
      ['b', '1'],
      ['a', 'x'],
      ['b', '2'],
      ['bb', 'y'],
    ],
    modifier: { remove: ['b', 'absent'] },
    after: ['a: x', 'bb: y'],
  },
  {
    what: 'set, then add, then remove',
    before: [
      ['a', 'old'],
      ['b', 'old'],
    ],
    modifier: {
      set: [
        { name: 'a', value: 'set' },
        { name: 'b', value: 'set' },
      ],
      add: [
        { name: 'a', value: 'added' },
        { name: 'c', value: 'added' },
      ],
      remove: ['b', 'c'],
    },
    after: ['a: set', 'a: added'],
  },
  {
    what: 'an empty value is a value',
    before: [['a', '1']],
    modifier: { set: [{ name: 'a', value: '' }] },
    after: ['a: '],
  },
];

describe('header modifier', () => {
  for (const { what, before, modifier, after } of CASES) {
    const whole: HeaderModifier = { set: [], add: [], remove: [], ...modifier };

    test(`request: ${what}`, () => {
      const seen = context({ headers: before });
      const { onRequest, onResponse } = compileRequestHeaderModifier({ kind: 'requestHeaderModifier', ...whole });
      assert.equal(onRequest?.(seen), undefined, 'it does not answer');
      assert.deepEqual(lines(seen.request), after);
      assert.equal(onResponse, undefined, 'it leaves responses alone');
    });

    test(`response: ${what}`, () => {
      const answer = response(...before);
      const { onRequest, onResponse } = compileResponseHeaderModifier({ kind: 'responseHeaderModifier', ...whole });
      onResponse?.(context(), answer);
      assert.deepEqual(lines(answer), after);
      assert.equal(onRequest, undefined, 'it leaves requests alone');
    });
  }
});
