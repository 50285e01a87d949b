// Builds the programs that are missing from the cache: `node test/conformance/build.ts`, and first thing in every run. Each is built by a small
// Go module that asks for the exact version, so that Go checks every source against its checksum database.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { recordProvenance } from './provenance.ts';
import {
  ETCD_FOLDER,
  ETCD_VERSION,
  KUBECTL_FOLDER,
  KUBERNETES_FOLDER,
  KUBERNETES_VERSION,
  missingFolders,
  SUITE_FOLDER,
  SUITE_VERSION,
} from './programs.ts';

const GATEWAY_API = 'sigs.k8s.io/gateway-api';
const SUITE = `${GATEWAY_API}/conformance`;
const IMAGES = 'sigs.k8s.io/gateway-api-conformance-images';
/** Has the same packages; the suite compiles with it, and its manifests name it in all places but one. */
const FALLBACK_IMAGES_VERSION = 'v0.1.0';
const SUITE_TOOLCHAIN = 'go1.27.4';
const KUBERNETES_TOOLCHAIN = 'go1.26.8';
const PROGRESS_EVERY_MS = 30_000;
const MAX_SHOWN_LINES = 40;

/** A Go command failed; the message names the module and the command, and ends with what it printed. */
class BuildError extends Error {
  readonly code = 'BUILD_FAILED';
}

export async function buildMissing(): Promise<void> {
  const builds = new Map<string, (folder: string) => Promise<void>>([
    [ETCD_FOLDER, buildEtcd],
    [KUBERNETES_FOLDER, (folder) => buildKubernetes(folder, ['kube-apiserver', 'kube-controller-manager'])],
    [KUBECTL_FOLDER, (folder) => buildKubernetes(folder, ['kubectl'])],
    [SUITE_FOLDER, buildSuite],
  ]);
  for (const folder of missingFolders([...builds.keys()])) {
    const startedAt = performance.now();
    console.log(`building ${basename(folder)} into ${folder}`);
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(join(partial, 'module'), { recursive: true });
    await builds.get(folder)?.(partial);
    rmSync(join(partial, 'module'), { recursive: true });
    renameSync(partial, folder);
    console.log(`built ${basename(folder)} in ${secondsSince(startedAt)}`);
  }
}

async function buildEtcd(folder: string): Promise<void> {
  const module = 'go.etcd.io/etcd/server/v3';
  const go = new GoModule(folder, module, KUBERNETES_TOOLCHAIN, [`require ${module} ${ETCD_VERSION}`]);
  await go.run('build', '-trimpath', '-ldflags=-s -w', '-o', join(folder, 'etcd'), module);
}

async function buildKubernetes(folder: string, names: readonly string[]): Promise<void> {
  const module = 'k8s.io/kubernetes';
  const manifest = await new GoModule(folder, module, KUBERNETES_TOOLCHAIN, []).manifestOf(module, KUBERNETES_VERSION);
  // Its own go.mod takes these from its own folders, which a module that requires it does not see; they are published as v0.
  const published = KUBERNETES_VERSION.replace(/^v1/, 'v0');
  const staging = [...manifest.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map(([, name = '']) => name);
  const go = new GoModule(folder, module, KUBERNETES_TOOLCHAIN, [
    `require ${module} ${KUBERNETES_VERSION}`,
    ...staging.map((name) => `replace ${name} => ${name} ${published}`),
  ]);
  const [major = '', minor = ''] = KUBERNETES_VERSION.slice(1).split('.');
  const stamp = Object.entries({ gitVersion: KUBERNETES_VERSION, gitMajor: major, gitMinor: minor });
  const flags = ['-s -w', ...stamp.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)];
  const programs = names.map((name) => `${module}/cmd/${name}`);
  await go.run('build', '-trimpath', `-ldflags=${flags.join(' ')}`, '-o', `${folder}/`, ...programs);
}

