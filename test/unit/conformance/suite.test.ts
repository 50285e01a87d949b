import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseOptions } from '../../conformance/options.ts';
import type { Provenance } from '../../conformance/provenance.ts';
import { publishReport, suiteArguments } from '../../conformance/suite.ts';

const IMPLEMENTATION = { organization: 'o', project: 'p', url: 'https://u', version: 'v1', contact: 'c' };

suite('arguments of the suite', () => {
  test('all features are tested when the GatewayClass is not asked', () => {
    const args = argumentsFor();
    assert.match(args.find((each) => each.startsWith('--supported-features=')) ?? '', /,HTTPRouteRetryCodes,/);
    assert.ok(args.includes('-test.run=^TestConformance$'));
    assert.ok(args.some((each) => each.startsWith('-test.timeout=')));
  });

  test('chosen tests are named exactly', () => {
    assert.ok(argumentsFor('--run', 'A', '--run', 'B').includes('-test.run=^TestConformance$/^(A|B)$'));
  });

  test('for a report, features are what the GatewayClass claims, and nothing is left out or hastened', () => {
    const args = argumentsFor('--report', 'folder');
    assert.ok(args.includes('--report-output=/run/report.yaml'));
    assert.ok(args.includes('--contact=c'));
    for (const flag of ['features', 'skip', 'timeout-config', 'exempt', 'allow-crds', 'fail-fast', 'options-file']) {
      assert.ok(!args.some((each) => each.startsWith('--') && each.includes(flag)), flag);
    }
  });

  function argumentsFor(...argv: string[]): string[] {
    const options = parseOptions(argv);
    assert.ok(options !== undefined);
    return suiteArguments(options, IMPLEMENTATION, '/run/report.yaml');
  }
});

test('a published report says what it was obtained with, and that other images were used', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-report-'));
  context.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'report.yaml'), 'kind: ConformanceReport\n');
  const provenance: Provenance = {
    modules: { 'example.test/suite v1.0.0': 'h1:abc=' },
    images: { wanted: 'v0.2.0', used: 'v0.1.0' },
    files: { 'conformance.test': 'feed' },
  };
  const published = readFileSync(publishReport(folder, join(folder, 'out'), provenance), 'utf8');
  assert.match(published, /^# .*suite v1\.0\.0 h1:abc=$/m);
  assert.match(published, /^# SHA-256 of the suite: feed$/m);
  assert.match(published, /^# Echo images: v0\.1\.0, NOT v0\.2\.0/m);
  assert.match(published, /^kind: ConformanceReport$/m);
  const same = { ...provenance, images: { wanted: 'v0.2.0', used: 'v0.2.0' } };
  assert.doesNotMatch(readFileSync(publishReport(folder, join(folder, 'out'), same), 'utf8'), /NOT/);
});
