import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { ContainerLog, readLogQuery } from '../../../conformance/kubelet/container-log.ts';

test('what a request for logs asks for', () => {
  assert.deepEqual(query('').sinceMs, 0);
  assert.equal(query('sinceSeconds=10').sinceMs, 990_000);
  assert.equal(query('sinceTime=1970-01-01T00:16:30Z').sinceMs, 990_000);
  assert.equal(query('tailLines=3&timestamps=true').tailLines, 3);
  assert.equal(query('timestamps=true').timestamps, true);
});

test('lines are kept, cut and followed', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const log = new ContainerLog(join(folder, 'container.log'));
  const stream = new PassThrough();
  log.capture(stream);
  const followed: string[] = [];
  const stop = log.follow(({ text }) => {
    followed.push(text);
    if (text === 'c') stream.emit('seen');
  });
  const seen = once(stream, 'seen');
  stream.write('a\nb\nc\n');
  await seen;
  stop();
  assert.deepEqual(followed, ['a', 'b', 'c']);
  assert.equal(log.read(query('')), 'a\nb\nc\n');
  assert.equal(log.read(query('tailLines=2')), 'b\nc\n');
  assert.equal(log.read(query('tailLines=0')), '');
  assert.equal(log.read(query('limitBytes=3')), 'a\nb');
  assert.match(log.read(query('tailLines=1&timestamps=true')), /^\d{4}-\d\d-\d\dT[\d:.]+Z c\n$/);
  assert.equal(log.read({ ...query(''), sinceMs: Date.now() + 60_000 }), '');
  log.close();
});

function query(parameters: string): ReturnType<typeof readLogQuery> {
  return readLogQuery(new URLSearchParams(parameters), 1_000_000);
}
