import type { Log } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';
import type { Light, OutputName } from '../indicator/signals.ts';
import { BoardIo } from './board-io.ts';
import { type BottomLine, openBottomLine, type Terminal } from './bottom-line.ts';

export interface TerminalBoardOptions {
  readonly stream: Terminal;
  /** False where the environment says NO_COLOR (https://no-color.org). */
  readonly color: boolean;
  readonly log: Log;
}

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
 * A board for a machine without one: draws the lights in the bottom line of a terminal. Where the stream is no terminal
 * (a pipe, a file, a journal) it writes nothing at all; there the log tells what happens.
 */
export class TerminalBoard extends BoardIo {
  readonly #line: BottomLine | null;
  readonly #color: boolean;
  #signal: Signal | null = null;

  constructor({ stream, color, log }: TerminalBoardOptions) {
    super('terminal', log);
    this.#color = color;
    this.#line = openBottomLine(stream);
    this.found();
    this.#draw();
  }

  override announce(signal: Signal | null): void {
    if (signal === this.#signal) return;
    this.#signal = signal;
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
    this.#line.draw(drawLights((output) => this.isOn(output), this.#signal, this.#color));
  }
}
