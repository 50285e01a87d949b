// The property of incremental translation: after any edit it gives what a translation from scratch gives, statuses and all, what is
// equal keeps its identity, and deltas lead to the same IR. It takes the modules to check as an argument, so that it can be run on broken copies of them.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { KubernetesObject } from '../../../src/api/object.ts';
import type * as resources from '../../../src/gatewayapi/resources.ts';
import type * as translation from '../../../src/gatewayapi/translate.ts';
import type * as ir from '../../../src/ir/ir.ts';
import type { SeededRandom } from '../../harness/seeded-random.ts';
import { randomEdit, randomOptions, type Edit } from './edit.ts';

export type Product = typeof ir & typeof resources & typeof translation;

const MODULES = ['gatewayapi/resources.ts', 'gatewayapi/translate.ts', 'ir/ir.ts'];
/** Of translate(): other ports that can't be bound, another host. */
const EDITS_PER_CHANGE_OF_OPTIONS = 20;

/** The modules in a folder that holds the product's sources. */
export async function loadProduct(sources: string): Promise<Product> {
  const modules = await Promise.all(MODULES.map((path) => import(pathToFileURL(join(sources, path)).href)));
  return Object.assign({}, ...modules) as Product;
}

/** Makes that many edits: the first disagreement, or undefined. */
export function findDisagreement(product: Product, random: SeededRandom, edits: number): string | undefined {
  const configuration = new Map<string, KubernetesObject>();
  const resources = new product.Resources();
  const memo = product.createMemo();
  let options = randomOptions(random);
  let previous = product.translate(resources, memo, options);
  let sent = previous.ir;
  for (let step = 1; step <= edits; step++) {
    const edit = randomEdit(random);
    apply(resources, edit);
    const key = `${edit.kind}/${edit.namespace}/${edit.name}`;
    if (edit.object === undefined) configuration.delete(key);
    else configuration.set(key, edit.object);
    if (step % EDITS_PER_CHANGE_OF_OPTIONS === 0) options = randomOptions(random, options);

    const next = product.translate(resources, memo, options);
    sent = product.applyDelta(sent, product.diffIr(previous.ir, next.ir));
    const disagreement =
      compare(next, fromScratch(product, configuration, options)) ??
      findLostIdentity(previous, next) ??
      (sent.hash === next.ir.hash ? undefined : 'the delta leads elsewhere');
    if (disagreement !== undefined) return `${random.seed}, edit ${step} (${key}): ${disagreement}`;
    previous = next;
  }
  return undefined;
}

function apply(resources: resources.Resources, { kind, namespace, name, object }: Edit): void {
  if (object === undefined) resources.delete({ kind, namespace, name });
  else resources.put(object);
}

/** In an order that has nothing to do with that of the edits. */
function fromScratch(
  { Resources, createMemo, translate }: Product,
  configuration: ReadonlyMap<string, KubernetesObject>,
  options: translation.TranslateOptions,
): translation.Translation {
  const resources = new Resources();
  for (const key of [...configuration.keys()].sort()) resources.put(configuration.get(key) as KubernetesObject);
  return translate(resources, createMemo(), options);
}

function compare(incremental: translation.Translation, scratch: translation.Translation): string | undefined {
  if (incremental.ir.hash !== scratch.ir.hash) return 'the IRs differ';
  if (incremental.statuses.size !== scratch.statuses.size) return 'there are more or fewer statuses';
  for (const [key, status] of scratch.statuses) {
    if (!isEqual(incremental.statuses.get(key), status)) return `the statuses of ${key} differ`;
  }
  if (incremental.plans.size !== scratch.plans.size) return 'there are more or fewer plans';
  for (const [key, plan] of scratch.plans) {
    if (!isEqual(incremental.plans.get(key), plan)) return `the plans of ${key} differ`;
  }
  return undefined;
}

function findLostIdentity(previous: translation.Translation, next: translation.Translation): string | undefined {
  for (const [key, status] of next.statuses) {
    const old = previous.statuses.get(key);
    if (old !== undefined && old !== status && isEqual(old, status)) return `the status of ${key} is a copy`;
  }
  for (const [key, resource] of next.ir.resources) {
    const old = previous.ir.resources.get(key);
    if (old !== undefined && old !== resource && isEqual(old, resource)) return `${key} is a copy`;
  }
  return undefined;
}

/** Of plain data; what hides its content, as a secret does, equals only itself. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const names = Object.keys(a);
  if (names.length === 0 && !isPlain(a)) return false;
  if (names.length !== Object.keys(b).length || Array.isArray(a) !== Array.isArray(b)) return false;
  return names.every((name) => isEqual((a as Fields)[name], (b as Fields)[name]) && Object.hasOwn(b, name));
}

function isPlain(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

type Fields = Readonly<Record<string, unknown>>;
