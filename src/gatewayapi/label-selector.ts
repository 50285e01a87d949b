// Label selectors of Kubernetes: matchLabels and matchExpressions, all of which must hold.
import type { LabelSelector, LabelSelectorRequirement } from '../api/generated/shared.ts';
import { quote } from './quote.ts';

type Labels = Readonly<Record<string, string>>;

/** What is wrong with a selector, as `<field> <what>`; undefined where it is valid. */
export function selectorDefect({ matchExpressions = [] }: LabelSelector): string | undefined {
  for (const [index, { operator, values = [] }] of matchExpressions.entries()) {
    const field = `.matchExpressions[${index}]`;
    switch (operator) {
      case 'In':
      case 'NotIn':
        if (values.length === 0) return `${field}.values must not be empty with operator ${operator}`;
        break;
      case 'Exists':
      case 'DoesNotExist':
        if (values.length > 0) return `${field}.values must be empty with operator ${operator}`;
        break;
      default:
        return `${field}.operator ${quote(operator)} must be In, NotIn, Exists or DoesNotExist`;
    }
  }
  return undefined;
}

/** An empty selector matches everything, an invalid requirement nothing. */
export function selectorMatches({ matchLabels = {}, matchExpressions = [] }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((requirement) => requirementHolds(requirement, labels))
  );
}

function requirementHolds({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
