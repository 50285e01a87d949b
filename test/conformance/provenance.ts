// What the suite in the cache was built from, and whether it still is that. A report is written only with the suite whose sources these
// checksums name and whose files nobody touched since they were built.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As in go.sum: of every file of the module, the suite's manifests and the CRDs among them. */
export const MODULE_CHECKSUMS: Readonly<Record<string, string>> = {
  'sigs.k8s.io/gateway-api v1.7.0': 'h1:duVnm7nO6oXfMMUWfcDoBph47CYR/ME3NGxccOVglaY=',
  'sigs.k8s.io/gateway-api/conformance v1.7.0': 'h1:8Llf3aLHmeuiKA1AolOpeTIp0tmEuo6BSPOmw/w8tnk=',
};
const FILE = 'provenance.json';

export interface Provenance {
  /** "module version" → checksum. */
  readonly modules: Readonly<Record<string, string>>;
  /** Echo images: the version that the suite's go.mod names, and the one that its pods run. */
  readonly images: { readonly wanted: string; readonly used: string };
  /** Path → SHA-256. */
  readonly files: Readonly<Record<string, string>>;
}

/** The suite is not the one that was released. */
export class ProvenanceError extends Error {
  readonly code = 'SUITE_ALTERED';
}

export function recordProvenance(folder: string, goSum: string, images: Provenance['images']): void {
  const modules = Object.fromEntries(
    Object.keys(MODULE_CHECKSUMS).map((module) => [module, checksumIn(goSum, module) ?? 'none']),
  );
  const provenance: Provenance = { modules, images, files: hashFiles(folder) };
  writeFileSync(join(folder, FILE), `${JSON.stringify(provenance, undefined, 2)}\n`);
}

/** @throws ProvenanceError that names what differs. */
export function verifyProvenance(folder: string): Provenance {
  const provenance = JSON.parse(readFileSync(join(folder, FILE), 'utf8')) as Provenance;
  const differing = [
    ...differences(MODULE_CHECKSUMS, provenance.modules),
    ...differences(provenance.files, hashFiles(folder)),
  ];
  if (differing.length > 0) {
    throw new ProvenanceError(`not the released suite: ${differing.join(', ')}; remove ${folder} and run again`);
  }
  return provenance;
}

export function checksumIn(goSum: string, module: string): string | undefined {
  const line = goSum.split('\n').find((each) => each.startsWith(`${module} `));
  return line?.slice(module.length + 1);
}

function differences(wanted: Readonly<Record<string, string>>, found: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].filter((name) => wanted[name] !== found[name]);
}

function hashFiles(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== FILE)
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(folder, 'module')))
    .toSorted();
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), sha256(path)]));
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
