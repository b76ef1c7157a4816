import type { Log } from '../../shared/ports.ts';
import { isState, type Signal } from '../../shared/signal.ts';
import type { Light, OutputName } from '../indicator/signals.ts';
import { BoardIo } from './board-io.ts';
import { type BottomLine, openBottomLine, type Terminal } from './bottom-line.ts';

export interface TerminalBoardOptions {
  readonly stream: Terminal;
  /** False where the environment says NO_COLOR (https://no-color.org). */
  readonly color: boolean;
  readonly log: Log;
}

/** Taken for a terminal that does not say how wide it is. */
const columnsDefault = 80;

/** How much of the line the lights and the note of the buzzer take, with the space behind them. */
const lightsColumns = 14;

/** Background colours of SGR (ECMA-48 §8.3.117), with black letters on them. */
const colors: Readonly<Record<Light, string>> = { red: '30;41', yellow: '30;43', green: '30;42' };

/**
 * One line that shows the lights as they are: `(R)( )( )  ♪  REFUSED`. Position and letter say what colour says.
 * @param on whether an output is on.
 */
export function drawLights(on: (output: OutputName) => boolean, signal: Signal | null, color: boolean): string {
  const lamp = (light: Light) => {
    if (!on(light)) return '( )';
    const letter = `(${light.slice(0, 1).toUpperCase()})`;
    return color ? `\u001b[${colors[light]}m${letter}\u001b[0m` : letter;
  };
  const note = on('buzzer') ? '♪' : ' ';
  return `${lamp('red')}${lamp('yellow')}${lamp('green')}  ${note}  ${signal?.toUpperCase() ?? ''}`.trimEnd();
}

/**
 * The words that go with a signal, in what is left of the line: `: …` while it is said, ` (…)` as long as it still stands
 * there while the gate waits for the next person.
 */
export function describeNote(signal: Signal | null, note: string | null, columns: number): string {
  if (note === null || signal === null) return '';
  const room = columns - 1 - lightsColumns - signal.length;
  const words = isState(signal) ? ` (${note})` : `: ${note}`;
  return words.length <= room ? words : `${words.slice(0, Math.max(0, room - 1))}…`;
}

/**
 * A board for a machine without one: draws the lights in the bottom line of a terminal. Where the stream is no terminal
 * (a pipe, a file, a journal) it writes nothing at all; there the log tells what happens.
 */
export class TerminalBoard extends BoardIo {
  readonly #line: BottomLine | null;
  readonly #color: boolean;
  readonly #columns: () => number;
  #signal: Signal | null = null;
  #note: string | null = null;

  constructor({ stream, color, log }: TerminalBoardOptions) {
    super('terminal', log);
    this.#columns = () => stream.columns ?? columnsDefault;
    this.#color = color;
    this.#line = openBottomLine(stream);
    this.found();
    this.#draw();
  }

  override announce(signal: Signal | null, note: string | null): void {
    if (signal === this.#signal && note === this.#note) return;
    this.#signal = signal;
    this.#note = note;
    this.#draw();
  }

  protected async close(): Promise<void> {
    this.#line?.[Symbol.dispose]();
  }

  protected put(): void {
    this.#draw();
  }

  #draw(): void {
    if (this.#line === null) return;
    const lights = drawLights((output) => this.isOn(output), this.#signal, this.#color);
    this.#line.draw(`${lights}${describeNote(this.#signal, this.#note, this.#columns())}`);
  }
}
