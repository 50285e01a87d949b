// A gateway as a process: opens the logs, starts everything in order, and lives until a signal, the admin API or a defect ends it.
import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { SecretText } from '../lib/secret-text.ts';
import { ACCESS_LOG_FIELDS, createAccessLog, DEFAULT_ACCESS_LOG_FIELDS } from '../observability/access-log.ts';
import type { AccessLogField } from '../observability/access-log.ts';
import { openLineSink } from '../observability/line-sink.ts';
import type { LineSink } from '../observability/line-sink.ts';
import { createProcessLog } from '../observability/process-log.ts';
import type { Logger } from '../observability/process-log.ts';
import { DEMO_UPSTREAMS, startDemoUpstreams } from './demo-upstreams.ts';
import type { DemoUpstreams } from './demo-upstreams.ts';
import { Gateway } from './gateway.ts';
import type { StartedGateway } from './gateway.ts';
import { Termination } from './termination.ts';

export interface RunOptions {
  readonly config: Config;
  readonly version: string;
  /** What to tell people when it has started: lines for standard error. */
  readonly describe: (started: StartedGateway) => string;
}

/** Why the gateway did not start, for people. */
export class StartError extends Error {
  readonly code = 'START_FAILED';
}

const SYSTEM_FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'it is not an address of this machine',
  EISDIR: 'it is a directory',
  ENOENT: 'no such file or directory',
  ENOTFOUND: 'the name is not known',
};

/** Resolves with the exit code, when all is done. @throws ConfigError, StartError */
export async function runGateway({ config, version, describe }: RunOptions): Promise<number> {
  const processSink = openLineSink({ target: 'stderr', flushDelayMs: 0 });
  const logger = createProcessLog({ level: config.log.level, sink: processSink });
  const termination = new Termination(logger);
  let accessSink: LineSink | undefined;
  let demo: DemoUpstreams | undefined;
  try {
    const fields = accessLogFields(config.accessLog);
    accessSink = config.accessLog.enabled ? openAccessSink(config.accessLog, logger) : undefined;
    demo = config.demo ? await startDemo() : undefined;
    const accessLog = accessSink && createAccessLog({ fields, sink: accessSink });
    const settings = { ...config, adminToken: readToken(config.admin) };
    const gateway = new Gateway(settings, { logger, accessLog }, version, () => termination.ask());
    countDroppedLines(gateway, processSink, accessSink);
    process.on('SIGUSR1', () => {
      logger.info('reopening the access log');
      accessSink?.reopen();
    });
    const started = await Promise.race([startGateway(gateway, config), termination.asked]);
    // Asked to end before it was ready: nobody was told to send requests yet.
    if (started === 'terminate') return termination.exitCode;
    processSink.write(`${describe(started)}\n`);
    await termination.asked;
    await gateway.drain();
    logger.info('drained');
    return termination.exitCode;
  } finally {
    await demo?.close();
    await accessSink?.close();
    await processSink.close();
  }
}

function accessLogFields({ fields }: Config['accessLog']): readonly AccessLogField[] {
  if (fields === undefined) return DEFAULT_ACCESS_LOG_FIELDS;
  const isKnown = (field: string): field is AccessLogField => (ACCESS_LOG_FIELDS as readonly string[]).includes(field);
  const unknown = fields.find((field) => !isKnown(field));
  if (unknown === undefined) return fields.filter(isKnown);
  const message = `there is no field ${unknown}; there are ${ACCESS_LOG_FIELDS.join(', ')}`;
  throw new ConfigError([{ place: 'configuration', key: 'accessLog.fields', message }]);
}

function openAccessSink({ path }: Config['accessLog'], logger: Logger): LineSink {
  try {
    return openLineSink({
      target: path === undefined ? 'stdout' : { path },
      onError: (error) => logger.error({ err: error }, 'the access log can not be written; lines are dropped'),
    });
  } catch (error) {
    throw startError(`the access log ${path} can't be opened`, error);
  }
}

function readToken({ tokenFile }: Config['admin']): SecretText | undefined {
  if (tokenFile === undefined) return undefined;
  try {
    const token = readFileSync(tokenFile, 'utf8').trim();
    if (token !== '') return new SecretText(token);
  } catch (error) {
    throw startError(`the admin token can't be read from ${tokenFile}`, error);
  }
  throw new StartError(`the admin token in ${tokenFile} is empty`);
}

async function startDemo(): Promise<DemoUpstreams> {
  try {
    return await startDemoUpstreams();
  } catch (error) {
    const ports = DEMO_UPSTREAMS.map(({ port }) => port).join(' and ');
    throw startError(`the demo upstreams can't listen on ports ${ports}`, error);
  }
}

async function startGateway(gateway: Gateway, { admin }: Config): Promise<StartedGateway> {
  try {
    return await gateway.start();
  } catch (error) {
    const host = admin.host.includes(':') ? `[${admin.host}]` : admin.host;
    throw startError(`the admin API can't listen on ${host}:${admin.port}`, error, '; --admin chooses another address');
  }
}

function countDroppedLines({ metrics }: Gateway, processSink: LineSink, accessSink: LineSink | undefined): void {
  metrics.droppedLogLines.compute({ log: 'process' }, () => processSink.droppedLines);
  if (accessSink !== undefined) metrics.droppedLogLines.compute({ log: 'access' }, () => accessSink.droppedLines);
}

function startError(what: string, cause: unknown, advice = ''): StartError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  return new StartError(`${what}: ${SYSTEM_FAILURES[code] ?? message}${advice}`, { cause });
}
