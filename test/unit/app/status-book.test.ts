import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StatusBook } from '../../../src/app/status-book.ts';
import type { ObjectStatus } from '../../../src/gatewayapi/object-status.ts';

function status(accepted: 'True' | 'False', reason: string, listenerAccepted: 'True' | 'False'): ObjectStatus {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    namespace: 'default',
    name: 'gw',
    generation: 1,
    status: {
      conditions: [{ type: 'Accepted', status: accepted, reason, message: '' }],
      listeners: [
        {
          name: 'http',
          attachedRoutes: 0,
          supportedKinds: [],
          conditions: [{ type: 'Accepted', status: listenerAccepted, reason: 'Accepted', message: '' }],
        },
      ],
    },
  };
}

interface Timed {
  readonly conditions: readonly { readonly lastTransitionTime: string }[];
  readonly listeners: readonly { readonly conditions: readonly { readonly lastTransitionTime: string }[] }[];
}

describe('StatusBook', () => {
  it('stamps each condition when its status changes, and only then', () => {
    let second = 0;
    const book = new StatusBook(() => new Date(Date.UTC(2026, 0, 1, 0, 0, second)));
    const times = (): string[] => {
      const [entry] = book.list();
      assert.ok(entry !== undefined);
      const { conditions, listeners } = entry.status as unknown as Timed;
      return [conditions[0]?.lastTransitionTime ?? '', listeners[0]?.conditions[0]?.lastTransitionTime ?? ''];
    };
    book.replace(new Map([['gw', status('True', 'Accepted', 'True')]]));
    assert.deepEqual(times(), ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z']);
    second = 1;
    book.replace(new Map([['gw', status('True', 'ListenersNotValid', 'False')]]));
    assert.deepEqual(times(), ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z']);
    second = 2;
    book.replace(new Map([['gw', status('False', 'Invalid', 'False')]]));
    assert.deepEqual(times(), ['2026-01-01T00:00:02Z', '2026-01-01T00:00:01Z']);
  });

  it('forgets objects that have no status any more', () => {
    const book = new StatusBook();
    book.replace(new Map([['gw', status('True', 'Accepted', 'True')]]));
    book.replace(new Map());
    assert.deepEqual(book.list(), []);
  });
});
