// H19: h2spec, a conformance suite for HTTP/2 servers, against the running data plane.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestBed } from '../../harness/test-bed.ts';
import { goTool } from '../go-tools.ts';

const { path: h2spec, skip } = goTool('h2spec');

/** What is answered differently on purpose. docs/security.md tells what it means. */
const KNOWN_FAILURES: readonly string[] = [
  // On a port for both versions, what is not the preface is HTTP/1.1.
  'http2/3.5 Sends invalid connection preface',
];

test('H19 h2spec finds nothing new', { skip, timeout: 120_000 }, async (t) => {
  const bed = new TestBed(t);
  const gateway = await bed.gateway((await bed.upstream()).port);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-h2spec-'));
  bed.atEnd(() => rmSync(folder, { recursive: true }));
  const report = join(folder, 'report.xml');
  const { address, port } = gateway.address();
  await new Promise((resolve) =>
    // It ends with 1 where anything failed.
    execFile(h2spec, ['-h', address, '-p', String(port), '--strict', '-o', '2', '-j', report], resolve),
  );
  const cases = readFileSync(report, 'utf8').matchAll(
    /<testcase package="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>(.*?)<\/testcase>)/gs,
  );
  const failed: string[] = [];
  let count = 0;
  for (const [, section, name, content = ''] of cases) {
    count++;
    if (content.includes('<failure') || content.includes('<error')) failed.push(`${section} ${name}`);
  }
  t.diagnostic(`${count} cases, ${failed.length} differ`);
  assert.ok(count > 140, 'the whole suite ran');
  assert.deepEqual(
    failed.filter((name) => !KNOWN_FAILURES.includes(name)),
    [],
  );
});
