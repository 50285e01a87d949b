// RequestHeaderModifier and ResponseHeaderModifier: set, then add, then remove. Names and values were checked by the translator.
import type { HeaderModifier, RequestHeaderModifierFilter, ResponseHeaderModifierFilter } from '../../../ir/filter.ts';
import type { HeaderList } from '../../header-list.ts';
import type { CompiledFilter } from '../filter.ts';

export function compileRequestHeaderModifier(filter: RequestHeaderModifierFilter): CompiledFilter {
  return {
    onRequest: ({ request }) => {
      modify(request.headers, filter);
      return undefined;
    },
  };
}

export function compileResponseHeaderModifier(filter: ResponseHeaderModifierFilter): CompiledFilter {
  return { onResponse: (_context, response) => modify(response.headers, filter) };
}

function modify(headers: HeaderList, { set, add, remove }: HeaderModifier): void {
  for (const { name, value } of set) headers.set(name, value);
  for (const { name, value } of add) headers.append(name, value);
  for (const name of remove) headers.remove(name);
}
