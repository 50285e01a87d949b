// RequestMirror: a share of the requests goes to a second cluster as well. Each mirror decides for itself.
import type { RequestMirrorFilter } from '../../../ir/filter.ts';
import type { CompiledFilter } from '../filter.ts';

export function compileRequestMirror({ cluster, numerator, denominator }: RequestMirrorFilter): CompiledFilter {
  return {
    onRequest: (context) => {
      if (Math.random() * denominator < numerator) context.mirror(cluster);
      return undefined;
    },
  };
}
