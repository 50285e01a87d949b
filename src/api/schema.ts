// The part of a CustomResourceDefinition that Sluice keeps: a structural OpenAPI schema without prose, and the names of the kind.
// Types only; src/validation walks these schemas, src/api/generated holds them.

/** A CEL rule of x-kubernetes-validations. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
}

/** A node of a structural schema, with the keywords that occur in the CRDs that Sluice knows. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly not?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly 'x-kubernetes-int-or-string'?: true;
  readonly 'x-kubernetes-list-type'?: 'map' | 'set';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

/** A kind and how the API server serves it. */
export interface ResourceKind {
  readonly group: string;
  /** Objects of every listed version are treated as objects of the first one. */
  readonly versions: readonly [string, ...string[]];
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** A kind that a CRD defines. */
export interface CustomResource extends ResourceKind {
  /** Builds the schema of the first version; a function, so that kinds that are not in use cost nothing. */
  readonly schema: () => Schema;
}
