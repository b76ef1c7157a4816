/** A QR code in letters, for a terminal. */
import { quietModules } from '../cards/qr-matrix.ts';

/** Black on white whatever the terminal's own colours are (SGR, ECMA-48 §8.3.117, with the usual 256 colours). */
const blackOnWhite = '\u001b[38;5;16;48;5;231m';
const plain = '\u001b[0m';

/**
 * Draws a code with its quiet zone, two rows of modules a line, since a terminal's cell is about twice as high as wide.
 * @param color false where the environment says NO_COLOR: then the letters are what is light, for a dark terminal.
 */
export function drawInTerminal(modules: readonly (readonly boolean[])[], color: boolean): string {
  const side = modules.length + 2 * quietModules;
  const inked = (x: number, y: number) => {
    const dark = modules[y - quietModules]?.[x - quietModules] ?? false;
    return y < side && dark === color;
  };
  const lines: string[] = [];
  for (let y = 0; y < side; y += 2) {
    let line = '';
    for (let x = 0; x < side; x++) line += blockOf(inked(x, y), inked(x, y + 1));
    lines.push(color ? `${blackOnWhite}${line}${plain}` : line);
  }
  return `${lines.join('\n')}\n`;
}

function blockOf(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}
