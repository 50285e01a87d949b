// The statuses of a running gateway as a table, and below each object what is wrong with it.
import type { ProblemView, Readiness } from '../admin/admin-source.ts';
import { conditionFindings, findingText, isBadWhenTrue, isGood } from './condition-report.ts';
import type { ConditionView, StatusView } from './condition-report.ts';
import { objectText, plural } from './object-text.ts';
import type { ObjectName } from './object-text.ts';
import type { Channel } from './terminal.ts';

export interface ObjectStatusView extends ObjectName {
  readonly status: StatusView;
}

export interface GatewayState {
  readonly readiness: Readiness;
  readonly items: readonly ObjectStatusView[];
  /** Absent where only some objects were asked for. */
  readonly problems?: readonly ProblemView[];
}

interface Row {
  readonly cells: readonly string[];
  readonly findings: readonly string[];
}

const HEADINGS = ['KIND', 'NAME', 'CONDITIONS', 'ROUTES', 'ADDRESSES'] as const;
const GAP = '  ';
/** Of a Gateway; hosts can have many. */
const MAX_ADDRESSES = 3;

export function stateText({ readiness, items, problems = [] }: GatewayState, style: Channel): string {
  const { ready, reasons } = readiness;
  return [
    ready ? style.good('ready') : style.bad(`not ready: ${reasons.join(', ')}`),
    statusText(items, style),
    ...(problems.length === 0 ? [] : ['', style.bad(`${plural(problems.length, 'problem')} in the manifests`)]),
    ...problems.map(problemText),
  ].join('\n');
}

function statusText(objects: readonly ObjectStatusView[], style: Channel): string {
  const rows = objects.toSorted(compareObjects).map(rowOf);
  const widths = HEADINGS.map((heading, column) =>
    rows.reduce((width, { cells }) => Math.max(width, cells[column]?.length ?? 0), heading.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join(GAP)
      .trimEnd();
  return [
    style.strong(line(HEADINGS)),
    ...rows.flatMap(({ cells, findings }) => [
      line(cells),
      ...findings.map((finding) => `${GAP}${style.warning(finding)}`),
    ]),
  ].join('\n');
}

function compareObjects(a: ObjectName, b: ObjectName): number {
  return objectText(a) < objectText(b) ? -1 : 1;
}

function rowOf(object: ObjectStatusView): Row {
  const { kind, status } = object;
  const { listeners, addresses = [] } = status;
  const routes = listeners?.reduce((sum, { attachedRoutes = 0 }) => sum + attachedRoutes, 0);
  const shown = addresses.slice(0, MAX_ADDRESSES).map(({ value = '' }) => value);
  const rest = addresses.length > MAX_ADDRESSES ? [`+${addresses.length - MAX_ADDRESSES}`] : [];
  return {
    cells: [
      kind,
      objectText(object).slice(kind.length + 1),
      summaryOf(status),
      routes === undefined ? '' : String(routes),
      [...shown, ...rest].join(', '),
    ],
    findings: conditionFindings(status).map(findingText),
  };
}

/** `Accepted, Programmed=False`: types that are good everywhere by their name alone; those that are bad when True only then. */
function summaryOf({ conditions = [], parents = [], ancestors = [] }: StatusView): string {
  const all = [conditions, ...[...parents, ...ancestors].map((parent) => parent.conditions ?? [])].flat();
  const byType = Map.groupBy(all, ({ type }) => type);
  return Array.from(byType.values(), conditionText)
    .filter((text) => text !== '')
    .join(', ');
}

function conditionText(sameType: readonly ConditionView[]): string {
  const bad = sameType.find((condition) => !isGood(condition));
  if (bad !== undefined) return `${bad.type}=${bad.status}`;
  const [good] = sameType;
  return good === undefined || isBadWhenTrue(good) ? '' : good.type;
}

function problemText({ file, line, column, object, path, message }: ProblemView): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return `${[place, object].filter(Boolean).join(' ')}\n  ${path ? `${path}: ` : ''}${message}`;
}
