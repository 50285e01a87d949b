// What the configuration says of the access log: which fields, and where the lines go.
import { ConfigError } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { ACCESS_LOG_FIELDS, DEFAULT_ACCESS_LOG_FIELDS } from '../observability/access-log.ts';
import type { AccessLogField } from '../observability/access-log.ts';
import { openLineSink } from '../observability/line-sink.ts';
import type { LineSink } from '../observability/line-sink.ts';
import type { LogFields } from '../observability/process-log.ts';
import { startError } from './start-error.ts';

/** @throws ConfigError */
export function accessLogFields({ fields }: Config['accessLog']): readonly AccessLogField[] {
  if (fields === undefined) return DEFAULT_ACCESS_LOG_FIELDS;
  const isKnown = (field: string): field is AccessLogField => (ACCESS_LOG_FIELDS as readonly string[]).includes(field);
  const unknown = fields.find((field) => !isKnown(field));
  if (unknown === undefined) return fields.filter(isKnown);
  const message = `there is no field ${unknown}; there are ${ACCESS_LOG_FIELDS.join(', ')}`;
  throw new ConfigError([{ place: 'configuration', key: 'accessLog.fields', message }]);
}

/** Undefined where requests are not logged. @throws StartError */
export function openAccessSink(
  { enabled, path }: Config['accessLog'],
  logger: { error(fields: LogFields, message: string): void },
): LineSink | undefined {
  if (!enabled) return undefined;
  try {
    return openLineSink({
      target: path === undefined ? 'stdout' : { path },
      onError: (error) => logger.error({ err: error }, 'the access log can not be written; lines are dropped'),
    });
  } catch (error) {
    throw startError(`the access log ${path} can't be opened`, error);
  }
}
