// The process of a worker: nothing but the data plane. An entry point: the supervisor forks it.
import { enableLinearRegExp } from '../../lib/linear-regexp.ts';
import { createAccessLog } from '../../observability/access-log.ts';
import { openLineSink } from '../../observability/line-sink.ts';
import { Metrics } from '../../observability/metric-names.ts';
import { createProcessLog } from '../../observability/process-log.ts';
import { startProcessMetrics } from '../../observability/process-metrics.ts';
import { accessLogFields } from '../access-log-output.ts';
import { shareOfLimits, shareOfOverload } from '../control/worker-shares.ts';
import { EngineReceiver } from '../ir-channel.ts';
import { SupervisedProcess } from '../supervised-process.ts';
import { socketName } from '../supervisor/supervisor-message.ts';
import type { FromWorker, StartMessage, ToWorker } from '../supervisor/supervisor-message.ts';
import { ControlClient } from './control-client.ts';
import { createDataPlane } from './data-plane.ts';

/** After a defect, for what is in flight: another worker is to take its place soon. */
const DEFECT_GRACE_MS = 5_000;

interface Worker {
  startDraining(): void;
  stopAccepting(): void;
  drain(graceMs: number): void;
}

let worker: Worker | undefined;
const supervised = new SupervisedProcess<ToWorker, FromWorker>((message) => {
  if (message.type === 'start') worker = startWorker(message);
  else if (message.type === 'startDraining') worker?.startDraining();
  else if (message.type === 'stopAccepting') worker?.stopAccepting();
  else if (message.type === 'drain') worker?.drain(message.graceMs);
});

function startWorker({ id, config, socketPath }: StartMessage): Worker {
  // Routes may hold regular expressions from users; from here on none can run for long.
  enableLinearRegExp();
  const processSink = openLineSink({ target: 'stderr', flushDelayMs: 0 });
  const logger = createProcessLog({ level: config.log.level, sink: processSink }).child({ process: id });
  const accessSink = config.accessLog.enabled ? openLineSink({ target: 'stdout' }) : undefined;
  const accessLog = accessSink && createAccessLog({ fields: accessLogFields(config.accessLog), sink: accessSink });
  const metrics = new Metrics();
  startProcessMetrics(metrics);
  metrics.droppedLogLines.compute({ log: 'process' }, () => processSink.droppedLines);
  if (accessSink !== undefined) metrics.droppedLogLines.compute({ log: 'access' }, () => accessSink.droppedLines);
  const engine = createDataPlane({
    settings: {
      limits: shareOfLimits(config),
      timeouts: config.timeouts,
      overload: shareOfOverload(config.workers),
    },
    metrics,
    logs: { logger, accessLog },
    openListener: async (server, address, port) => void (await supervised.listen(server, address, port)),
  });
  const client = new ControlClient({
    id,
    socketPath,
    receiver: new EngineReceiver(engine),
    registry: metrics.registry,
    onApplied: () => {
      // Datagrams come through sockets of its own.
      const shared = engine.addresses().filter(({ key }) => !key.endsWith('/udp'));
      const sockets = shared.map(({ address, port }) => socketName(address, port));
      supervised.send({ type: 'listening', sockets });
    },
  });
  const drain = async (graceMs: number, exitCode: number): Promise<void> => {
    client.retire();
    await engine.drain(graceMs);
    await client.close();
    await accessSink?.close();
    await processSink.close();
    process.exit(exitCode);
  };
  process.on('uncaughtException', (error, origin) => {
    logger.fatal({ err: error, origin }, 'defect; draining, then exiting with 1');
    void drain(DEFECT_GRACE_MS, 1);
  });
  return {
    startDraining: () => engine.startDraining(),
    stopAccepting: () => {
      client.retire();
      void engine.stopAccepting();
    },
    drain: (graceMs) => void drain(graceMs, 0),
  };
}
