// What happens to a request or a response on a route. The order in which filters run is the data plane's (filter/registry.ts).

export type Filter =
  | CorsFilter
  | RequestHeaderModifierFilter
  | ResponseHeaderModifierFilter
  | RequestMirrorFilter
  | RequestRedirectFilter
  | UrlRewriteFilter;

export interface HeaderValue {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

/** Applied as set, then add, then remove. `add` appends one more value. */
export interface HeaderModifier {
  readonly set: readonly HeaderValue[];
  readonly add: readonly HeaderValue[];
  /** Lower case names. */
  readonly remove: readonly string[];
}

export interface RequestHeaderModifierFilter extends HeaderModifier {
  readonly kind: 'requestHeaderModifier';
}

export interface ResponseHeaderModifierFilter extends HeaderModifier {
  readonly kind: 'responseHeaderModifier';
}

/** `replacePrefix` swaps the prefix that the match named; its matchedPrefix comes from the match that won. */
export type PathModifier =
  | { readonly kind: 'replaceFull'; readonly value: string }
  | { readonly kind: 'replacePrefix'; readonly value: string };

export interface RequestRedirectFilter {
  readonly kind: 'requestRedirect';
  readonly scheme?: 'http' | 'https';
  readonly hostname?: string;
  readonly port?: number;
  readonly path?: PathModifier;
  readonly statusCode: 301 | 302 | 303 | 307 | 308;
}

export interface UrlRewriteFilter {
  readonly kind: 'urlRewrite';
  readonly hostname?: string;
  readonly path?: PathModifier;
}

/** Sends a copy to one endpoint of the cluster and discards the answer. Each mirror decides for itself: numerator/denominator. */
export interface RequestMirrorFilter {
  readonly kind: 'requestMirror';
  /** Key of a Cluster. */
  readonly cluster: string;
  readonly numerator: number;
  readonly denominator: number;
}

/** Lists hold `*` alone for any. Origins: `scheme://host[:port]`, `scheme://*.suffix[:port]` or `*`. */
export interface CorsFilter {
  readonly kind: 'cors';
  readonly allowOrigins: readonly string[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number;
}
