import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ObjectStatus } from '../../../../src/gatewayapi/object-status.ts';
import {
  hasOwnEntries,
  MAX_CONDITIONS,
  MAX_MESSAGE_LENGTH,
  mergeStatus,
} from '../../../../src/provider/kubernetes/status-merge.ts';

const OWN = 'sluice.dev/gateway-controller';
const FOREIGN = 'example.com/other';
const NOW = '2030-01-01T00:00:00Z';
const BEFORE = '2029-01-01T00:00:00Z';

type Fields = Readonly<Record<string, unknown>>;

function condition(type: string, status = 'True', setup: Fields = {}): Fields {
  return { type, status, reason: 'Because', message: 'As it is.', observedGeneration: 1, ...setup };
}

/** As it is stored. */
function stored(type: string, status = 'True', setup: Fields = {}): Fields {
  return { ...condition(type, status, setup), lastTransitionTime: BEFORE };
}

function changed(type: string, status = 'True', setup: Fields = {}): Fields {
  return { ...condition(type, status, setup), lastTransitionTime: NOW };
}

function parent(name: string, conditions: readonly Fields[], controllerName = OWN): Fields {
  const parentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name };
  return { parentRef, controllerName, conditions };
}

function ancestor(name: string, conditions: readonly Fields[], controllerName = OWN): Fields {
  return { ancestorRef: { kind: 'Gateway', name }, controllerName, conditions };
}

function merge(live: Fields, own: Fields | undefined): Fields {
  return mergeStatus(live, own, { controllerName: OWN, now: NOW });
}

interface Case {
  readonly what: string;
  readonly live: Fields;
  /** Absent: the object is none of ours. */
  readonly own?: Fields;
  /** Absent: nothing is to be written. */
  readonly result?: Fields;
}

const CASES: readonly Case[] = [
  {
    what: 'nothing is there yet',
    live: {},
    own: { conditions: [condition('Accepted')] },
    result: { conditions: [changed('Accepted')] },
  },
  {
    what: 'all is as it should be, in whatever order the fields are',
    live: { listeners: [], conditions: [{ lastTransitionTime: BEFORE, ...condition('Accepted') }] },
    own: { conditions: [condition('Accepted')], listeners: [] },
  },
  {
    what: 'another reason is no transition',
    live: { conditions: [stored('Accepted', 'False')] },
    own: { conditions: [condition('Accepted', 'False', { reason: 'Other', observedGeneration: 2 })] },
    result: { conditions: [stored('Accepted', 'False', { reason: 'Other', observedGeneration: 2 })] },
  },
  {
    what: 'another status is one, of that condition alone',
    live: { conditions: [stored('Accepted', 'Unknown'), stored('Programmed')] },
    own: { conditions: [condition('Programmed'), condition('Accepted')] },
    result: { conditions: [changed('Accepted'), stored('Programmed')] },
  },
  {
    what: "conditions of others stay, where they are and as they are, whatever generation they're of",
    live: {
      conditions: [stored('example.com/Checked', 'False', { observedGeneration: 99 }), stored('Accepted', 'False')],
    },
    own: { conditions: [condition('Accepted')] },
    result: {
      conditions: [stored('example.com/Checked', 'False', { observedGeneration: 99 }), changed('Accepted')],
    },
  },
  ...['InsecureFrontendValidationMode', 'OverlappingTLSConfig', 'DefaultGateway', 'PartiallyInvalid'].map((type) => ({
    what: `${type} goes when it no longer applies`,
    live: { conditions: [stored('Accepted'), stored(type)] },
    own: { conditions: [condition('Accepted')] },
    result: { conditions: [stored('Accepted')] },
  })),
  {
    what: 'PartiallyInvalid of a parent goes too, and what others put beside it stays',
    live: { parents: [parent('a', [stored('Accepted'), stored('PartiallyInvalid'), stored('example.com/Seen')])] },
    own: { parents: [parent('a', [condition('Accepted')])] },
    result: { parents: [parent('a', [stored('Accepted'), stored('example.com/Seen')])] },
  },
  {
    what: 'addresses that are gone go; a field of somebody else stays',
    live: { addresses: [{ value: '192.0.2.1' }], future: 1, conditions: [] },
    own: { conditions: [] },
    result: { future: 1, conditions: [] },
  },
  {
    what: 'listeners are those of the spec, in its order, and keep the times of their conditions',
    live: { listeners: [{ name: 'gone' }, { name: 'b', attachedRoutes: 1, conditions: [stored('Accepted')] }] },
    own: {
      listeners: [
        { name: 'a', attachedRoutes: 0, conditions: [condition('Accepted')] },
        { name: 'b', attachedRoutes: 2, conditions: [condition('Accepted')] },
      ],
    },
    result: {
      listeners: [
        { name: 'a', attachedRoutes: 0, conditions: [changed('Accepted')] },
        { name: 'b', attachedRoutes: 2, conditions: [stored('Accepted')] },
      ],
    },
  },
  {
    what: 'parents of another controller stay where they are, before and behind',
    live: {
      parents: [
        parent('a', [stored('Accepted')], FOREIGN),
        parent('a', [stored('Accepted', 'False')]),
        parent('b', [stored('Accepted')], FOREIGN),
      ],
    },
    own: { parents: [parent('c', [condition('Accepted')]), parent('a', [condition('Accepted')])] },
    result: {
      parents: [
        parent('a', [stored('Accepted')], FOREIGN),
        parent('a', [changed('Accepted')]),
        parent('b', [stored('Accepted')], FOREIGN),
        parent('c', [changed('Accepted')]),
      ],
    },
  },
  {
    what: 'own parents before foreign ones are no reason to write',
    live: { parents: [parent('a', [stored('Accepted')]), parent('a', [stored('Accepted')], FOREIGN)] },
    own: { parents: [parent('a', [condition('Accepted')])] },
  },
  {
    what: 'a parent is known by its reference, in whatever order the fields of that are',
    live: {
      parents: [{ parentRef: { name: 'a', kind: 'Gateway' }, controllerName: OWN, conditions: [stored('Accepted')] }],
    },
    own: {
      parents: [
        { parentRef: { kind: 'Gateway', name: 'a' }, controllerName: OWN, conditions: [condition('Accepted')] },
      ],
    },
  },
  {
    what: 'a parent that is not referred to any more goes',
    live: { parents: [parent('a', [stored('Accepted')]), parent('b', [stored('Accepted')])] },
    own: { parents: [parent('b', [condition('Accepted')])] },
    result: { parents: [parent('b', [stored('Accepted')])] },
  },
  {
    what: 'own entries go from an object that is none of ours any more',
    live: {
      conditions: [stored('Accepted')],
      parents: [parent('a', [stored('Accepted')]), parent('a', [stored('Accepted')], FOREIGN)],
    },
    result: { conditions: [stored('Accepted')], parents: [parent('a', [stored('Accepted')], FOREIGN)] },
  },
  {
    what: 'own ancestors go likewise',
    live: { ancestors: [ancestor('a', []), ancestor('b', [], FOREIGN)] },
    result: { ancestors: [ancestor('b', [], FOREIGN)] },
  },
  {
    what: 'an object that never was ours is left alone',
    live: { conditions: [stored('Accepted')], addresses: [], parents: [parent('a', [], FOREIGN)] },
  },
  {
    what: 'what is no list of objects is no obstacle',
    live: { conditions: [null, 1], parents: 'none' },
    own: { conditions: [condition('Accepted')], parents: [] },
    result: { conditions: [changed('Accepted')], parents: [] },
  },
];

