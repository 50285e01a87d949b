// The filters of a rule or a backendRef. A filter that can't be honoured is a problem of its rule, never left out; only a mirror
// whose backend is broken is, as the specification says.
import type { HTTPRequestRedirectFilter, HTTPRouteFilter, HTTPURLRewriteFilter } from '../api/generated/http-route.ts';
import type { HTTPRequestMirrorFilter } from '../api/generated/shared.ts';
import type { Filter, RequestMirrorFilter, RequestRedirectFilter, UrlRewriteFilter } from '../ir/filter.ts';
import type { BackendResolver } from './backend-ref.ts';
import { compileCors } from './cors.ts';
import { compileHeaderModifier } from './header-modifier.ts';
import type { Problem } from './object-status.ts';
import { compilePathModifier } from './path-modifier.ts';
import { unsupportedValue } from './route-condition.ts';

export interface FilterPlace {
  readonly kind: 'rule' | 'backendRef';
  /** Whether every match of the rule is a PathPrefix, so that there is a prefix to replace. */
  readonly hasPrefix: boolean;
}

/** The compiled filters, and what is wrong with them. */
export class FilterCompiler {
  readonly #resolver: BackendResolver;
  readonly #place: FilterPlace;
  readonly #problems: Problem[];

  constructor(resolver: BackendResolver, place: FilterPlace, problems: Problem[]) {
    this.#resolver = resolver;
    this.#place = place;
    this.#problems = problems;
  }

  /** `field`: of the list. */
  compile(filters: readonly HTTPRouteFilter[], field: string): readonly Filter[] {
    return filters.flatMap((filter, index) => this.#compileFilter(filter, `${field}[${index}]`) ?? []);
  }

  #compileFilter(filter: HTTPRouteFilter, field: string): Filter | undefined {
    const { type, requestHeaderModifier = {}, responseHeaderModifier = {} } = filter;
    switch (type) {
      case 'RequestHeaderModifier':
        return {
          kind: 'requestHeaderModifier',
          ...compileHeaderModifier(requestHeaderModifier, `${field}.requestHeaderModifier`, this.#problems),
        };
      case 'ResponseHeaderModifier':
        return {
          kind: 'responseHeaderModifier',
          ...compileHeaderModifier(responseHeaderModifier, `${field}.responseHeaderModifier`, this.#problems),
        };
      case 'RequestMirror':
        return filter.requestMirror && this.#compileMirror(filter.requestMirror, `${field}.requestMirror`);
      case 'URLRewrite':
        return filter.urlRewrite && this.#compileRewrite(filter.urlRewrite, `${field}.urlRewrite`);
      case 'RequestRedirect':
        if (this.#place.kind === 'backendRef') return this.#notOnBackendRef(type, field);
        return filter.requestRedirect && this.#compileRedirect(filter.requestRedirect, `${field}.requestRedirect`);
      case 'CORS':
        if (this.#place.kind === 'backendRef') return this.#notOnBackendRef(type, field);
        return filter.cors && compileCors(filter.cors);
      case 'ExternalAuth':
      case 'ExtensionRef':
        this.#problems.push(unsupportedValue(`${field}.type`, `${type} is not supported yet`));
        return undefined;
    }
  }

  #notOnBackendRef(type: string, field: string): undefined {
    this.#problems.push(unsupportedValue(`${field}.type`, `${type} is supported on a rule only, not on a backendRef`));
  }

  #compileMirror(mirror: HTTPRequestMirrorFilter, field: string): RequestMirrorFilter | undefined {
    const { backendRef, percent, fraction } = mirror;
    const cluster = this.#resolver.resolve(backendRef, `${field}.backendRef`);
    if (cluster === undefined) return undefined;
    const { numerator, denominator } = fraction ?? { numerator: percent ?? 100, denominator: 100 };
    return { kind: 'requestMirror', cluster, numerator, denominator };
  }

  #compileRewrite({ hostname, path }: HTTPURLRewriteFilter, field: string): UrlRewriteFilter {
    return { kind: 'urlRewrite', ...(hostname === undefined ? {} : { hostname }), ...this.#compilePath(path, field) };
  }

  #compileRedirect(redirect: HTTPRequestRedirectFilter, field: string): RequestRedirectFilter {
    const { scheme, hostname, port, path, statusCode } = redirect;
    return {
      kind: 'requestRedirect',
      ...(scheme === undefined ? {} : { scheme }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(port === undefined ? {} : { port }),
      ...this.#compilePath(path, field),
      statusCode,
    };
  }

  #compilePath(path: HTTPURLRewriteFilter['path'], field: string): Pick<UrlRewriteFilter, 'path'> {
    if (path === undefined) return {};
    if (path.type === 'ReplacePrefixMatch' && !this.#place.hasPrefix) {
      this.#problems.push(
        unsupportedValue(`${field}.path.type`, 'ReplacePrefixMatch needs every match of the rule to be a PathPrefix'),
      );
    }
    return { path: compilePathModifier(path, `${field}.path`, this.#problems) };
  }
}
