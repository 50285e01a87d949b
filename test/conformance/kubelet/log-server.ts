// The kubelet's own HTTPS endpoint, of which only logs are served, and only to clients with a certificate of the cluster's authority.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Credentials } from '../credentials.ts';
import { formatLine, readLogQuery } from './container-log.ts';
import type { ContainerLog } from './container-log.ts';

export type FindLog = (namespace: string, pod: string, container: string) => ContainerLog | undefined;

export class LogServer {
  readonly #server: Server;

  constructor(credentials: Credentials, findLog: FindLog) {
    const serving = credentials.issue('kubelet-serving', { commonName: 'kubelet', names: ['IP:127.0.0.1'] });
    const options = {
      cert: readFileSync(serving.certificate),
      key: readFileSync(serving.key),
      ca: readFileSync(credentials.authority.certificate),
      requestCert: true,
      rejectUnauthorized: true,
    };
    this.#server = createServer(options, (request, response) => {
      const url = new URL(request.url ?? '/', 'https://kubelet');
      const [, endpoint, namespace = '', pod = '', container = ''] = url.pathname.split('/');
      const log = endpoint === 'containerLogs' ? findLog(namespace, pod, container) : undefined;
      if (log === undefined) {
        response.writeHead(404).end('no such log\n');
        return;
      }
      const query = readLogQuery(url.searchParams, Date.now());
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write(log.read(query));
      if (url.searchParams.get('follow') !== 'true') {
        response.end();
        return;
      }
      const stop = log.follow((line) => response.write(formatLine(line, query.timestamps)));
      response.once('close', stop);
    });
  }

  /** Gives the port. */
  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }
}
