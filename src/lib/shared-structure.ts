// Structural sharing: a new value takes over every part that equals the old one, so that "unchanged" can be told by identity.
// Works on plain data (objects, arrays, primitives) and SecretTexts; neither value is modified.
import { SecretText } from './secret-text.ts';

/** `next`, with each part that equals its counterpart in `previous` replaced by that; `previous` itself where all is equal. */
export function shareStructure<T>(previous: T | undefined, next: T): T {
  return share(previous, next) as T;
}

function share(previous: unknown, next: unknown): unknown {
  if (Object.is(previous, next)) return previous;
  if (Array.isArray(previous) && Array.isArray(next)) return shareArray(previous, next);
  if (previous instanceof SecretText && next instanceof SecretText) {
    return previous.fingerprint() === next.fingerprint() ? previous : next;
  }
  if (isPlainObject(previous) && isPlainObject(next)) return shareObject(previous, next);
  return next;
}

function shareArray(previous: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  const shared = next.map((item, index) => share(previous[index], item));
  const isEqual = previous.length === next.length && shared.every((item, index) => Object.is(item, previous[index]));
  return isEqual ? previous : shared;
}

type Fields = Readonly<Record<string, unknown>>;

function shareObject(previous: Fields, next: Fields): Fields {
  const names = Object.keys(next);
  let isEqual = names.length === Object.keys(previous).length;
  const shared: Record<string, unknown> = {};
  for (const name of names) {
    const value = share(previous[name], next[name]);
    shared[name] = value;
    if (!Object.is(value, previous[name]) || !Object.hasOwn(previous, name)) isEqual = false;
  }
  return isEqual ? previous : shared;
}

function isPlainObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
