// How many connections of clients the file descriptors of this process suffice for: those that are not idle need another one to an endpoint.
// Beyond them the kernel would refuse connections to endpoints, and new clients without a word to anybody.
import { readFileSync } from 'node:fs';

/** For logs, manifests, listening sockets and the admin API. */
const RESERVED = 64;
/** Of the rest; most connections of an edge are idle, or share one to an endpoint. */
const CLIENT_SHARE = 2 / 3;

export function maxConnectionsByDescriptors(limits: string = readLimits()): number {
  const [, descriptors] = /^Max open files +(\d+) /m.exec(limits) ?? [];
  return descriptors === undefined
    ? Infinity
    : Math.max(1, Math.floor((Number(descriptors) - RESERVED) * CLIENT_SHARE));
}

/** Of the kernel; empty where there is no such file. */
function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'latin1');
  } catch {
    return '';
  }
}
