import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Chance, Clock, Log } from '../../shared/ports.ts';
import type { BoardIo } from './board-io.ts';
import type { BoardSetting } from './board-setting.ts';
import type { Terminal } from './bottom-line.ts';
import { FirmataBoard } from './firmata.ts';
import { GpioLeds, ledLabel, ledsRootDefault } from './gpio-leds.ts';
import { TerminalBoard } from './terminal.ts';

export interface BoardDeps {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
  /** Where the terminal board draws: standard output. */
  readonly terminal: Terminal;
  /** False where the environment says NO_COLOR. */
  readonly color: boolean;
  /** Where `auto` looks for LEDs; the kernel's own folder unless told otherwise. */
  readonly ledsRoot?: string;
}

/** Opens the board that a setting names. Returns at once and never throws: a board that is not there is waited for. */
export function openBoard(setting: BoardSetting, deps: BoardDeps): BoardIo {
  const { clock, chance, log, terminal, color, ledsRoot = ledsRootDefault } = deps;
  switch (setting.type) {
    case 'auto':
      return existsSync(join(ledsRoot, ledLabel('green')))
        ? openBoard({ type: 'gpio-leds', root: ledsRoot }, deps)
        : openBoard({ type: 'terminal' }, deps);
    case 'terminal':
      return new TerminalBoard({ stream: terminal, color, log });
    case 'gpio-leds':
      return new GpioLeds({ root: setting.root, clock, chance, log });
    case 'firmata':
      return new FirmataBoard({ path: setting.path, pins: setting.pins, clock, chance, log });
  }
}
