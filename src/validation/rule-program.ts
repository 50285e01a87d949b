// CEL as the API server runs it: the rules of x-kubernetes-validations become functions over `self`. Values of an object are
// converted once, by the caller, with the names that CEL knows them by.
import { celEnv, celFunc, celMethod, CelScalar, listType, parse, plan, type CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isIPAddress, isNetwork } from './format.ts';
import { DOMAIN_PATTERN, type PatternCache } from './pattern.ts';

const { BOOL, STRING } = CelScalar;
const STRINGS = listType(STRING);

/** Says whether a value keeps a rule. An error while a rule runs means that it is not kept, as in the API server. */
export type RuleProgram = (self: CelInput) => boolean;

/** Compiles rules, each text once. */
export class RuleCompiler {
  readonly #environment;
  readonly #programs = new Map<string, RuleProgram>();

  constructor(patterns: PatternCache) {
    this.#environment = celEnv({
      funcs: [...strings, ...KUBERNETES_FUNCTIONS],
      re2: { compile: (pattern) => patterns.compile(pattern) },
    });
  }

  compile(rule: string): RuleProgram {
    let program = this.#programs.get(rule);
    if (program === undefined) {
      const evaluate = plan(this.#environment, parse(rule));
      program = (self) => evaluate({ self }) === true;
      this.#programs.set(rule, program);
    }
    return program;
  }
}

const SUBDOMAIN = new RegExp(DOMAIN_PATTERN);
const MAX_SUBDOMAIN_LENGTH = 253;

/** The functions that Kubernetes adds, as far as rules of known kinds use them. A format is represented by its name. */
const KUBERNETES_FUNCTIONS = [
  celFunc('isIP', [STRING], BOOL, isIPAddress),
  celFunc('isCIDR', [STRING], BOOL, isNetwork),
  celFunc('format.dns1123Subdomain', [], STRING, () => 'dns1123Subdomain'),
  celMethod('validate', STRING, [STRING], STRINGS, (text) =>
    text.length <= MAX_SUBDOMAIN_LENGTH && SUBDOMAIN.test(text) ? [] : ['is not a domain name'],
  ),
  celMethod('hasValue', STRINGS, [], BOOL, function () {
    return this.size > 0;
  }),
];

const RESERVED_WORDS = new Set(
  ['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function', 'if', 'import'].concat(
    ['let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'],
  ),
);
const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** The names under which rules know a property of an object. A reserved word is known as it is and, as in older rules, escaped. */
export function celPropertyNames(name: string): readonly string[] {
  if (RESERVED_WORDS.has(name)) return [name, `__${name}__`];
  return [name.replaceAll(/__|[./-]/g, (text) => ESCAPES[text] ?? text)];
}
