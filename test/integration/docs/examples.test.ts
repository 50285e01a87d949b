// What the documentation shows can be used as it stands: the examples, and the manifests and commands inside the pages.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { validateManifests } from '../../../src/cli/validation.ts';
import { readManifests } from '../../../src/provider/file/manifest-file.ts';
import { createValidator } from '../../../src/validation/validator.ts';
import { fencedBlocks, pagePaths, readPage, ROOT } from '../../harness/markdown-page.ts';
import { sluice } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';

const EXAMPLES = join(ROOT, 'config/examples');
const GUIDE = 'docs/getting-started.md';
const NO_SECRET = /Secret default\/shop-tls, which does not exist/;

function manifestsIn(page: string): readonly string[] {
  const blocks = fencedBlocks(readPage(page)).filter(({ language }) => language === 'yaml');
  return blocks.map(({ text }) => text).filter((text) => /^apiVersion:/m.test(text));
}

describe('config/examples', () => {
  for (const example of readdirSync(EXAMPLES)) {
    it(`${example} is valid, and lacks nothing but a private key`, async () => {
      const { problems, warnings, objects } = await validateManifests([join(EXAMPLES, example)]);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        warnings.filter(({ message }) => !NO_SECRET.test(message)),
        [],
      );
      assert.ok((objects['Gateway'] ?? 0) > 0 && (objects['HTTPRoute'] ?? 0) > 0);
    });
  }
});

describe('manifests in the pages', () => {
  const validator = createValidator();
  for (const page of pagePaths().filter((path) => manifestsIn(path).length > 0)) {
    it(`${page}: each is valid`, () => {
      for (const manifest of manifestsIn(page)) {
        const { objects, problems } = readManifests(manifest, page, validator);
        assert.deepEqual(problems, []);
        assert.ok(objects.length > 0, manifest);
      }
    });
  }

  it('those of the guide are those of the examples', () => {
    const examples = globSync(join(EXAMPLES, '**/*.yaml')).map((file) => readFileSync(file, 'utf8'));
    const manifests = manifestsIn(GUIDE);
    assert.ok(manifests.length > 0);
    for (const manifest of manifests)
      assert.ok(
        examples.some((text) => text.includes(manifest)),
        manifest,
      );
  });
});

it('the commands of the guide make a certificate with which nothing is missing', async (t) => {
  const block = fencedBlocks(readPage(GUIDE)).find(({ text }) => text.includes('openssl req'));
  const directory = new TemporaryDirectory(t);
  cpSync(join(EXAMPLES, 'redirect'), directory.at('my-manifests'), { recursive: true });
  execFileSync('sh', ['-e', '-c', block?.text ?? assert.fail('no openssl in the guide')], {
    cwd: directory.path,
    stdio: 'pipe',
  });
  const { code, output } = await sluice(['validate', '--strict', directory.at('my-manifests')]);
  assert.equal(code, 0, output);
});
