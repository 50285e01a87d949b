import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { imageNamed, prepareRoot, quote } from '../../../conformance/kubelet/image.ts';

suite('images', () => {
  const image = { entrypoint: ['/echo'], mounts: {} };

  test('are found by the last part of their name', () => {
    const names = ['echo', 'echo:v1', 'registry.test:5000/a/echo', 'registry.test:5000/a/echo:v1@sha256:ab'];
    for (const name of names) assert.equal(imageNamed({ echo: image }, name), image, name);
    assert.equal(imageNamed({ echo: image }, 'registry.test/echo/other:v1'), undefined);
    assert.equal(imageNamed({ echo: image }, 'my-echo'), undefined);
  });

  test('have a place for each file and folder that is mounted', (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-image-'));
    context.after(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "it's a volume"));
    writeFileSync(join(folder, 'program'), '');
    const root = join(folder, 'root');
    const commands = prepareRoot(
      root,
      { entrypoint: ['/bin/program'], mounts: { '/bin/program': join(folder, 'program') } },
      { '/etc/volume': join(folder, "it's a volume") },
    );
    assert.ok(statSync(join(root, 'bin/program')).isFile());
    assert.ok(statSync(join(root, 'etc/volume')).isDirectory());
    assert.ok(existsSync(join(root, 'tmp')));
    assert.equal(commands.length, 2);
    assert.ok(commands[1]?.endsWith(quote(join(root, 'etc/volume'))));
  });

  test('texts reach a shell unchanged', () => {
    const text = `a 'b' "c" $(d) \\ \n e`;
    assert.equal(execFileSync('sh', ['-c', `printf %s ${quote(text)}`], { encoding: 'utf8' }), text);
  });
});
