// A gateway as one process: opens the logs, starts everything in order, and lives until a signal, the admin API or a defect ends it.
import type { Config } from '../config/config.ts';
import { createAccessLog } from '../observability/access-log.ts';
import { openLineSink } from '../observability/line-sink.ts';
import type { LineSink } from '../observability/line-sink.ts';
import { createProcessLog } from '../observability/process-log.ts';
import { accessLogFields, openAccessSink } from './access-log-output.ts';
import { readAdminToken } from './admin-token.ts';
import type { StartedGateway } from './control/control-plane.ts';
import { startDemoUpstreams } from './demo-upstreams.ts';
import type { DemoUpstreams } from './demo-upstreams.ts';
import { Gateway } from './gateway.ts';
import { Termination } from './termination.ts';

export interface RunOptions {
  readonly config: Config;
  readonly version: string;
  /** What to tell people when it has started: lines for standard error. */
  readonly describe: (started: StartedGateway) => string;
}

/** Resolves with the exit code, when all is done. @throws ConfigError, StartError */
export async function runGateway({ config, version, describe }: RunOptions): Promise<number> {
  const processSink = openLineSink({ target: 'stderr', flushDelayMs: 0 });
  const logger = createProcessLog({ level: config.log.level, sink: processSink });
  const termination = new Termination(logger);
  let accessSink: LineSink | undefined;
  let demo: DemoUpstreams | undefined;
  try {
    const fields = accessLogFields(config.accessLog);
    accessSink = openAccessSink(config.accessLog, logger);
    demo = config.demo ? await startDemoUpstreams() : undefined;
    const accessLog = accessSink && createAccessLog({ fields, sink: accessSink });
    const settings = { ...config, adminToken: readAdminToken(config.admin) };
    const gateway = new Gateway(settings, { logger, accessLog }, version, () => termination.ask());
    countDroppedLines(gateway, processSink, accessSink);
    process.on('SIGUSR1', () => {
      logger.info('reopening the access log');
      accessSink?.reopen();
    });
    const started = await Promise.race([gateway.start(), termination.asked]);
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

function countDroppedLines({ metrics }: Gateway, processSink: LineSink, accessSink: LineSink | undefined): void {
  metrics.droppedLogLines.compute({ log: 'process' }, () => processSink.droppedLines);
  if (accessSink !== undefined) metrics.droppedLogLines.compute({ log: 'access' }, () => accessSink.droppedLines);
}
