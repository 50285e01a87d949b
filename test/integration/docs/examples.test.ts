// What the documentation shows can be used as it stands: the examples, and the manifests and commands inside the pages.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Validation } from '../../../src/cli/validation.ts';
import { fencedBlocks, pagePaths, readPage, ROOT } from '../../harness/markdown-page.ts';
import { sluice } from '../../harness/sluice-process.ts';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';

const EXAMPLES = join(ROOT, 'config/examples');
const GUIDE = 'docs/getting-started.md';

async function validate(path: string): Promise<Validation> {
  const { code, output, errors } = await sluice(['validate', '--json', path]);
  assert.equal(code, 0, output + errors);
  return JSON.parse(output) as Validation;
}

function manifestsIn(page: string): readonly string[] {
  const blocks = fencedBlocks(readPage(page)).filter(({ language }) => language === 'yaml');
  return blocks.map(({ text }) => text).filter((text) => /^apiVersion:/m.test(text));
}

describe('config/examples', () => {
  for (const example of readdirSync(EXAMPLES)) {
    it(`${example} is valid; all that it lacks is a private key`, async () => {
      const { warnings, objects } = await validate(join(EXAMPLES, example));
      assert.ok((objects['Gateway'] ?? 0) > 0 && (objects['HTTPRoute'] ?? 0) > 0);
      assert.deepEqual(
        warnings
          .map(({ message }) => message)
          .filter((message) => !/Secret default\/shop-tls, which does not exist/.test(message)),
        [],
      );
    });
  }
});

describe('manifests in the pages', () => {
  for (const page of pagePaths().filter((path) => manifestsIn(path).length > 0)) {
    it(`${page}: each is valid`, async (t) => {
      const directory = new TemporaryDirectory(t);
      for (const manifest of manifestsIn(page)) {
        directory.write({ 'manifest.yaml': manifest });
        await validate(directory.path);
      }
    });
  }

  it('those of the guide are those of the examples', () => {
    const examples = globSync(join(EXAMPLES, '**/*.yaml')).map((file) => readFileSync(file, 'utf8'));
    for (const manifest of manifestsIn(GUIDE))
      assert.ok(
        examples.some((text) => text.includes(manifest)),
        manifest,
      );
  });
});

it('the commands of the guide make a certificate that the example serves', async (t: TestContext) => {
  const block = fencedBlocks(readPage(GUIDE)).find(({ text }) => text.includes('openssl req'));
  const directory = new TemporaryDirectory(t);
  cpSync(join(EXAMPLES, 'redirect'), directory.at('my-manifests'), { recursive: true });
  execFileSync('sh', ['-e', '-c', block?.text ?? assert.fail('no openssl in the guide')], {
    cwd: directory.path,
    stdio: 'pipe',
  });
  assert.deepEqual((await validate(directory.at('my-manifests'))).warnings, []);
});
