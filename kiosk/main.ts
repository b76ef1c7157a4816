/** The kiosk's program, and the one place that knows both the gate and its devices. */
import { enableCompileCache } from 'node:module';
import { preferMemoryToSpeed } from '../shared/system/memory.ts';

// Everything else is loaded after these two lines: small, and compiled only once.
preferMemoryToSpeed();
enableCompileCache();

const [{ runProgram, exitCode }, { createLog }, { systemClock }, { systemChance }, { runKiosk }] = await Promise.all([
  import('../shared/system/program.ts'),
  import('../shared/system/log.ts'),
  import('../shared/system/clock.ts'),
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

const help = `Ravao kiosk: reads codes, answers with lights and sound, and sends entries to the gateway.

  npm run -s kiosk             run until SIGTERM or Ctrl-C
  npm run -s kiosk -- help     this text

Settings come from the environment: RAVAO_DATA_DIR RAVAO_KIOSK_ID RAVAO_GATE RAVAO_DIRECTION RAVAO_GATEWAY_URL
RAVAO_CREDENTIALS RAVAO_SCANNER RAVAO_BOARD RAVAO_REPEAT_MS RAVAO_LOG_LEVEL. The README says what each means.
`;

async function run(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (args.length > 0) {
    const asked = args.length === 1 && ['help', '--help', '-h'].includes(args[0] ?? '');
    process[asked ? 'stdout' : 'stderr'].write(asked ? help : `A kiosk takes no arguments.\n\n${help}`);
    return asked ? exitCode.ok : exitCode.usage;
  }
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

process.exit(await runProgram((signal) => run(process.argv.slice(2), signal)));
