// A real nginx as an upstream: one process, ended by its id with the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TemporaryDirectory } from '../../unit/provider/file/temporary-directory.ts';
import { findCommand } from '../requirements.ts';
import { canConnect } from './reachability.ts';

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 5;
const TEMPORARY_PATHS = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** @param http what stands inside `http { }`: servers that listen on `ports`. */
export async function startNginx(t: TestContext, ports: readonly number[], http: string): Promise<void> {
  const directory = new TemporaryDirectory(t);
  const temporary = TEMPORARY_PATHS.map((name) => `${name}_temp_path ${directory.at(name)};`);
  directory.write({
    'nginx.conf': `
      daemon off; master_process off; pid ${directory.at('nginx.pid')}; error_log stderr;
      events { worker_connections 4096; }
      http { access_log off; ${temporary.join(' ')} ${http} }`,
  });
  const args = ['-p', directory.path, '-e', 'stderr', '-c', directory.at('nginx.conf')];
  const child = spawn(findCommand('nginx') ?? 'nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const closed = once(child, 'close');
  const kill = (): void => void child.kill('SIGTERM');
  process.once('exit', kill);
  t.after(async () => {
    kill();
    await closed;
    process.removeListener('exit', kill);
  });
  // It tells nobody that it is ready.
  const deadlineMs = performance.now() + START_TIMEOUT_MS;
  for (const port of ports) {
    while (!(await canConnect(port))) {
      if (child.exitCode !== null || performance.now() > deadlineMs)
        throw new Error(`nginx does not listen on ${port}\n${errors}`);
      await delay(POLL_MS);
    }
  }
}
