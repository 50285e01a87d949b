// The image is built by nobody who runs the tests; what a reader can check of it is checked here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8');

test('what Docker runs without a shell is a JSON array', () => {
  const commands = [...dockerfile.matchAll(/^(?:ENTRYPOINT|CMD| +CMD) (.*)$/gm)].map(([, command]) => command ?? '');
  assert.equal(commands.length, 3);
  for (const command of commands) assert.ok(Array.isArray(JSON.parse(command)), command);
});

test('the image runs Sluice as `npm start` does', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    scripts: { start: string };
  };
  const [entryPoint, command] = ['ENTRYPOINT', 'CMD'].map((name) => {
    const array = new RegExp(`^${name} (.*)$`, 'm').exec(dockerfile)?.[1] ?? '';
    return (JSON.parse(array) as string[]).join(' ');
  });
  assert.ok(manifest.scripts.start.endsWith(`&& ${entryPoint} ${command}`), manifest.scripts.start);
});

test('the build context holds what the Dockerfile copies', () => {
  const context = readFileSync(new URL('../../.dockerignore', import.meta.url), 'utf8').split('\n');
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
    ([, paths]) => paths?.split(' ') ?? [],
  );
  assert.ok(copied.length > 0);
  for (const path of copied) assert.ok(context.includes(`!${path}`), path);
});
