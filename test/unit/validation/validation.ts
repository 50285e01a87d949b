// Validation of single manifests, with problems as `path: message` lines; for the tests of this folder.
import type { KubernetesObject } from '../../../src/api/object.ts';
import { formatPath } from '../../../src/validation/problem.ts';
import { createValidator } from '../../../src/validation/validator.ts';

const validator = createValidator();

/** The normalised object; throws when the manifest is not valid. */
export function valid(manifest: unknown): KubernetesObject {
  const result = validator.validate(manifest);
  if (result.outcome === 'valid') return result.object;
  throw new Error(`${result.outcome}\n${problemsOf(manifest).join('\n')}`);
}

export function problemsOf(manifest: unknown): readonly string[] {
  const result = validator.validate(manifest);
  if (result.outcome !== 'invalid') return [];
  return result.problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
}
