// A translation as text: the IR's resources by key and the statuses, with secrets redacted, in an order that depends on the content only.
import { Document, isScalar, visit } from 'yaml';
import type { YAMLMap } from 'yaml';
import type { Translation } from '../gatewayapi/translate.ts';
import { redactHeaderValue } from '../observability/json-redaction.ts';

type Translated = Pick<Translation, 'ir' | 'statuses'>;

export function translationJson({ ir, statuses }: Translated): string {
  return JSON.stringify({ ir: sortedByKey(ir.resources), statuses: sortedByKey(statuses) }, redactHeaderValue, 2);
}

/** Mappings of plain values stand on one line. */
export function translationYaml(translation: Translated): string {
  const document = new Document(JSON.parse(translationJson(translation)), { aliasDuplicateObjects: false });
  visit(document, {
    Map: (_key, map) => {
      map.flow = isPlain(map);
    },
  });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function isPlain({ items }: YAMLMap): boolean {
  return items.length > 0 && items.every(({ value }) => isScalar(value) && !String(value).includes('\n'));
}

function sortedByKey(map: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}
