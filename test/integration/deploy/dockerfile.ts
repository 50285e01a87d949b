// Reads a Dockerfile and does what it says, as far as this project's needs it: each stage is a folder, COPY copies what .dockerignore lets
// through, RUN runs in it, and the rest is what the image says of itself.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from '../../harness/markdown-page.ts';

interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface BuiltImage {
  /** Its working directory, on this machine. */
  readonly root: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
}

/** Called with each RUN; returns whether it did it itself. */
export type Runner = (command: string, folder: string) => boolean;

/** Every stage becomes a folder in `folder`; the last one is the image. */
export function buildImage(folder: string, runInstead: Runner): BuiltImage {
  const allowed = allowedPaths();
  let stage = '';
  let workingDirectory = '/';
  const last = new Map<string, string>();
  /** Of arguments. */
  const defaults = new Map<string, string>();
  let labels: Record<string, string> = {};
  for (const { name, text } of instructions(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))) {
    const at = (path: string, of: string = stage): string => join(folder, of, path);
    switch (name) {
      case 'FROM':
        stage = / AS (\S+)$/.exec(text)?.[1] ?? 'image';
        last.clear();
        labels = {};
        break;
      case 'WORKDIR':
        workingDirectory = text;
        mkdirSync(at(text), { recursive: true });
        break;
      case 'COPY': {
        const words = text.split(' ');
        const from = /^--from=(.*)$/.exec(words[0] ?? '')?.[1];
        const [target = '', ...sources] = (from === undefined ? words : words.slice(1)).toReversed();
        for (const source of sources) {
          if (from === undefined && !allowed.has(source)) throw new Error(`.dockerignore leaves out ${source}`);
          const into = target.endsWith('/') ? join(target, basename(source)) : target;
          const destination = at(join(workingDirectory, into));
          mkdirSync(dirname(destination), { recursive: true });
          cpSync(from === undefined ? join(ROOT, source) : at(source, from), destination, { recursive: true });
        }
        break;
      }
      case 'RUN':
        if (!runInstead(text, at(workingDirectory))) runStep(text, at(workingDirectory));
        break;
      case 'LABEL':
        for (const [, label = '', value = ''] of text.matchAll(/(\S+?)="([^"]*)"/g))
          labels[label] = value.replaceAll(/\$\{(\w+)\}/g, (_, argument: string) => defaults.get(argument) ?? '');
        break;
      case 'ARG': {
        const [argument = '', value = ''] = text.split('=');
        defaults.set(argument, value);
        break;
      }
      default:
        last.set(name, text);
    }
  }
  const array = (text: string | undefined): readonly string[] => JSON.parse(text ?? '[]') as readonly string[];
  const [variable = '', value = ''] = (last.get('ENV') ?? '').split('=');
  return {
    root: join(folder, stage, workingDirectory),
    entrypoint: array(last.get('ENTRYPOINT')),
    command: array(last.get('CMD')),
    healthCheck: array(/ CMD (.*)$/.exec(last.get('HEALTHCHECK') ?? '')?.[1]),
    user: last.get('USER') ?? '',
    labels,
    environment: { [variable]: value },
  };
}

/** Packages come from npm's cache: a build is no reason to fetch what is here. @throws Error with what it printed */
function runStep(command: string, folder: string): void {
  const environment = { ...process.env, npm_config_offline: 'true' };
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, env: environment });
  if (status !== 0) throw new Error(`${command}: ${status}\n${stdout.toString()}${stderr.toString()}`);
}

function instructions(text: string): Instruction[] {
  const lines = text.replaceAll(/^#.*\n/gm, '').replaceAll(/ *\\\n */g, ' ');
  return [...lines.matchAll(/^([A-Z]+) (.*)$/gm)].map(([, name = '', rest = '']) => ({ name, text: rest }));
}

/** The lines of .dockerignore that let something through. */
function allowedPaths(): ReadonlySet<string> {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  const paths = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const missing = paths.find((path) => !existsSync(join(ROOT, path)));
  if (missing !== undefined) throw new Error(`.dockerignore names ${missing}, which is not there`);
  return new Set(paths);
}
