// The architecture rules. Each takes the files of the repository and returns its findings; none when the rule is kept.
import { posix } from 'node:path';
import * as fences from './fences.ts';
import { lineAt, topLevelStatements, withoutFunctionBodies } from './source.ts';
import type { Import, SourceFile } from './source.ts';

/** `path:line: what is wrong` */
export type Finding = string;
export type Rule = (files: readonly SourceFile[]) => Finding[];

export const layersPointDown: Rule = (files) => {
  const rank = new Map(fences.LAYERS.flatMap((row, index) => row.map((folder) => [folder, index] as const)));
  return product(files).flatMap((file) => {
    const from = folderInSrc(file.path);
    const fromRank = rank.get(from);
    if (fromRank === undefined) return [`${file.path}:1: src/${from} has no layer; give it one in fences.ts`];
    return file.imports.flatMap((imported) => {
      if (imported.path === undefined) return [];
      if (!imported.path.startsWith('src/')) return [at(file, imported, `imports ${imported.path}, outside src/`)];
      const to = folderInSrc(imported.path);
      if (to === from) return [];
      const only = fences.ONLY_IMPORTS[from];
      if (only !== undefined && !only.includes(to)) return [at(file, imported, `${from} may not import ${to}`)];
      if ((rank.get(to) ?? 0) > fromRank) return [];
      return [at(file, imported, `${from} may not import ${to}: imports point down the layers`)];
    });
  });
};

export const dependenciesStayFenced: Rule = (files) =>
  product(files).flatMap((file) =>
    file.imports.flatMap((imported) => {
      if (imported.path !== undefined || imported.specifier.startsWith('node:')) return [];
      const name = packageName(imported.specifier);
      const folders = fences.DEPENDENCIES[name];
      if (folders === undefined) return [at(file, imported, `${name} is not in the table of dependencies`)];
      if (folders.some((folder) => file.path.startsWith(folder))) return [];
      return [at(file, imported, `${name} belongs in ${folders.join(', ')}`)];
    }),
  );

export const nodeModulesStayFenced: Rule = (files) =>
  product(files).flatMap((file) => {
    const fence = Object.entries(fences.ONLY_NODE_MODULES).find(([folder]) => file.path.startsWith(folder));
    if (fence === undefined) return [];
    const [folder, allowed] = fence;
    return file.imports
      .filter(({ specifier }) => specifier.startsWith('node:') && !allowed.includes(specifier))
      .map((imported) => at(file, imported, `${folder} does no I/O: ${imported.specifier} is not for it`));
  });

export const pureFoldersStayPure: Rule = (files) =>
  inFolders(files, Object.keys(fences.ONLY_NODE_MODULES)).flatMap((file) =>
    banned(file, fences.IMPURE).map(({ line, what }) => `${file.path}:${line}: uses ${what}; same input, same output`),
  );

export const dataPathNeverWaits: Rule = (files) =>
  inFolders(files, ['src/dataplane/']).flatMap((file) =>
    banned(file, fences.OFF_THE_DATA_PATH)
      .filter(
        ({ what }) => !fences.DATA_PATH_EXCEPTIONS.some((known) => known.path === file.path && known.what === what),
      )
      .map(({ line, what }) => `${file.path}:${line}: ${what} has no place on the data path`),
  );

export const noCycles: Rule = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const finished = new Set<string>();
  const findings: Finding[] = [];
  const visit = (file: SourceFile, trail: readonly string[]): void => {
    const start = trail.indexOf(file.path);
    if (start !== -1) findings.push(`${file.path}:1: a cycle: ${[...trail.slice(start), file.path].join(' → ')}`);
    if (start !== -1 || finished.has(file.path)) return;
    for (const next of importedFiles(file, byPath)) visit(next, [...trail, file.path]);
    finished.add(file.path);
  };
  for (const file of files) visit(file, []);
  return findings;
};

export const noDeadFiles: Rule = (files) => {
  const sources = product(files);
  const byPath = new Map(sources.map((file) => [file.path, file]));
  const reached = new Set<SourceFile>();
  const queue = sources.filter((file) => fences.ENTRY_POINTS.includes(file.path));
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    queue.push(...importedFiles(file, byPath));
  }
  return sources.filter((file) => !reached.has(file)).map((file) => `${file.path}:1: no entry point reaches this file`);
};

export const noDefaultExports: Rule = (files) =>
  files.flatMap((file) => {
    const found = /\bexport\s+default\b|\bas\s+default\b/.exec(file.code);
    return found === null ? [] : [`${file.path}:${lineAt(file.code, found.index)}: a default export`];
  });

export const noBarrels: Rule = (files) =>
  files.flatMap((file) => {
    const statements = topLevelStatements(file.code).map(({ code }) => code);
    const exports = statements.filter((code) => /^export\s+(?:type\s*)?[{*]/.test(code));
    const others = statements.filter((code) => !/^import\b/.test(code) && !exports.includes(code));
    return exports.length > 0 && others.length === 0
      ? [`${file.path}:1: only re-exports; import what you need itself`]
      : [];
  });

export const namesSaySomething: Rule = (files) =>
  files.flatMap(({ path }) =>
    path.split('/').flatMap((segment) => {
      const name = segment.replace(/(?:\.test)?\.[a-z]+$/, '');
      if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)) return [`${path}:1: ${segment} is not in kebab-case`];
      const lastWord = name.split('-').at(-1) ?? name;
      return fences.EMPTY_NAMES.includes(lastWord) ? [`${path}:1: ${segment} says nothing about what is in it`] : [];
    }),
  );

