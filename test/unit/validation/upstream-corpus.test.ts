// The manifests of Gateway API itself: its examples are valid, and what it lists as invalid is refused.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { CONFORMANCE_MODULE, GATEWAY_API_MODULE, goModuleFolder } from '../../../tools/gateway-api-module.ts';
import { problemsOf } from './validation.ts';

function unavailable(module: string): string | false {
  return goModuleFolder(module) === undefined && `Go has no ${module}: the upstream corpus is not available`;
}

/** The problems of each document, by file and position. */
function problemsIn(module: string, pattern: string): Map<string, readonly string[]> {
  const folder = goModuleFolder(module) ?? '';
  const problems = new Map<string, readonly string[]>();
  for (const file of globSync(pattern, { cwd: folder }).sort()) {
    const documents = parseAllDocuments(readFileSync(join(folder, file), 'utf8'));
    for (const [index, document] of documents.entries()) {
      const manifest: unknown = document.toJS();
      if (manifest !== null) problems.set(`${file}#${index}`, problemsOf(manifest));
    }
  }
  return problems;
}

const examples = { skip: unavailable(GATEWAY_API_MODULE) };
const conformance = { skip: unavailable(CONFORMANCE_MODULE) };

test('all upstream examples are valid', examples, () => {
  const problems = problemsIn(GATEWAY_API_MODULE, 'examples/{standard,experimental}/**/*.yaml');
  assert.ok(problems.size > 100, `only ${problems.size} documents`);
  const invalid = [...problems].filter(([, list]) => list.length > 0);
  // Objects of an older version are held to the first one, and a TLSRoute of v1 has hostnames.
  assert.deepEqual(invalid, [
    ['examples/experimental/v1alpha2/tls-routing/tls-route.yaml#0', ['spec.hostnames: is required']],
  ]);
});

test('all upstream conformance manifests are valid', conformance, () => {
  const problems = problemsIn(CONFORMANCE_MODULE, '{base,tests}/**/*.yaml');
  assert.ok(problems.size > 500, `only ${problems.size} documents`);
  const invalid = [...problems].filter(([, list]) => list.length > 0).map(([name]) => name);
  // These two hold placeholders that the suite fills in before it applies them.
  assert.deepEqual(invalid, [
    'tests/gateway-static-addresses.yaml#0',
    'tests/gatewayclass-observed-generation-bump.yaml#0',
  ]);
});

test('all upstream invalid examples are refused', examples, () => {
  const problems = problemsIn(GATEWAY_API_MODULE, 'hack/invalid-examples/**/*.yaml');
  assert.ok(problems.size >= 36, `only ${problems.size} documents`);
  const accepted = [...problems].filter(([, list]) => list.length === 0);
  assert.deepEqual(accepted, []);
});
