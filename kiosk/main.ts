/** The kiosk's program, and the one place that knows both the gate and its devices. */
import { enableCompileCache } from 'node:module';
import { preferMemoryToSpeed } from '../shared/system/memory.ts';

// Everything else is loaded after these two lines: small, and compiled only once.
preferMemoryToSpeed();
enableCompileCache();

const [{ runProgram, exitCode }, { systemClock }, { asksForHelp, parseCommandLine, refuseArguments }] =
  await Promise.all([
    import('../shared/system/program.ts'),
    import('../shared/system/clock.ts'),
    import('../shared/command-line.ts'),
  ]);

const options = {
  clear: { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
} as const;

async function run(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (asksForHelp(args) || asksForHelp(args.slice(1))) return printHelp();
  const typed = parseCommandLine(args, { allowPositionals: true, options });
  if (typeof typed === 'string') return refuse(typed);
  const { clear, force } = typed.values;
  const [command = 'run', ...operands] = typed.positionals;
  if (operands.length > 0) return refuse(`${command} takes no names.`);
  if (clear && command !== 'read') return refuse('--clear belongs to read.');
  if (force && command !== 'reset') return refuse('--force belongs to reset.');
  switch (command) {
    case 'run':
      return serveGate(signal);
    case 'read':
      return readInput(clear, signal);
    case 'reset':
      return reset(force);
    default:
      return refuse(`There is no command ${JSON.stringify(command)}.`);
  }
}

function refuse(problem: string): number {
  return refuseArguments(problem, 'kiosk --', (text) => process.stderr.write(text));
}

async function printHelp(): Promise<number> {
  const [{ print }, { kioskHelp }] = await Promise.all([import('../shared/system/output.ts'), import('./help.ts')]);
  await print([kioskHelp]);
  return exitCode.ok;
}

async function serveGate(signal: AbortSignal): Promise<number> {
  const [{ createLog }, { systemChance }, { runKiosk }] = await Promise.all([
    import('../shared/system/log.ts'),
    import('../shared/system/chance.ts'),
    import('./run-kiosk.ts'),
  ]);
  const [{ parseScannerSetting }, { openScanner }, { parseBoardSetting }, { openBoard }, { createIndicator }] =
    await Promise.all([
      import('../hardware/scanner/scanner-setting.ts'),
      import('../hardware/scanner/open-scanner.ts'),
      import('../hardware/board/board-setting.ts'),
      import('../hardware/board/open-board.ts'),
      import('../hardware/indicator/five-indicator.ts'),
    ]);
  return runKiosk(
    {
      parsers: { scanner: parseScannerSetting, board: parseBoardSetting },
      openScanner: (setting, board, surroundings) => {
        const except = board.type === 'firmata' ? [board.path] : [];
        return openScanner(setting, { ...surroundings, input: process.stdin, except });
      },
      openIndicator: (setting, { clock, chance, log }) => {
        const color = !process.env.NO_COLOR;
        const io = openBoard(setting, { clock, chance, log, terminal: process.stdout, color });
        return createIndicator({ io, clock, log });
      },
    },
    process.env,
    (level) => createLog('kiosk', level),
    { clock: systemClock, chance: systemChance },
    signal,
  );
}

async function readInput(clear: boolean, signal: AbortSignal): Promise<number> {
  const [{ createLineScanner }, { print }, { readReadingConfig }, { createKnowledge }, { readKnownCards }, reading] =
    await Promise.all([
      import('../hardware/scanner/line-scanner.ts'),
      import('../shared/system/output.ts'),
      import('./config.ts'),
      import('./knowledge.ts'),
      import('./rules.ts'),
      import('./read-command.ts'),
    ]);
  // Who tries a scanner sees what day it is, so the clock is taken for right.
  const config = readReadingConfig(process.env);
  const cards = await readKnownCards(config.dataDir, reading.errorLog);
  const known = createKnowledge({ ...config, cards, clock: systemClock, timeSync: { boot: '', synced: () => true } });
  await print(reading.describeReadings(createLineScanner({ input: process.stdin }).readings(signal), known, { clear }));
  return exitCode.ok;
}

async function reset(force: boolean): Promise<number> {
  const [{ createLog }, { systemChance }, { print }, { readDataDir }, { resetKiosk }] = await Promise.all([
    import('../shared/system/log.ts'),
    import('../shared/system/chance.ts'),
    import('../shared/system/output.ts'),
    import('./config.ts'),
    import('./reset-command.ts'),
  ]);
  const log = createLog('kiosk', 'warn', process.stderr);
  const dataDir = readDataDir(process.env);
  await print([await resetKiosk({ dataDir, force, clock: systemClock, chance: systemChance, log })]);
  return exitCode.ok;
}

process.exit(await runProgram((signal) => run(process.argv.slice(2), signal)));
