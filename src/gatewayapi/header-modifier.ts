// RequestHeaderModifier and ResponseHeaderModifier: names in lower case, each in one action only, never one that frames a message.
import type { HTTPHeader, HTTPHeaderFilter } from '../api/generated/shared.ts';
import type { HeaderModifier, HeaderValue } from '../ir/filter.ts';
import { isCodecField, isHeaderName, isHeaderValue } from './header-name.ts';
import type { Problem } from './object-status.ts';
import { quote } from './quote.ts';
import { unsupportedValue } from './route-condition.ts';

export function compileHeaderModifier(filter: HTTPHeaderFilter, field: string, problems: Problem[]): HeaderModifier {
  const set = compileValues(filter.set ?? [], `${field}.set`, problems);
  const add = compileValues(filter.add ?? [], `${field}.add`, problems);
  const remove = new Set((filter.remove ?? []).map((name) => name.toLowerCase()));
  for (const name of remove) checkName(name, `${field}.remove`, problems);
  checkOneAction([set, add, [...remove].map((name) => ({ name }))], field, problems);
  return { set, add, remove: [...remove] };
}

/** Of equivalent names in one list the first counts. */
function compileValues(headers: readonly HTTPHeader[], field: string, problems: Problem[]): readonly HeaderValue[] {
  const byName = new Map<string, HeaderValue>();
  for (const [index, header] of headers.entries()) {
    const name = header.name.toLowerCase();
    if (byName.has(name)) continue;
    checkName(name, `${field}[${index}].name`, problems);
    if (!isHeaderValue(header.value))
      problems.push(
        unsupportedValue(`${field}[${index}].value`, 'the value holds a character that no header may hold'),
      );
    byName.set(name, { name, value: header.value });
  }
  return [...byName.values()];
}

function checkName(name: string, field: string, problems: Problem[]): void {
  if (!isHeaderName(name)) problems.push(unsupportedValue(field, `${quote(name)} is not a header name`));
  else if (name === 'host')
    problems.push(
      unsupportedValue(field, 'Host is not for a header modifier; use a URLRewrite filter with a hostname'),
    );
  else if (isCodecField(name))
    problems.push(unsupportedValue(field, `${quote(name)} belongs to the connection and can't be modified`));
}

function checkOneAction(lists: readonly (readonly { name: string }[])[], field: string, problems: Problem[]): void {
  const seen = new Set<string>();
  for (const { name } of lists.flat()) {
    if (seen.has(name)) problems.push(unsupportedValue(field, `header ${quote(name)} has more than one action`));
    seen.add(name);
  }
}