export const filesStayShort: Rule = (files) =>
  files.flatMap((file) => {
    const lines = file.text.trimEnd().split('\n').length;
    const tooLong = lines > fences.MAX_LINES && !file.path.startsWith(fences.GENERATED);
    return tooLong ? [`${file.path}:${lines}: ${lines} lines, more than ${fences.MAX_LINES}`] : [];
  });

export const filesSayWhatTheyAreFor: Rule = (files) =>
  product(files)
    .filter((file) => !/^\/[/*]/.test(file.text))
    .map((file) => `${file.path}:1: starts without a comment that says what it is for`);

const DECLARATION = /^(?:import|export|const|function|async|class|abstract|interface|type|declare)\b/;
const MUTABLE_BINDING = /^(?:export\s+)?(?:let|var)\b/;
/** An empty collection that nothing declares to be readonly. A WeakMap keyed by immutable objects is a cache, not state. */
const MUTABLE_VALUE =
  /^(?:export\s+)?const\s+\w+\b(?!\s*:\s*(?:readonly|Readonly))[^=]*=\s*(?:new (?:Map|Set)(?:<.*>)?\(\s*\)|\[\s*\]|\{\s*\})\s*;$/s;
const EFFECT = new RegExp(
  [
    String.raw`\bawait\b`,
    String.raw`\b(?:process|console|performance)\.`,
    String.raw`\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\brandom(?:UUID|Bytes)\b`,
    String.raw`\bnew (?:Worker|Server|Socket|Agent|EventEmitter|AsyncLocalStorage)\b`,
    String.raw`\b(?:set(?:Timeout|Interval|Immediate)|create(?:Secure)?Server|listen|connect|fetch|fastify|pino)\s*\(`,
    String.raw`\b(?:spawn|fork|exec|execFile|\w+Sync)\s*\(`,
  ].join('|'),
);

export const importingDoesNothing: Rule = (files) =>
  product(files)
    .filter((file) => !fences.ENTRY_POINTS.includes(file.path))
    .flatMap((file) =>
      topLevelStatements(file.code).flatMap(({ code, line }) => {
        if (MUTABLE_BINDING.test(code)) return [`${file.path}:${line}: a variable at module level is global state`];
        if (!DECLARATION.test(code)) return [`${file.path}:${line}: runs when the module is loaded`];
        if (!/^(?:export\s+)?const\b/.test(code)) return [];
        if (MUTABLE_VALUE.test(code))
          return [`${file.path}:${line}: an empty collection at module level is global state`];
        const effect = EFFECT.exec(withoutFunctionBodies(code));
        return effect === null ? [] : [`${file.path}:${line}: \`${effect[0]}\` runs when the module is loaded`];
      }),
    );

/** Rows of the table that nothing in src/ needs any more. */
export function staleLayers(files: readonly SourceFile[], layers: typeof fences.LAYERS): Finding[] {
  const folders = new Set(product(files).map((file) => folderInSrc(file.path)));
  return layers.flat().flatMap((folder) => (folders.has(folder) ? [] : [`fences.ts: src/${folder} is no more`]));
}

export function staleExceptions(files: readonly SourceFile[], exceptions: readonly fences.Exception[]): Finding[] {
  return exceptions.flatMap(({ path, what }) => {
    const file = files.find((candidate) => candidate.path === path);
    const used = file !== undefined && banned(file, fences.OFF_THE_DATA_PATH).some((found) => found.what === what);
    return used ? [] : [`fences.ts: ${path} uses ${what} no more`];
  });
}

function product(files: readonly SourceFile[]): SourceFile[] {
  return inFolders(files, ['src/']);
}

function inFolders(files: readonly SourceFile[], folders: readonly string[]): SourceFile[] {
  return files.filter((file) => folders.some((folder) => file.path.startsWith(folder)));
}

/** `gatewayapi` for src/gatewayapi/http-route.ts, `main.ts` for src/main.ts. */
function folderInSrc(path: string): string {
  return path.split('/')[1] ?? '';
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function importedFiles(file: SourceFile, byPath: ReadonlyMap<string, SourceFile>): SourceFile[] {
  return file.imports.flatMap(({ path }) => (path === undefined ? [] : (byPath.get(posix.normalize(path)) ?? [])));
}

/** Names are looked up in the code, module specifiers in the imports: neither in comments or texts. */
function banned(file: SourceFile, bans: readonly fences.Ban[]): { what: string; line: number }[] {
  return bans.flatMap(({ what, pattern }) => {
    const named = pattern.exec(file.code);
    if (named !== null) return [{ what, line: lineAt(file.code, named.index) }];
    const imported = file.imports.find(({ specifier }) => pattern.test(`'${specifier}'`));
    return imported === undefined ? [] : [{ what, line: imported.line }];
  });
}

function at(file: SourceFile, imported: Import, message: string): Finding {
  return `${file.path}:${imported.line}: ${message}`;
}
