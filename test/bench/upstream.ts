// What stands behind every proxy: nginx in one process with fixed answers, and a server of our own that echoes WebSocket messages.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MeasuredProcess } from './measured-process.ts';
import { freePort, untilReady, writeFromTemplate } from './workspace.ts';

export interface Upstream extends AsyncDisposable {
  readonly ports: UpstreamPorts;
}

export interface UpstreamPorts {
  readonly upstreamPort: number;
  readonly grpcUpstreamPort: number;
  readonly echoPort: number;
}

export interface AnswerFile {
  readonly path: string;
  readonly bytes: number;
}

export const ANSWER_BYTES = 130;
/** Larger answers. */
export const FILES: Readonly<Record<'4k' | '1m', AnswerFile>> = {
  '4k': { path: '/4k', bytes: 4 * 2 ** 10 },
  '1m': { path: '/1m', bytes: 2 ** 20 },
};
/** Takes a body of at most 1 MiB. */
export const UPLOAD_PATH = '/upload';
export const ECHO_PATH = '/echo';
export const GRPC_METHOD = '/bench.v1.Echo/Call';
/** Of requests and of answers: not compressed, a length of four bytes, the rest. */
export const GRPC_MESSAGE: Buffer = Buffer.concat([Buffer.from([0, 0, 0, 0, 64]), Buffer.alloc(64, 'x')]);

/** Started, and answering. */
export async function startUpstream(directory: string): Promise<Upstream> {
  const ports = { upstreamPort: await freePort(), grpcUpstreamPort: await freePort(), echoPort: await freePort() };
  const config = join(directory, 'upstream.conf');
  writeFiles(join(directory, 'files'));
  writeFromTemplate('upstream.conf', config, { directory, ...ports, answer: 'x'.repeat(ANSWER_BYTES) });
  await using stack = new AsyncDisposableStack();
  const nginx = stack.use(startNginx(directory, config));
  const echo = stack.use(
    new MeasuredProcess({
      name: 'echo server',
      command: process.execPath,
      args: [join(import.meta.dirname, 'echo-server.ts'), String(ports.echoPort)],
      outputPath: join(directory, 'echo-server.log'),
    }),
  );
  await untilReady(`http://127.0.0.1:${ports.upstreamPort}/`, () => nginx.assertRunning());
  await untilReady(`http://127.0.0.1:${ports.echoPort}/`, () => echo.assertRunning());
  const started = stack.move();
  return { ports, [Symbol.asyncDispose]: () => started.disposeAsync() };
}

/** @param directory what nginx may write to */
export function startNginx(directory: string, config: string): MeasuredProcess {
  const args = ['-p', directory, '-e', 'stderr', '-c', config];
  return new MeasuredProcess({ name: 'nginx', command: 'nginx', args, outputPath: `${config}.log` });
}

function writeFiles(folder: string): void {
  mkdirSync(folder);
  for (const { path, bytes } of Object.values(FILES)) writeFileSync(join(folder, path), Buffer.alloc(bytes, 'x'));
  writeFileSync(join(folder, 'grpc-answer'), GRPC_MESSAGE);
}
