// New TLS 1.3 connections, with keys agreed on X25519 and an ECDSA certificate on P-256, and nothing on them.
import type { HandshakeTask } from '../load/handshake-client.ts';
import type { LoadResult } from '../load/load-result.ts';
import { runClient } from '../load/own-client.ts';
import type { CpuPath } from '../path.ts';
import { HOST } from '../workspace.ts';

const CONNECTIONS = 8;

const HANDSHAKE = {
  kind: 'cpu',
  // Some 700 a second: as many as other paths have in their 3 s take long.
  warmUpSeconds: 15,
  setting: `${CONNECTIONS} connections at a time, closed when they are secure`,
  unit: 'handshake',
} as const;

export const FULL_HANDSHAKE: CpuPath = {
  ...HANDSHAKE,
  name: 'handshake',
  title: 'TLS 1.3 handshake, full, P-256',
  budgets: [{ peer: 'nginx', must: 1.3, aim: 1.15 }],
  load: ({ ports }, { seconds }) => shakeHands({ port: ports.https, seconds, isResumed: false }),
};

export const RESUMED_HANDSHAKE: CpuPath = {
  ...HANDSHAKE,
  name: 'resumption',
  title: 'TLS 1.3 handshake, resumed by ticket',
  budgets: [],
  load: ({ ports }, { seconds }) => shakeHands({ port: ports.https, seconds, isResumed: true }),
};

async function shakeHands(task: Omit<HandshakeTask, 'host' | 'connections'>): Promise<LoadResult> {
  const whole: HandshakeTask = { ...task, host: HOST, connections: CONNECTIONS };
  return JSON.parse(await runClient('handshake-client.ts', whole)) as LoadResult;
}
