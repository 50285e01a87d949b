// Listeners on one port that terminate TLS, and whose hostnames or certificates overlap: a client may reuse a connection that it
// opened for one for a host of the other. Informational; the listeners are served all the same.
import { ANY_HOSTNAME } from '../lib/hostname.ts';
import type { ListenerModel } from './gateway-model.ts';
import { overlappingCertificates, overlappingHostnames } from './listener-condition.ts';
import { terminatesTls } from './listener-protocol.ts';
import { joinProblems, type Problem } from './object-status.ts';
import { compareText } from './seniority.ts';

/** By the listener's name. All are on one port, with different hostnames. */
export function findOverlaps(listeners: readonly ListenerModel[]): ReadonlyMap<string, Problem> {
  const secured = listeners.filter(({ protocol, traffic }) => terminatesTls(protocol, traffic));
  const byHostname = findPairs(secured, ({ hostname }) => [hostname], widerHostnames);
  const byCertificate = findPairs(secured, dnsNamesOf, widerDnsNames);
  const overlaps = new Map<string, Problem>();
  for (const { name } of secured) {
    const certificates = byCertificate.get(name);
    const hostnames = byHostname.get(name);
    // Where both overlap, the certificates give the reason.
    const overlap = joinProblems([
      ...(certificates === undefined ? [] : [overlappingCertificates([...certificates].sort(compareText))]),
      ...(hostnames === undefined ? [] : [overlappingHostnames([...hostnames].sort(compareText))]),
    ]);
    if (overlap !== undefined) overlaps.set(name, overlap);
  }
  return overlaps;
}

/** For each listener the names of those with a pattern that equals, or is wider or narrower than, one of its own. */
function findPairs(
  listeners: readonly ListenerModel[],
  patternsOf: (listener: ListenerModel) => readonly string[],
  widerThan: (pattern: string) => readonly string[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const namesByPattern = new Map<string, string[]>();
  for (const listener of listeners) {
    for (const pattern of patternsOf(listener)) {
      const names = namesByPattern.get(pattern);
      if (names === undefined) namesByPattern.set(pattern, [listener.name]);
      else names.push(listener.name);
    }
  }
  const pairs = new Map<string, Set<string>>();
  const add = (name: string, other: string): void => {
    const others = pairs.get(name);
    if (others === undefined) pairs.set(name, new Set([other]));
    else others.add(other);
  };
  for (const listener of listeners) {
    const { name } = listener;
    for (const pattern of patternsOf(listener)) {
      for (const other of [pattern, ...widerThan(pattern)].flatMap((wider) => namesByPattern.get(wider) ?? [])) {
        if (other === name) continue;
        add(name, other);
        add(other, name);
      }
    }
  }
  return pairs;
}

/** For `a.b.c`: `*.b.c`, `*.c` and `*`. */
function widerHostnames(hostname: string): readonly string[] {
  if (hostname === ANY_HOSTNAME) return [];
  const labels = hostname.split('.');
  return labels.map((_, index) => ['*', ...labels.slice(index + 1)].join('.')).filter((wider) => wider !== hostname);
}

function dnsNamesOf({ certificates }: ListenerModel): readonly string[] {
  return [...new Set(certificates.flatMap(({ dnsNames }) => dnsNames))];
}

/** In certificates a wildcard stands for exactly one label (RFC 6125 section 6.4.3). */
function widerDnsNames(name: string): readonly string[] {
  const dot = name.indexOf('.');
  return dot === -1 || name.startsWith('*') ? [] : [`*${name.slice(dot)}`];
}