describe('a status over what is there', () => {
  for (const { what, live, own, result } of CASES) {
    test(what, () => {
      const merged = merge(live, own);
      if (result === undefined) assert.equal(merged, live);
      else assert.deepEqual(merged, result);
      // It is what it should be now.
      assert.equal(merge(merged, own), merged);
    });
  }

  test('no more conditions than the API allows: those of others stay, the last of ours are left out', () => {
    const foreign = Array.from({ length: MAX_CONDITIONS - 1 }, (_, index) => stored(`example.com/C${index}`));
    const merged = merge({ conditions: foreign }, { conditions: [condition('Accepted'), condition('Programmed')] });
    assert.deepEqual(merged['conditions'], [...foreign, changed('Accepted')]);
  });

  for (const [list, entry, most] of [
    ['parents', parent, 32],
    ['ancestors', ancestor, 16],
  ] as const) {
    test(`no more ${list} than the API allows, and foreign ones stay`, () => {
      const foreign = Array.from({ length: most - 2 }, (_, index) => entry(`f${index}`, [], FOREIGN));
      const wanted = ['a', 'b', 'c'].map((name) => entry(name, [condition('Accepted')]));
      const merged = merge({ [list]: foreign }, { [list]: wanted });
      const added = ['a', 'b'].map((name) => entry(name, [changed('Accepted')]));
      assert.deepEqual(merged[list], [...foreign, ...added]);
      assert.equal(merge(merged, { [list]: wanted }), merged);
    });
  }

  test('no longer messages than the API allows, and none that ends in half a character', () => {
    const message = `${'x'.repeat(MAX_MESSAGE_LENGTH - 2)}${'😀'.repeat(9)}`;
    const own = { conditions: [condition('Accepted', 'True', { message })] };
    const merged = merge({}, own);
    const [first] = merged['conditions'] as readonly { readonly message: string }[];
    assert.equal(first?.message.length, MAX_MESSAGE_LENGTH);
    assert.ok(first.message.isWellFormed());
    assert.equal(merge(merged, own), merged);
  });

  test('two controllers that both merge come to rest', () => {
    let status: Fields = {};
    const writes = { [OWN]: 0, [FOREIGN]: 0 };
    for (let round = 0; round < 5; round++)
      for (const controllerName of [OWN, FOREIGN] as const) {
        const own = {
          parents: [parent('a', [condition('Accepted')], controllerName)],
        } as unknown as ObjectStatus['status'];
        const next = mergeStatus(status, own, { controllerName, now: NOW });
        if (next !== status) writes[controllerName]++;
        status = next;
      }
    assert.deepEqual(writes, { [OWN]: 1, [FOREIGN]: 1 });
  });

  test('which statuses have entries of a controller', () => {
    assert.equal(hasOwnEntries({ parents: [parent('a', [])] }, OWN), true);
    assert.equal(hasOwnEntries({ ancestors: [ancestor('a', [])] }, OWN), true);
    assert.equal(hasOwnEntries({ parents: [parent('a', [], FOREIGN)], conditions: [] }, OWN), false);
  });
});
