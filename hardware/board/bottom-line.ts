/** The part of a `tty.WriteStream` that is used, so that a test can stand in for one. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly rows?: number;
  readonly columns?: number;
  write(text: string): boolean;
  on(event: 'resize' | 'error', listener: () => void): unknown;
  off(event: 'resize' | 'error', listener: () => void): unknown;
}

/** The bottom line of a terminal, kept free of everything else that is written there. */
export interface BottomLine extends Disposable {
  /** Replaces the line's text. Never throws. */
  draw(text: string): void;
}

/** A terminal with fewer rows has none to spare. */
const rowsMin = 4;

const saveCursor = '\u001b7';
const restoreCursor = '\u001b8';
const clearLine = '\u001b[2K';
const wholeScreenScrolls = '\u001b[r';

/**
 * Takes the bottom line of a terminal: the rows above it scroll, it stays. Logs, whichever process writes them, and what
 * a person types or pastes go on above, undisturbed; nobody has to know of the line. It is the way apt shows its progress (DECSTBM,
 * https://vt100.net/docs/vt510-rm/DECSTBM.html).
 *
 * Disposing gives the line back, and so does an exit without it. A process that is killed leaves it behind: `reset` mends the terminal.
 * @returns null where there is no terminal, or one too small.
 */
export function openBottomLine(stream: Terminal): BottomLine | null {
  if (stream.isTTY !== true || (stream.rows ?? 0) < rowsMin) return null;
  let open = true;
  let text = '';
  const rows = () => stream.rows ?? rowsMin;
  const draw = () => {
    if (open) stream.write(`${saveCursor}\u001b[${rows()};1H${clearLine}${text}${restoreCursor}`);
  };
  // Setting the region moves the cursor home, hence save and restore; the new line and the step up before it
  // bring a cursor that is on the bottom line itself into the region.
  const reserve = () => {
    stream.write(`\n${saveCursor}\u001b[1;${rows() - 1}r${restoreCursor}\u001b[1A`);
    draw();
  };
  /** The terminal is gone (its window was closed). What is to happen then is for the process to decide, not for the lights. */
  const fail = () => {
    open = false;
  };
  const close = () => {
    if (!open) return;
    stream.write(`${saveCursor}\u001b[${rows()};1H${clearLine}${wholeScreenScrolls}${restoreCursor}`);
    open = false;
  };
  stream.on('resize', reserve);
  stream.on('error', fail);
  process.on('exit', close); // a crash, whose stack trace then stands in a terminal that works
  reserve();
  return {
    draw(next) {
      if (next === text) return;
      text = next;
      draw();
    },
    [Symbol.dispose]() {
      close();
      stream.off('resize', reserve);
      stream.off('error', fail);
      process.off('exit', close);
    },
  };
}
