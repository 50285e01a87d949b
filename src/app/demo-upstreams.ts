// Two small HTTP servers to route to, for a first look at the gateway without anything else installed. They tell which of them answered
// and what they were asked.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** Names and ports that config/demo refers to. */
export const DEMO_UPSTREAMS = [
  { name: 'demo-v1', port: 18_081 },
  { name: 'demo-v2', port: 18_082 },
] as const;

const LOOPBACK = '127.0.0.1';

export interface DemoUpstreams {
  close(): Promise<void>;
}

/** @throws Error with code EADDRINUSE when one of the ports is taken. */
export async function startDemoUpstreams(): Promise<DemoUpstreams> {
  const servers = DEMO_UPSTREAMS.map(({ name }) =>
    createServer((request, response) => answer(name, request, response)),
  );
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => closed(server)));
  };
  try {
    await Promise.all(servers.map((server, index) => listening(server, DEMO_UPSTREAMS[index]?.port ?? 0)));
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function answer(name: string, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  request.on('error', () => {});
  request.on('end', () => {
    const { method, url, headers } = request;
    const body = `${JSON.stringify({ servedBy: name, method, url, headers }, undefined, 2)}\n`;
    response.writeHead(200, { 'content-type': 'application/json', 'x-served-by': name });
    response.end(body);
  });
}

async function listening(server: Server, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: LOOPBACK, port }, resolve);
  await promise;
  server.off('error', reject);
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
