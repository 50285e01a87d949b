// Memory of connections that did one request and stay open.
import type { IdleTask } from '../load/idle-client.ts';
import { holdClient } from '../load/own-client.ts';
import type { Budget, MemoryPath } from '../path.ts';
import { HOST } from '../workspace.ts';

const CONNECTIONS = 2_000;
const TLS_BUDGETS: readonly Budget[] = [{ must: 80, aim: 64 }];

export const IDLE_PATHS: readonly MemoryPath[] = [
  idlePath('h1', 'HTTP/1.1 in plaintext', []),
  idlePath('h1-tls', 'HTTP/1.1 over TLS', TLS_BUDGETS),
  idlePath('h2-tls', 'HTTP/2 over TLS', TLS_BUDGETS),
];

function idlePath(protocol: IdleTask['protocol'], title: string, budgets: readonly Budget[]): MemoryPath {
  return {
    kind: 'memory',
    name: `idle-${protocol}`,
    title: `Idle connection, ${title}`,
    setting: `${CONNECTIONS} connections after one request each`,
    unit: 'connection',
    budgets,
    connections: CONNECTIONS,
    hold: ({ ports }, connections) => {
      const port = protocol === 'h1' ? ports.http : ports.https;
      const task: IdleTask = { protocol, port, host: HOST, connections };
      return holdClient('idle-client.ts', task);
    },
  };
}
