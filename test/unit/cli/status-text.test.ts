import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stateText, type GatewayState } from '../../../src/cli/status-text.ts';
import { plainStyle } from './memory-terminal.ts';

const ACCEPTED = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'ok' };
const UNRESOLVED = {
  type: 'ResolvedRefs',
  status: 'False',
  reason: 'BackendNotFound',
  message: 'Service a is not there.',
};

const STATE: GatewayState = {
  readiness: { ready: true, reasons: [] },
  items: [
    { kind: 'GatewayClass', name: 'sluice', status: { conditions: [ACCEPTED] } },
    {
      kind: 'Gateway',
      namespace: 'shop',
      name: 'web',
      status: {
        conditions: [ACCEPTED, { ...ACCEPTED, type: 'Programmed' }],
        addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((value) => ({ value })),
        listeners: [
          { name: 'http', attachedRoutes: 2, conditions: [{ ...ACCEPTED, type: 'Conflicted', status: 'False' }] },
          { name: 'https', attachedRoutes: 1 },
        ],
      },
    },
    {
      kind: 'HTTPRoute',
      namespace: 'shop',
      name: 'cart',
      status: {
        parents: [
          { parentRef: { name: 'web' }, conditions: [ACCEPTED, { ...UNRESOLVED, status: 'True' }] },
          { parentRef: { name: 'other' }, conditions: [ACCEPTED, UNRESOLVED] },
        ],
      },
    },
  ],
};

test('a table with a line for each object, and below it what is wrong', () => {
  assert.deepEqual(stateText(STATE, plainStyle()).split('\n'), [
    'ready',
    'KIND          NAME       CONDITIONS                    ROUTES  ADDRESSES',
    'Gateway       shop/web   Accepted, Programmed          3       10.0.0.1, 10.0.0.2, 10.0.0.3, +1',
    'GatewayClass  sluice     Accepted',
    'HTTPRoute     shop/cart  Accepted, ResolvedRefs=False',
    '  parent other: ResolvedRefs is False (BackendNotFound): Service a is not there.',
  ]);
});

test('a condition that is bad when True is named only then', () => {
  const overlap = { ...ACCEPTED, type: 'PartiallyInvalid' };
  const item = (status: string): GatewayState['items'][number] => ({
    kind: 'HTTPRoute',
    name: 'a',
    status: { parents: [{ parentRef: { name: 'web' }, conditions: [ACCEPTED, { ...overlap, status }] }] },
  });
  const lines = stateText({ ...STATE, items: [item('False'), item('True')] }, plainStyle()).split('\n');
  assert.match(lines[2] ?? '', /^HTTPRoute +a +Accepted$/);
  assert.match(lines[3] ?? '', /^HTTPRoute +a +Accepted, PartiallyInvalid=True$/);
});

test('a gateway that is not ready says why', () => {
  const state = { readiness: { ready: false, reasons: ['draining'] }, items: [] };
  assert.equal(stateText(state, plainStyle()).split('\n')[0], 'not ready: draining');
});

test('problems come last, with their places', () => {
  const problems = [
    { file: 'a.yaml', line: 3, column: 5, object: 'HTTPRoute shop/cart', path: 'spec.x', message: 'unknown field' },
    { message: 'something else' },
  ];
  const text = stateText({ ...STATE, problems }, plainStyle());
  assert.match(text, /\n\n2 problems in the manifests\na\.yaml:3:5 HTTPRoute shop\/cart\n  spec\.x: unknown field\n/);
  assert.match(text, /something else$/);
});
