// Messages over WebSockets and their echoes, one at a time on each connection.
import type { LoadResult } from '../load/load-result.ts';
import { runClient } from '../load/own-client.ts';
import type { WebSocketTask } from '../load/websocket-client.ts';
import type { CpuPath } from '../path.ts';
import { ECHO_PATH } from '../upstream.ts';
import { HOST } from '../workspace.ts';

const CONNECTIONS = 64;
const MESSAGE_BYTES = 64;

export const WEBSOCKET: CpuPath = {
  kind: 'cpu',
  name: 'websocket',
  title: 'WebSocket over HTTP/1.1, messages and their echoes',
  setting: `${CONNECTIONS} connections, messages of ${MESSAGE_BYTES} bytes`,
  unit: 'message',
  budgets: [],
  load: async ({ ports }, { seconds }) => {
    const task: WebSocketTask = {
      port: ports.http,
      host: HOST,
      path: ECHO_PATH,
      connections: CONNECTIONS,
      messageBytes: MESSAGE_BYTES,
      seconds,
    };
    return JSON.parse(await runClient('websocket-client.ts', task)) as LoadResult;
  },
};
