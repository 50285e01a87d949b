import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { MODULE_CHECKSUMS, ProvenanceError, recordProvenance, verifyProvenance } from '../../conformance/provenance.ts';

const RELEASED = Object.entries(MODULE_CHECKSUMS)
  .flatMap(([module, checksum]) => [`${module}/go.mod h1:other=`, `${module} ${checksum}`])
  .join('\n');
const IMAGES = { wanted: 'v0.2.0', used: 'v0.2.0' };

suite('provenance of the suite', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-provenance-'));
    mkdirSync(join(folder, 'crds'));
    writeFileSync(join(folder, 'conformance.test'), 'program');
    writeFileSync(join(folder, 'crds/gateways.yaml'), 'kind: CustomResourceDefinition\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('what was built from the release and left alone is verified', () => {
    recordProvenance(folder, RELEASED, IMAGES);
    assert.deepEqual(verifyProvenance(folder).images, IMAGES);
  });

  test('other sources are not', () => {
    recordProvenance(folder, RELEASED.replace(/h1:[^o]\S*/, 'h1:forged='), IMAGES);
    assert.throws(() => verifyProvenance(folder), ProvenanceError);
    recordProvenance(folder, '', IMAGES);
    assert.throws(() => verifyProvenance(folder), ProvenanceError);
  });

  test('a file that was changed, added or removed since is named', () => {
    recordProvenance(folder, RELEASED, IMAGES);
    appendFileSync(join(folder, 'conformance.test'), '.');
    writeFileSync(join(folder, 'crds/another.yaml'), '');
    rmSync(join(folder, 'crds/gateways.yaml'));
    assert.throws(() => verifyProvenance(folder), /conformance\.test, crds\/gateways\.yaml, crds\/another\.yaml/);
  });
});
