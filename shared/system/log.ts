import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Log } from '../ports.ts';

/**
 * Events as one JSON object a line; readable lines where `stream` is a terminal. Written synchronously, so that the
 * last line before a crash is there.
 * @param program `kiosk` or `gateway`, on every line.
 * @param level the lowest level that is written (`RAVAO_LOG_LEVEL`).
 */
export function createLog(
  program: string,
  level: 'debug' | 'info' | 'warn' | 'error',
  stream: NodeJS.WriteStream & { fd: 1 | 2 } = process.stdout,
): Log {
  const destination = stream.isTTY
    ? pretty({ destination: stream, sync: true, ignore: 'pid,hostname,program', messageFormat: '{program} {msg}' })
    : pino.destination({ fd: stream.fd, sync: true });
  const logger = pino({ level, base: { program }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    debug: (event, fields = {}) => logger.debug(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  };
}
