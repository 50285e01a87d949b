// A listening admin API over a source that tests can change, and a client that sends exactly what it is told.
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { type AdminAddress, type AdminOptions, createAdmin } from '../../../src/admin/admin.ts';
import type { AdminSource, Readiness } from '../../../src/admin/admin-source.ts';
import { createIr, type Ir } from '../../../src/ir/ir.ts';
import { createProcessLog } from '../../../src/observability/process-log.ts';
import { MemorySink } from '../observability/memory-sink.ts';

export class FakeSource implements AdminSource {
  readinessNow: Readiness = { ready: true, reasons: [] };
  irNow: Ir = createIr([]);
  statusesNow: ReturnType<AdminSource['statuses']> = [];
  problemsNow: ReturnType<AdminSource['problems']> = [];
  drains = 0;

  readiness(): Readiness {
    return this.readinessNow;
  }

  metrics(): string | Iterable<string> {
    return '# HELP x X.\n# TYPE x gauge\nx 1\n';
  }

  ir(): Ir {
    return this.irNow;
  }

  statuses(): ReturnType<AdminSource['statuses']> {
    return this.statusesNow;
  }

  problems(): ReturnType<AdminSource['problems']> {
    return this.problemsNow;
  }

  version(): ReturnType<AdminSource['version']> {
    return { version: '1.2.3', node: 'v24.0.0' };
  }

  drain(): void {
    this.drains += 1;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface RunningAdmin {
  readonly address: AdminAddress;
  readonly source: FakeSource;
  /** Lines of the process log. */
  readonly log: MemorySink;
  readonly send: (
    method: string,
    path: string,
    headers?: Readonly<Record<string, string>>,
    body?: string,
  ) => Promise<Answer>;
}

export async function startAdmin(
  context: TestContext,
  options: Partial<Pick<AdminOptions, 'token' | 'allowedHosts'>> = {},
): Promise<RunningAdmin> {
  const source = new FakeSource();
  const log = new MemorySink();
  const logger = createProcessLog({ level: 'info', sink: log });
  const admin = createAdmin({ address: { host: '127.0.0.1', port: 0 }, source, logger, ...options });
  const address = await admin.listen();
  context.after(() => admin.close());
  return {
    address,
    source,
    log,
    send: (method, path, headers = {}, body = '') => send(address, method, path, headers, body),
  };
}

function send(
  { host, port }: AdminAddress,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, method, path, headers, agent: false }, (response) => {
      text(response).then((received) => {
        const isJson = response.headers['content-type']?.startsWith('application/json') === true && received !== '';
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: received,
          json: isJson ? JSON.parse(received) : undefined,
        });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
