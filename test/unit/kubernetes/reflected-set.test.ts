// An owner who keeps only some objects: he is told of those alone, and a look-up follows when he changes his mind.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MAX_BACKOFF_MS } from '../../../src/kubernetes/backoff.ts';
import { serving, startBench, widget } from './reflector-bench.ts';

describe('keep', () => {
  test('what the owner does not keep is not told, and is deleted for him when he lets it go', async (t) => {
    const wanted = new Set(['one']);
    const bench = await startBench(
      t,
      { keep: (object) => (wanted.has(object.metadata.name) ? object : undefined) },
      (server) => {
        server.script = serving((request) => request.list([widget('one', 1), widget('two', 2)], '9'));
      },
    );
    const watch = await bench.server.watch(0);
    watch.events({ type: 'MODIFIED', object: widget('two', 10) }, { type: 'DELETED', object: widget('two', 11) });
    wanted.clear();
    watch.events({ type: 'MODIFIED', object: widget('one', 12) });
    assert.deepEqual(await bench.untilTold(2), ['+one@1', '-one']);
  });

  test('refresh finds what is wanted only now, what has gone, and what was never there', async (t) => {
    const wanted = new Set<string>();
    const stored = new Map([['one', widget('one', 1)]]);
    const bench = await startBench(
      t,
      { keep: (object) => (wanted.has(object.metadata.name) ? object : undefined) },
      (server) => {
        server.script = (request) => {
          const name = /widgets\/(.*)$/.exec(request.path)?.[1];
          if (request.isWatch) request.stream();
          else if (name === undefined) request.list([...stored.values()], '9');
          else if (stored.has(name)) request.json(stored.get(name));
          else request.refuse(404, 'NotFound');
        };
      },
    );
    await bench.server.watch(0);
    wanted.add('one');
    await bench.reflector.refresh({ name: 'one', namespace: 'a' });
    assert.deepEqual(bench.told, ['+one@1']);
    stored.clear();
    await bench.reflector.refresh({ name: 'one', namespace: 'a' });
    await bench.reflector.refresh({ name: 'never', namespace: 'a' });
    await bench.reflector.refresh({ name: '../x', namespace: 'a' });
    assert.deepEqual(bench.told, ['+one@1', '-one']);
    assert.equal(bench.server.requests.filter(({ path }) => path.includes('widgets/')).length, 3);
  });

  test('an event beats the answer to a refresh that was asked before it', async (t) => {
    let answer = (): void => {};
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => {
        if (request.isWatch) request.stream();
        else if (request.path.endsWith('/one')) answer = (): void => request.json(widget('one', 1));
        else request.list([widget('one', 1)], '9');
      };
    });
    const watch = await bench.server.watch(0);
    const refreshed = bench.reflector.refresh({ name: 'one', namespace: 'a' });
    await bench.server.until('the look-up', () => bench.server.requests.find(({ path }) => path.endsWith('/one')));
    watch.events({ type: 'DELETED', object: widget('one', 10) });
    await bench.untilTold(2);
    answer();
    await refreshed;
    assert.deepEqual(bench.told, ['+one@1', '-one']);
  });

  test('a refresh that fails makes it list', async (t) => {
    const bench = await startBench(t, {}, (server) => {
      server.script = (request) => {
        if (request.isWatch) request.stream();
        else if (request.path.endsWith('/one')) request.refuse(403, 'Forbidden');
        else request.list([], '9');
      };
    });
    await bench.server.watch(0);
    await bench.reflector.refresh({ name: 'one', namespace: 'a' });
    bench.clock.advance(await bench.clock.untilWaiting(1, MAX_BACKOFF_MS));
    await bench.server.watch(1);
    assert.equal(bench.reflector.counts.lists, 2);
  });
});
