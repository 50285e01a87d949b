// What is wrong with manifests: problems keep an object out; warnings tell what of a valid object can't be had.
import { translateManifests } from '../app/manifest-translation.ts';
import type { ManifestTranslation } from '../app/manifest-translation.ts';
import { formatFileProblem } from '../provider/file/file-problem.ts';
import type { FileProblem } from '../provider/file/file-problem.ts';
import { manifestKey } from '../provider/file/file-reading.ts';
import type { ManifestPlace } from '../provider/file/manifest-set.ts';
import { conditionFindings, findingText } from './condition-report.ts';
import type { ConditionFinding, StatusView } from './condition-report.ts';
import { countsText, objectText, plural } from './object-text.ts';
import type { ObjectName } from './object-text.ts';
import type { Channel } from './terminal.ts';

export interface Validation {
  readonly problems: readonly FileProblem[];
  readonly warnings: readonly Warning[];
  /** How many, by kind. */
  readonly objects: Readonly<Record<string, number>>;
  /** Of kinds that are none of Sluice's. */
  readonly skipped: Readonly<Record<string, number>>;
}

/** Without a place where the object exists without a manifest. */
export interface Warning extends ObjectName, ConditionFinding, Partial<ManifestPlace> {}

export async function validateManifests(paths: readonly string[]): Promise<Validation> {
  const translation = await translateManifests(paths, 0);
  const { problems, objects, skipped } = translation;
  return { problems, warnings: warningsOf(translation), objects, skipped };
}

export function validationText({ problems, warnings, objects, skipped }: Validation, style: Channel): string {
  const counts = [
    problems.length > 0 ? style.bad(plural(problems.length, 'problem')) : style.good('no problems'),
    ...(warnings.length > 0 ? [style.warning(plural(warnings.length, 'warning'))] : []),
  ];
  const isAnySkipped = Object.keys(skipped).length > 0;
  return [
    ...problems.map(formatFileProblem),
    ...warnings.map((warning) => warningText(warning, style)),
    `${counts.join(', ')} (${countsText(objects)}${isAnySkipped ? `; skipped: ${countsText(skipped)}` : ''})`,
  ].join('\n');
}

/** In the order of the places. */
function warningsOf({ statuses, places, unclaimed }: ManifestTranslation): Warning[] {
  const warnings = [...statuses.values()].flatMap(({ kind, namespace, name, status }) => {
    const object = {
      ...places.get(manifestKey(kind, namespace, name)),
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
    };
    return conditionFindings(status as StatusView).map((finding) => ({ ...object, ...finding }));
  });
  const ignored = unclaimed.map(({ kind, metadata: { namespace, name } }) => ({
    ...places.get(manifestKey(kind, namespace, name)),
    kind,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    type: 'Accepted',
    status: 'Unknown',
    reason: 'Ignored',
    message:
      kind === 'Gateway'
        ? 'Its gatewayClassName names no class of Sluice, so that nothing here serves it.'
        : 'None of its parentRefs names a Gateway that Sluice serves, so that nothing here uses it.',
  }));
  return [...warnings, ...ignored].sort(comparePlaces);
}

function comparePlaces(a: Warning, b: Warning): number {
  const [fileA = '', fileB = ''] = [a.file, b.file];
  if (fileA !== fileB) return fileA < fileB ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}

function warningText(warning: Warning, style: Channel): string {
  const { file, line, column } = warning;
  const place = file === undefined ? '' : `${file}:${line}:${column} `;
  return `${place}${objectText(warning)}\n  ${style.warning('warning:')} ${findingText(warning)}`;
}
