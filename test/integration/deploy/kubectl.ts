// kubectl against an API server of a test, as an administrator uses it. It is built with that server, from the same sources.
import { spawn } from 'node:child_process';
import { skipWithoutCluster } from '../../conformance/cluster.ts';
import { KUBECTL_FOLDER, missingFolders, PROGRAMS, SUITE_FOLDER } from '../../conformance/programs.ts';
import { parseYaml } from '../../../src/lib/yaml-document.ts';
import { ROOT } from '../../harness/markdown-page.ts';

export interface KubectlResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** What kustomize makes of a folder: the fields that tests look at. */
export interface BuiltObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** Why a test that needs kubectl and an API server is skipped. */
export function skipWithoutKubectl(): false | string {
  return skipWithoutCluster() || skipWithout(KUBECTL_FOLDER);
}

/** The same, where it needs the CRDs of Gateway API, too: they come with the conformance suite. */
export function skipWithoutCrds(): false | string {
  return skipWithoutKubectl() || skipWithout(SUITE_FOLDER);
}

function skipWithout(folder: string): false | string {
  return missingFolders([folder]).length > 0 && `no ${folder}; node test/conformance/build.ts builds it`;
}

/** Runs it in the root of the checkout; any exit code is a result. */
export async function tryKubectl(
  kubeconfig: string | undefined,
  args: readonly string[],
  input = '',
): Promise<KubectlResult> {
  const child = spawn(PROGRAMS.kubectl, args, {
    cwd: ROOT,
    env: { ...process.env, KUBECONFIG: kubeconfig ?? '/dev/null' },
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  return { code, output, errors };
}

/** Gives standard output. @throws Error with what it said, when it fails */
export async function kubectl(
  kubeconfig: string | undefined,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { code, output, errors } = await tryKubectl(kubeconfig, args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${code}\n${errors}${output}`);
  return output;
}

/** The objects that a kustomization stands for. Asks no server. */
export async function buildKustomization(folder: string): Promise<{ text: string; objects: BuiltObject[] }> {
  const text = await kubectl(undefined, ['kustomize', folder]);
  return { text, objects: readObjects(text) };
}

function readObjects(text: string): BuiltObject[] {
  return [...parseYaml(text)].map(({ value }) => value as BuiltObject);
}
