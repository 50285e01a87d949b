// A reflector tells its owner of all objects and of every change, whatever the API server does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_BACKOFF_MS, MIN_BACKOFF_MS } from '../../../src/kubernetes/backoff.ts';
import { MAX_LINE_BYTES } from '../../../src/kubernetes/json-lines.ts';
import { LAST_APPLIED_ANNOTATION } from '../../../src/kubernetes/object-reading.ts';
import { PAGE_SIZE, SLOW_RETRY_MS } from '../../../src/kubernetes/reflector.ts';
import { MAX_SILENCE_MS } from '../../../src/kubernetes/watch-guard.ts';
import { statusObject } from '../../harness/scripted-api-server.ts';
import type { ScriptedRequest } from '../../harness/scripted-api-server.ts';
import { serving, startBench, widget } from './reflector-bench.ts';

describe('list', () => {
  test('all pages, then a watch from the version of the list that asks for bookmarks', async (t) => {
    const bench = await startBench(t, { labelSelector: 'app=a b', fieldSelector: 'x!=y', namespace: 'a' }, (server) => {
      server.script = serving(
        (request) => request.list([widget('one', 1), widget('two', 2)], '9', 'next page'),
        (request) => request.list([widget('three', 3)], '9'),
      );
    });
    const watch = await bench.server.watch(0);
    assert.deepEqual(bench.told, ['+one@1', '+two@2', '+three@3']);
    assert.deepEqual(bench.states, ['synced']);
    assert.equal(bench.reflector.hasSynced, true);
    const [first, second] = bench.server.lists;
    assert.equal(first?.path, '/apis/example.dev/v2/namespaces/a/widgets');
    assert.deepEqual(Object.fromEntries(first?.query ?? []), {
      labelSelector: 'app=a b',
      fieldSelector: 'x!=y',
      limit: `${PAGE_SIZE}`,
    });
    assert.equal(second?.query.get('continue'), 'next page');
    assert.deepEqual(Object.fromEntries(watch.query), {
      watch: 'true',
      allowWatchBookmarks: 'true',
      labelSelector: 'app=a b',
      fieldSelector: 'x!=y',
      resourceVersion: '9',
      timeoutSeconds: '450',
    });
  });

  test('what only costs memory is left out, and objects of lists get their kind', async (t) => {
    const annotations = { [LAST_APPLIED_ANNOTATION]: '{…}', mine: 'yes' };
    const metadata = {
      name: 'one',
      namespace: 'a',
      resourceVersion: '1',
      annotations,
      managedFields: [{ manager: 'x' }],
    };
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([{ metadata }], '9'));
    });
    await bench.untilTold(1);
    const [change] = bench.batches[0] ?? [];
    assert.deepEqual(change?.kind === 'upsert' && change.object, {
      apiVersion: 'example.dev/v2',
      kind: 'Widget',
      metadata: { name: 'one', namespace: 'a', resourceVersion: '1', annotations: { mine: 'yes' } },
    });
  });

  test('a page too old to go on from: the list begins anew, at once and then ever slower', async (t) => {
    const page = (request: ScriptedRequest): void => request.list([widget('one', 1)], '9', 'token');
    const gone = (request: ScriptedRequest): void => request.refuse(410, 'Expired');
    const whole = (request: ScriptedRequest): void => request.list([widget('two', 2)], '9');
    const bench = await startBench(t, {}, (server) => {
      server.script = serving(page, gone, page, gone, whole);
    });
    bench.clock.advance(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS));
    await bench.server.watch(0);
    assert.deepEqual(bench.told, ['+one@1', '+two@2', '-one']);
    assert.deepEqual(bench.states, ['failing', 'synced']);
  });

  test('an answer that is too large is asked for in smaller pages', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => {
        if (request.isWatch) request.stream();
        else if (Number(request.query.get('limit')) > 10) request.response.end('x'.repeat(33_554_433));
        else request.list([widget('one', 1)], '9');
      };
    });
    await bench.server.watch(0);
    assert.deepEqual(
      bench.server.lists.map(({ query }) => query.get('limit')),
      ['500', '63', '8'],
    );
  });

  test('an object that is none is passed over and counted', async (t) => {
    const odd = [
      null,
      7,
      {},
      { metadata: {} },
      { metadata: { name: 'x', namespace: 'a' } },
      { metadata: { name: 'x', resourceVersion: '1' } },
    ];
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([...(odd as object[]), widget('one', 1)], '9'));
    });
    await bench.server.watch(0);
    assert.deepEqual(bench.told, ['+one@1']);
    assert.equal(bench.reflector.counts.unreadable, odd.length);
  });

  test('an owner that throws does not end it', async (t) => {
    const bench = await startBench(
      t,
      {
        keep: (object) => {
          if (object.metadata.name === 'bad') throw new TypeError('no spec');
          return object;
        },
        onChanges: () => {
          throw new Error('a defect');
        },
      },
      (server) => {
        server.script = serving((request) => request.list([widget('bad', 1), widget('one', 1)], '9'));
      },
    );
    await bench.server.watch(0);
    assert.equal(bench.reflector.counts.unreadable, 1);
    assert.equal(bench.reflector.state.kind, 'synced');
  });
});

