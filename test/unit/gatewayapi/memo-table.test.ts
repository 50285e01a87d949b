import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { MemoTable, type Reader, type Source } from '../../../src/gatewayapi/memo-table.ts';

interface Facts {
  readonly texts: Source<string, { readonly text: string } | undefined>;
  readonly others: Source<string, string | undefined>;
}

describe('MemoTable', () => {
  const texts = new Map<string, { readonly text: string }>();
  const others = new Map<string, string>();
  const sources: Facts = { texts, others };
  let computed: string[] = [];
  let number = 0;

  beforeEach(() => {
    texts.clear();
    others.clear();
    computed = [];
    number = 0;
  });

  /** What the text of `key` refers to, through the other source. */
  function follow(key: string, reader: Reader<Facts>): { readonly found: string | undefined } {
    computed.push(key);
    const text = reader.get('texts', key)?.text;
    return { found: text === undefined ? undefined : reader.get('others', text) };
  }

  function begin<K, T>(table: MemoTable<Facts, K, T>, ...changed: (keyof Facts)[]): void {
    table.beginRound({ number: ++number, sources, changed: new Set(changed) });
  }

  it('computes once per round, and again only when a read changed', () => {
    const table = new MemoTable(follow);
    texts.set('a', { text: 'x' });
    begin(table);
    assert.deepEqual(table.get('a'), { found: undefined });
    table.get('a');
    others.set('y', 'unread');
    begin(table, 'others');
    table.get('a');
    assert.deepEqual(computed, ['a']);
    others.set('x', 'appeared');
    begin(table, 'others');
    assert.deepEqual(table.get('a'), { found: 'appeared' });
    assert.deepEqual(computed, ['a', 'a']);
  });

  it('keeps the identity of a result that is computed anew to the same', () => {
    const table = new MemoTable(follow);
    texts.set('a', { text: 'x' });
    others.set('x', 'found');
    begin(table);
    const before = table.get('a');
    texts.set('a', { text: 'x' });
    begin(table, 'texts');
    assert.equal(table.get('a'), before);
    assert.equal(computed.length, 2);
  });

  it('drops what a round with changes did not ask for', () => {
    const table = new MemoTable(follow);
    begin(table);
    table.get('a');
    table.get('b');
    table.endRound();
    begin(table);
    table.endRound();
    assert.equal(table.size, 2);
    begin(table, 'texts');
    table.get('a');
    table.endRound();
    assert.equal(table.size, 1);
  });

  it('asks tables as it asks other sources', () => {
    const inner = new MemoTable(follow);
    interface Outer extends Facts {
      readonly inner: Source<string, { readonly found: string | undefined }>;
    }
    let joins = 0;
    const outer = new MemoTable<Outer, string, string>((key, reader) => {
      joins += 1;
      return `${reader.get('inner', key).found} ${reader.get('inner', 'b').found}`;
    });
    texts.set('a', { text: 'x' });
    others.set('x', '1');
    const run = (...changed: string[]): string => {
      begin(inner, ...(changed as (keyof Facts)[]));
      const dirty = inner.dependsOn(new Set(changed)) ? [...changed, 'inner'] : changed;
      outer.beginRound({ number, sources: { ...sources, inner }, changed: new Set(dirty) });
      return outer.get('a');
    };
    assert.equal(run(), '1 undefined');
    texts.set('b', { text: 'x' });
    assert.equal(run('texts'), '1 1');
    texts.set('c', { text: 'x' });
    assert.equal(run('texts'), '1 1');
    assert.equal(joins, 2);
  });

  it('checks an entry that missed a round with changes against all of its reads', () => {
    const key = { name: 'a' };
    const table = new MemoTable<Facts, { readonly name: string }, { readonly found: string | undefined }>(
      ({ name }, reader) => follow(name, reader),
      new WeakMap(),
    );
    texts.set('a', { text: 'x' });
    others.set('x', 'old');
    begin(table);
    assert.deepEqual(table.get(key), { found: 'old' });
    others.set('x', 'new');
    begin(table, 'others');
    begin(table, 'texts');
    assert.deepEqual(table.get(key), { found: 'new' });
    others.set('x', 'newer');
    begin(table, 'others');
    begin(table);
    assert.deepEqual(table.get(key), { found: 'newer' });
  });

  it('can not be asked before its first round', () => {
    assert.throws(() => new MemoTable(follow).get('a'), /before its first round/);
  });
});
