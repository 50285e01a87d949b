// What validation reports: where in the object, what is wrong and what to do. The number of problems per object is bounded.

export type FieldPath = readonly (string | number)[];

export type ProblemCode =
  | 'characters'
  | 'duplicate'
  | 'fields'
  | 'form'
  | 'format'
  | 'items'
  | 'key'
  | 'kind'
  | 'pattern'
  | 'range'
  | 'required'
  | 'rule'
  | 'size'
  | 'too-many'
  | 'type'
  | 'unknown-field'
  | 'value';

export interface Problem {
  /** The field, from the root of the object. A missing field is named by the path it would have. */
  readonly path: FieldPath;
  readonly message: string;
  readonly code: ProblemCode;
}

/** Problems of one object; one more says that there are more. */
export const MAX_PROBLEMS = 20;

/** Collects the problems of one object together with the path at which validation stands. */
export class ProblemList {
  readonly #found: Problem[] = [];
  readonly #path: (string | number)[] = [];

  get found(): readonly Problem[] {
    return this.#found;
  }

  /** Whether further problems would be dropped, so that it is of no use to look for them. */
  get full(): boolean {
    return this.#found.length > MAX_PROBLEMS;
  }

  enter(segment: string | number): void {
    this.#path.push(segment);
  }

  leave(): void {
    this.#path.pop();
  }

  /** Reports a problem at the current path, or at a field below it. */
  add(code: ProblemCode, message: string, field?: string | number): void {
    if (this.full) return;
    if (this.#found.length === MAX_PROBLEMS) {
      this.#found.push({ path: [], message: `has more than ${MAX_PROBLEMS} problems`, code: 'too-many' });
      return;
    }
    const path = field === undefined ? [...this.#path] : [...this.#path, field];
    this.#found.push({ path, message, code });
  }
}

/** Prints a path as kubectl does: spec.rules[0].matches[1].path, with brackets around keys that are not plain names. */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}

const MAX_SHOWN_CHARACTERS = 60;

/** A value of the object as it is shown in a message. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
}
