// The processes below one, as the kernel shows them.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;
const BOUND_MS = 20_000;

export interface RunningProcess {
  readonly pid: number;
  /** `sluice worker-0.1` */
  readonly title: string;
}

/** All that descend from it, without itself. A child that is only a copy yet, about to become another program, is none. */
export function descendants(pid: number): RunningProcess[] {
  const own = titleOf(pid);
  return childrenOf(pid).flatMap((child) => {
    const title = titleOf(child);
    return title === own ? [] : [{ pid: child, title }, ...descendants(child)];
  });
}

export function isAlive(pid: number): boolean {
  // A zombie has ended; somebody still has to hear of it.
  return /^State:\s+[^Z]/m.test(textOf(`/proc/${pid}/status`));
}

export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`))?.[1]) * 1_024;
}

type Found<T> = T | undefined | false;

/** The kernel tells nobody when other people's processes come and go. */
export async function untilTrue<T>(what: string, probe: () => Found<T> | Promise<Found<T>>): Promise<T> {
  const deadlineMs = performance.now() + BOUND_MS;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadlineMs) throw new Error(`not within ${BOUND_MS} ms: ${what}`);
    await delay(POLL_MS);
  }
}

function childrenOf(pid: number): number[] {
  return textOf(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function titleOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