describe('watch', () => {
  test('events, in one batch as they came', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([widget('one', 1)], '9'));
    });
    const watch = await bench.server.watch(0);
    watch.events(
      { type: 'ADDED', object: widget('two', 10) },
      { type: 'MODIFIED', object: widget('one', 11) },
      { type: 'DELETED', object: widget('two', 12) },
      { type: 'DELETED', object: widget('stranger', 13) },
    );
    assert.deepEqual(await bench.untilTold(4), ['+one@1', '+two@10', '+one@11', '-two']);
    assert.equal(bench.batches.length, 2);
  });

  test('it goes on from the last version after a normal end', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([], '9'));
    });
    const first = await bench.server.watch(0);
    first.events({ type: 'ADDED', object: widget('one', 10) });
    await bench.untilTold(1);
    bench.clock.advance(10_000);
    first.end();
    const second = await bench.server.watch(1);
    assert.equal(second.query.get('resourceVersion'), '10');
    second.bookmark('20');
    bench.clock.advance(10_000);
    second.end();
    const third = await bench.server.watch(2);
    assert.equal(third.query.get('resourceVersion'), '20');
    assert.equal(bench.server.lists.length, 1);
    assert.deepEqual(bench.states, ['synced']);
  });

  test('half a line at the end is no event', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([], '9'));
    });
    const first = await bench.server.watch(0);
    const event = JSON.stringify({ type: 'ADDED', object: widget('one', 10) });
    first.response.write(event.slice(0, 20));
    bench.clock.advance(10_000);
    first.end();
    const second = await bench.server.watch(1);
    assert.equal(second.query.get('resourceVersion'), '9');
    second.response.write(event.slice(0, 20));
    second.response.write(`${event.slice(20)}\n`);
    assert.deepEqual(await bench.untilTold(1), ['+one@10']);
    assert.equal(bench.reflector.counts.unreadable, 0);
  });

  for (const [how, break_] of [
    ['410 as status', (request: ScriptedRequest): void => request.refuse(410, 'Expired')],
    [
      '410 as ERROR event',
      (request: ScriptedRequest): void => {
        request.stream();
        request.events(
          { type: 'ADDED', object: widget('three', 3) },
          { type: 'ERROR', object: statusObject(410, 'Expired') },
        );
      },
    ],
  ] as const) {
    test(`${how}: lists anew at once, and tells only what is different`, async (t) => {
      const bench = await startBench(t, {}, (server) => {
        const lists = [
          [widget('one', 1), widget('two', 2)],
          [widget('two', 2), widget('three', 3), widget('four', 4)],
        ];
        server.script = (request) => {
          if (!request.isWatch) request.list(lists[server.lists.length - 1] ?? [], `${server.lists.length}0`);
          else if (server.watches.length === 1) break_(request);
          else request.stream();
        };
      });
      const watch = await bench.server.watch(1);
      assert.equal(watch.query.get('resourceVersion'), '20');
      assert.deepEqual([...bench.told].sort(), ['+four@4', '+one@1', '+three@3', '+two@2', '-one']);
      assert.deepEqual(bench.states, ['synced']);
    });
  }

  test('a storm of 410 is waited out ever longer', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => (request.isWatch ? request.refuse(410, 'Expired') : request.list([], '9'));
    });
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      const waitMs = await bench.clock.untilWaiting(1, MAX_BACKOFF_MS);
      waits.push(waitMs);
      bench.clock.advance(waitMs);
      await bench.server.watch(round + 2);
    }
    assert.deepEqual(waits, [1_200, 2_400, 4_800, 9_600, 19_200, 22_500, 22_500]);
  });

  test('lines that are no events are passed over; what they were about is learnt by a list after this watch', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving(
        (request) => request.list([], '9'),
        (request) => request.list([widget('one', 10), widget('missed', 11)], '12'),
      );
    });
    const watch = await bench.server.watch(0);
    const lines = [
      '{"type":"ADDED"',
      'null',
      '{}',
      '{"type":"ADDED"}',
      '{"type":"ADDED","object":{"metadata":{}}}',
      '{"type":"BOOKMARK"}',
      '{"type":"NEW"}',
      '\u0000',
    ];
    watch.response.write(`${lines.join('\n')}\n`);
    watch.response.write(`{"type":"ADDED","object":"${'x'.repeat(MAX_LINE_BYTES)}"}\n`);
    watch.events({ type: 'ADDED', object: widget('one', 10) });
    await bench.untilTold(1);
    assert.equal(bench.reflector.counts.unreadable, lines.length + 1);
    assert.equal(bench.server.lists.length, 1);
    bench.clock.advance(10_000);
    watch.end();
    assert.deepEqual(await bench.untilTold(2), ['+one@10', '+missed@11']);
  });

  test('silence beyond the bound ends it, and bookmarks are no silence', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([], '9'));
    });
    const first = await bench.server.watch(0);
    await bench.untilState('synced');
    for (let version = 10; version < 15; version++) {
      first.bookmark(`${version}`);
      await bench.server.until('the bookmark', () => {
        // Nothing is told of a bookmark; its count is.
        setImmediate(() => bench.server.conditions.changed());
        return bench.reflector.counts.events === version - 9 || undefined;
      });
      bench.clock.advance(MAX_SILENCE_MS - 1);
    }
    assert.equal(bench.server.watches.length, 1);
    bench.clock.advance(1);
    await bench.untilState('failing');
    bench.clock.advance(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS));
    const second = await bench.server.watch(1);
    assert.equal(second.query.get('resourceVersion'), '14');
    await bench.server.until('the first is closed', () => first.response.destroyed || undefined);
  });

  test('a watch that ends at once again and again is no success', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => {
        if (!request.isWatch) return request.list([], '9');
        request.stream();
        request.end();
      };
    });
    for (const waitMs of [600, 1_200, 2_400]) {
      assert.equal(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS), waitMs);
      bench.clock.advance(waitMs);
    }
    assert.equal(bench.server.lists.length, 1);
  });
});

