// The image, made without a container engine: the steps of the Dockerfile are executed here, and what they leave runs as the user of the
// image, from files that nobody may write, with no program but Node on its path.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ROOT } from '../../harness/markdown-page.ts';
import { freePort } from '../../harness/sluice-process.ts';
import { buildImage } from './dockerfile.ts';
import type { BuiltImage } from './dockerfile.ts';

const USER = 65_532;
const DEMO_PORT = 8080;
const canChangeUser = process.getuid?.() === 0;

describe('the steps of the Dockerfile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-image-'));
  const path = join(folder, 'path');
  let image: BuiltImage;
  const commands: string[] = [];

  before(() => {
    image = buildImage(folder, (command, stage) => {
      commands.push(command);
      // What builds is what checks: the checkout's.
      if (command !== 'npm ci') return false;
      symlinkSync(join(ROOT, 'node_modules'), join(stage, 'node_modules'));
      return true;
    });
    mkdirSync(path);
    copyFileSync(process.execPath, join(path, 'node'));
    // Others may look, and nobody may write.
    chmodSync(folder, 0o755);
    execFileSync('chmod', ['-R', 'a-w,a+rX', image.root]);
  });
  after(() => {
    execFileSync('chmod', ['-R', 'u+w', folder]);
    rmSync(folder, { recursive: true, force: true });
  });

  function start(words: readonly string[], environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const [program = '', ...args] = words;
    return spawn(join(path, program), args, {
      cwd: image.root,
      env: { PATH: path, ...image.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(canChangeUser && { uid: USER, gid: USER }),
    });
  }

  test('they install and build, and nothing else', () => {
    assert.deepEqual(commands, ['npm ci', 'npm run build', 'npm ci --omit=dev --omit=optional']);
  });

  test('it holds what runs, and not what builds', () => {
    const files = ['LICENSE', 'NOTICE', 'bin', 'config', 'dist', 'node_modules', 'package.json'];
    assert.deepEqual(readdirSync(image.root).toSorted(), files);
    const { dependencies, devDependencies, optionalDependencies } = manifest();
    for (const name of Object.keys(dependencies)) assert.ok(existsSync(join(image.root, 'node_modules', name)), name);
    for (const name of ['typescript', ...Object.keys(optionalDependencies)])
      assert.ok(!existsSync(join(image.root, 'node_modules', name)), name);
    assert.ok('typescript' in devDependencies);
  });

  test('it says who it is', () => {
    assert.equal(image.user, `${USER}:${USER}`);
    const names = ['title', 'description', 'licenses', 'version', 'revision'];
    assert.deepEqual(
      Object.keys(image.labels),
      names.map((name) => `org.opencontainers.image.${name}`),
    );
    assert.equal(image.labels['org.opencontainers.image.version'], manifest().version);
  });

  test('it serves, is healthy, and ends when it is asked to', async () => {
    const environment = {
      SLUICE_ADMIN_ADDRESS: `127.0.0.1:${await freePort()}`,
      // Ports of the demo are the same for everybody.
      SLUICE_DEMO: 'false',
      SLUICE_PORT_OFFSET: String((await freePort()) - DEMO_PORT),
    };
    const gateway = start([...image.entrypoint, ...image.command], environment);
    const closed = once(gateway, 'close');
    try {
      let errors = '';
      for await (const text of gateway.stderr?.setEncoding('utf8') ?? []) {
        errors += text as string;
        if (errors.includes('is running')) break;
      }
      assert.match(errors, /Sluice \S+ is running/);
      const [healthy] = (await once(start(image.healthCheck, environment), 'close')) as [number];
      assert.equal(healthy, 0);
      gateway.kill('SIGTERM');
      assert.deepEqual(await closed, [0, null]);
    } finally {
      gateway.kill('SIGKILL');
    }
    const [unhealthy] = (await once(start(image.healthCheck, environment), 'close')) as [number];
    assert.equal(unhealthy, 1, 'nobody listens any more');
  });
});

interface Manifest {
  readonly version: string;
  readonly dependencies: object;
  readonly devDependencies: object;
  readonly optionalDependencies: object;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
}
