// How values and lists of names appear in condition messages: short, whatever the objects hold.

const MAX_SHOWN_CHARACTERS = 80;
const MAX_LISTED_NAMES = 8;

export function quote(value: string): string {
  const shown = value.length > MAX_SHOWN_CHARACTERS ? `${value.slice(0, MAX_SHOWN_CHARACTERS)}…` : value;
  return JSON.stringify(shown);
}

/** `a, b and 3 more` */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED_NAMES).join(', ');
  return names.length > MAX_LISTED_NAMES ? `${shown} and ${names.length - MAX_LISTED_NAMES} more` : shown;
}

/** `HTTPRoute`, or `group/Kind` where the group is not obvious. */
export function kindName({ group, kind }: { readonly group: string; readonly kind: string }): string {
  return group === '' ? kind : `${kind}.${group}`;
}