async function buildSuite(folder: string): Promise<void> {
  const probe = new GoModule(folder, SUITE, SUITE_TOOLCHAIN, []);
  const manifest = await probe.manifestOf(SUITE, SUITE_VERSION);
  const wanted = new RegExp(`${IMAGES} (v\\S+)`).exec(manifest)?.[1] ?? FALLBACK_IMAGES_VERSION;
  const used = (await probe.canDownload(`${IMAGES}@${wanted}`)) ? wanted : FALLBACK_IMAGES_VERSION;
  if (used !== wanted) console.log(`${IMAGES} ${wanted} can't be had; ${used} takes its place, and reports say so`);
  const go = new GoModule(folder, SUITE, SUITE_TOOLCHAIN, [
    // By name: the suite's own go.mod takes it from the folder above.
    `require ${GATEWAY_API} ${SUITE_VERSION}`,
    `require ${SUITE} ${SUITE_VERSION}`,
    `require ${IMAGES} ${used}`,
    ...(used === wanted ? [] : [`replace ${IMAGES} => ${IMAGES} ${used}`]),
  ]);
  go.write('imports.go', `package imports\n\nimport (\n\t_ "${SUITE}"\n\t_ "${IMAGES}/echo-basic"\n)\n`);
  await go.run('test', '-c', '-trimpath', '-ldflags=-s -w', '-o', join(folder, 'conformance.test'), SUITE);
  await go.run('build', '-trimpath', '-ldflags=-s -w', '-o', join(folder, 'echo-basic'), `${IMAGES}/echo-basic`);
  await go.run('mod', 'verify');
  const source = JSON.parse(await go.run('list', '-m', '-json', GATEWAY_API)) as { readonly Dir: string };
  const crds = join(source.Dir, 'config/crd/experimental');
  mkdirSync(join(folder, 'crds'));
  for (const file of readdirSync(crds).filter((name) => name.endsWith('.yaml'))) {
    writeFileSync(join(folder, 'crds', file), readFileSync(join(crds, file)));
  }
  recordProvenance(folder, go.read('go.sum'), { wanted, used });
}

class GoModule {
  readonly #folder: string;
  readonly #subject: string;
  readonly #toolchain: string;

  constructor(folder: string, subject: string, toolchain: string, lines: readonly string[]) {
    this.#folder = join(folder, 'module');
    this.#subject = subject;
    this.#toolchain = toolchain;
    const language = toolchain.replace(/^go(\d+\.\d+).*$/, '$1.0');
    this.write('go.mod', ['module sluice.dev/conformance-build', `go ${language}`, ...lines, ''].join('\n'));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }

  read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }

  /** The go.mod of a published module. */
  async manifestOf(module: string, version: string): Promise<string> {
    const found = JSON.parse(await this.run('list', '-m', '-json', `${module}@${version}`)) as {
      readonly GoMod: string;
    };
    return readFileSync(found.GoMod, 'utf8');
  }

  async canDownload(moduleAndVersion: string): Promise<boolean> {
    return await this.run('mod', 'download', moduleAndVersion).then(
      () => true,
      () => false,
    );
  }

  /** Gives standard output. */
  async run(...args: readonly string[]): Promise<string> {
    const startedAt = performance.now();
    const progress = setInterval(() => console.log(`  go ${args[0]}: ${secondsSince(startedAt)}`), PROGRESS_EVERY_MS);
    try {
      return await this.#run(['go', ...args]);
    } finally {
      clearInterval(progress);
    }
  }

  async #run(command: readonly string[]): Promise<string> {
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'nice', ...command], {
      cwd: this.#folder,
      env: {
        ...process.env,
        CGO_ENABLED: '0',
        GOFLAGS: '-mod=mod -buildvcs=false',
        GOTOOLCHAIN: this.#toolchain,
        GOWORK: 'off',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (code === 0) return output;
    const shown = errors.trimEnd().split('\n').slice(-MAX_SHOWN_LINES).join('\n');
    throw new BuildError(`${this.#subject} can't be built: "${command.join(' ')}" ended with ${code}\n${shown}`);
  }
}

function secondsSince(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}

if (import.meta.main) await buildMissing();
