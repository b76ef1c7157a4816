import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Log } from '../ports.ts';

/**
 * Events as one JSON object a line; readable lines where `destination` is a terminal. Written synchronously, so that
 * the last line before a crash is there.
 * @param program `kiosk` or `gateway`, on every line.
 * @param level the lowest level that is written (`RAVAO_LOG_LEVEL`).
 */
export function createLog(
  program: string,
  level: 'debug' | 'info' | 'warn' | 'error',
  destination: typeof process.stdout | typeof process.stderr = process.stdout,
): Log {
  const stream = destination.isTTY ? readable(destination) : pino.destination({ fd: destination.fd, sync: true });
  const logger = pino(
    {
      level,
      base: { program },
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    debug: (event, fields = {}) => logger.debug(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  };
}

function readable(destination: NodeJS.WriteStream) {
  return pretty({
    destination,
    sync: true,
    colorize: !process.env.NO_COLOR,
    messageKey: 'event',
    messageFormat: '{program} {event}',
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'program',
    singleLine: true,
    errorLikeObjectKeys: [],
  });
}
