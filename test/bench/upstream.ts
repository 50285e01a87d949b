// The upstream of every benchmark: nginx in one process with a fixed answer.
import { join } from 'node:path';
import { MeasuredProcess } from './measured-process.ts';
import { freePort, untilReady, writeFromTemplate } from './workspace.ts';

export interface Upstream extends AsyncDisposable {
  readonly port: number;
}

const BODY_BYTES = 130;

/** Started, and answering. */
export async function startUpstream(directory: string): Promise<Upstream> {
  const port = await freePort();
  const config = join(directory, 'upstream.conf');
  writeFromTemplate('upstream.conf', config, { directory, upstreamPort: port, body: 'x'.repeat(BODY_BYTES) });
  const nginx = startNginx(directory, config);
  await untilReady(`http://127.0.0.1:${port}/`, () => nginx.assertRunning());
  return { port, [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose]() };
}

/** @param directory what nginx may write to */
export function startNginx(directory: string, config: string): MeasuredProcess {
  const args = ['-p', directory, '-e', 'stderr', '-c', config];
  return new MeasuredProcess({ name: 'nginx', command: 'nginx', args, outputPath: `${config}.log` });
}