describe('failure', () => {
  test('5xx and lost connections: waits ever longer, half by chance, and anew after a success', async (t) => {
    let isBroken = true;
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => {
        if (server.requests.length === 1) request.refuse(500, 'InternalError');
        else if (isBroken) request.reset();
        else if (request.isWatch) request.stream();
        else request.list([], '9');
      };
    });
    assert.equal(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS), MIN_BACKOFF_MS * 0.75);
    assert.match(JSON.stringify(bench.reflector.state), /cannot list widgets.example.dev: InternalError it is/);
    assert.equal(bench.reflector.hasSynced, false);
    bench.clock.advance(MIN_BACKOFF_MS);
    assert.equal(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS), MIN_BACKOFF_MS * 1.5);
    isBroken = false;
    bench.clock.advance(MIN_BACKOFF_MS * 2);
    const watch = await bench.server.watch(0);
    await bench.untilState('synced');
    bench.clock.advance(60_000);
    watch.reset();
    assert.equal(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS), MIN_BACKOFF_MS * 0.75);
    bench.clock.advance(MIN_BACKOFF_MS);
    await bench.server.watch(1);
    await bench.untilState('synced');
    assert.equal(bench.reflector.counts.lists, 3, 'a lost watch needs no list');
    assert.deepEqual(bench.states, ['failing', 'failing', 'synced', 'failing', 'synced']);
  });

  for (const [how, refuse] of [
    [
      'header',
      (request: ScriptedRequest): void =>
        request.json(statusObject(429, 'TooManyRequests'), 429, { 'retry-after': '17' }),
    ],
    [
      'status',
      (request: ScriptedRequest): void => request.refuse(503, 'ServiceUnavailable', { retryAfterSeconds: 17 }),
    ],
  ] as const) {
    test(`Retry-After in the ${how} is waited for`, async (t) => {
      const bench = await startBench(t, {}, (server) => {
        server.script = serving(refuse, (request) => request.list([], '9'));
      });
      bench.clock.advance(await bench.clock.untilWaiting(17_000, 17_000));
      await bench.server.watch(0);
    });
  }

  test('an error event that is no 410 could come back with the version: lists anew, after a wait', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([], '9'));
    });
    (await bench.server.watch(0)).events({ type: 'ERROR', object: statusObject(500, 'InternalError') });
    bench.clock.advance(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS));
    await bench.server.watch(1);
    assert.equal(bench.server.lists.length, 2);
  });

  test('a kind that is not served is absent, whatever its version, until it is there', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => request.refuse(404, 'NotFound');
    });
    assert.deepEqual(await bench.untilState('absent'), {
      kind: 'absent',
      message: 'the API server has no widgets.example.dev',
    });
    assert.deepEqual(
      bench.server.requests.map(({ path }) => path),
      ['/apis/example.dev/v2/widgets', '/apis/example.dev/v1/widgets'],
    );
    await bench.clock.untilWaiting(SLOW_RETRY_MS / 2, SLOW_RETRY_MS);
    bench.server.script = (request) => {
      if (request.path.includes('/v2/')) request.refuse(404, 'NotFound');
      else if (request.isWatch) request.stream();
      else request.list([widget('one', 1)], '9');
    };
    bench.reflector.retry();
    await bench.server.watch(0);
    assert.equal(bench.reflector.version, 'v1');
    assert.deepEqual(bench.states, ['absent', 'synced']);
  });

  test('what is held of an absent kind is given up only when the absence is sure', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([widget('one', 1)], '9'));
    });
    const watch = await bench.server.watch(0);
    bench.server.script = (request) => request.refuse(404, 'NotFound');
    bench.clock.advance(10_000);
    watch.end();
    for (let round = 0; round < 2; round++) {
      const waitMs = await bench.clock.untilWaiting(1, MAX_BACKOFF_MS);
      assert.deepEqual(bench.told, ['+one@1']);
      bench.clock.advance(waitMs);
    }
    await bench.untilState('absent');
    assert.deepEqual(bench.told, ['+one@1', '-one']);
  });

  test('forbidden: keeps what it has, says what is missing, asks rarely', async (t) => {
    const bench = await startBench(t, { namespace: 'shop' }, (server) => {
      server.script = (request) => request.refuse(403, 'Forbidden');
    });
    assert.deepEqual(await bench.untilState('forbidden'), {
      kind: 'forbidden',
      message: 'may not list widgets.example.dev in namespace shop: Forbidden it is',
    });
    bench.clock.advance(await bench.clock.untilWaiting(SLOW_RETRY_MS / 2, SLOW_RETRY_MS));
    await bench.server.until('another try', () => bench.server.lists[1]);
  });

  test('stop ends whatever goes on, and says so last', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = serving((request) => request.list([], '9'));
    });
    const watch = await bench.server.watch(0);
    await bench.untilState('synced');
    await bench.reflector.stop();
    await bench.server.until('the connection is closed', () => watch.response.destroyed || undefined);
    assert.deepEqual(bench.states, ['synced', 'stopped']);
    assert.deepEqual(bench.clock.delays, []);
  });
});

test('a flood of events arrives in few batches', async (t) => {
  const bench = await startBench(t, {}, (server) => {
    server.script = serving((request) => request.list([], '9'));
  });
  const watch = await bench.server.watch(0);
  const count = 5_000;
  for (let index = 0; index < count; index++) {
    watch.events({ type: 'MODIFIED', object: widget('one', 10 + index, { padding: 'x'.repeat(500) }) });
  }
  await bench.untilTold(count);
  assert.equal(bench.told.at(-1), `+one@${9 + count}`);
  assert.ok(bench.batches.length < count / 20, `${bench.batches.length} batches`);
  // None is larger than what is read at once, however fast they come.
  const largest = Math.max(...bench.batches.map(({ length }) => length));
  assert.ok(largest < count / 10, `${largest} changes in one batch`);
});
