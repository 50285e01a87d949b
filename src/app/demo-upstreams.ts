// Two small HTTP servers to route to, for a first look at the gateway without anything else installed. They tell which of them answered
// and what they were asked.
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { startError } from './start-error.ts';

/** Names and ports that config/demo refers to. */
export const DEMO_UPSTREAMS = [
  { name: 'demo-v1', port: 18_081 },
  { name: 'demo-v2', port: 18_082 },
] as const;

const LOOPBACK = '127.0.0.1';

/** Makes a server listen. */
type Listen = (server: Server, host: string, port: number) => Promise<unknown>;

export interface DemoUpstreams {
  close(): Promise<void>;
}

/** @throws StartError when one of the ports is taken. */
export async function startDemoUpstreams(listen: Listen = bindAndListen): Promise<DemoUpstreams> {
  const servers = DEMO_UPSTREAMS.map(({ name }) =>
    createServer((request, response) => answer(name, request, response)),
  );
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => closed(server)));
  };
  try {
    await Promise.all(servers.map((server, index) => listen(server, LOOPBACK, DEMO_UPSTREAMS[index]?.port ?? 0)));
  } catch (error) {
    await close();
    const ports = DEMO_UPSTREAMS.map(({ port }) => port).join(' and ');
    throw startError(`the demo upstreams can't listen on ports ${ports}`, error);
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

async function bindAndListen(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host, port }, resolve);
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
