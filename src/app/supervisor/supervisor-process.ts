// Process 1 of a gateway of several. An entry point: `sluice run` becomes it. It loads no package, and no part of the gateway but its own.
import { openLineSink } from '../../observability/line-sink.ts';
import { openAccessSink } from '../access-log-output.ts';
import { takeLaunch } from './launch.ts';
import { PlainLog } from './plain-log.ts';
import { runSupervisor } from './run-supervisor.ts';

// Node's debugger would open a port on SIGUSR1 unless somebody else listens.
process.on('SIGUSR1', () => {});
process.title = 'sluice supervisor';

const { launch, isSuccessor } = takeLaunch();
const processSink = openLineSink({ target: 'stderr', flushDelayMs: 0 });
const log = new PlainLog(processSink, launch.config.log.level);
try {
  const accessSink = openAccessSink(launch.config.accessLog, log);
  process.exit(await runSupervisor({ launch, isSuccessor, accessSink, processSink, log }));
} catch (error) {
  processSink.write(`sluice: ${(error as Error).message}\n`);
  await processSink.close();
  process.exit(1);
}
