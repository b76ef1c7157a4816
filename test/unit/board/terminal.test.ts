import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { openBottomLine, type Terminal } from '../../../hardware/board/bottom-line.ts';
import { describeNote, drawLights, TerminalBoard } from '../../../hardware/board/terminal.ts';
import { createIndicator } from '../../../hardware/indicator/five-indicator.ts';
import { allOff, type Outputs } from '../../../hardware/indicator/signals.ts';
import { refusalTexts } from '../../../shared/code/refusal-texts.ts';
import { describeBoard } from '../../contract/board.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

/** A terminal of 24 rows that keeps what is written. */
class FakeTerminal extends EventEmitter implements Terminal {
  readonly isTTY: boolean;
  rows: number;
  written = '';

  constructor(isTTY = true, rows = 24) {
    super();
    this.isTTY = isTTY;
    this.rows = rows;
  }

  write(text: string): boolean {
    this.written += text;
    return true;
  }

  /** What stands in the bottom line. */
  get bottomLine(): string {
    const at = this.written.lastIndexOf('\u001b[2K');
    return this.written.slice(at + 4).split('\u001b')[0] ?? '';
  }
}

async function openBench() {
  const terminal = new FakeTerminal();
  const io = new TerminalBoard({ stream: terminal, color: false, log: new RecordingLog() });
  return {
    io,
    async waitFor(outputs: Outputs) {
      const dark = terminal.bottomLine === '' && Object.values(outputs).every((on) => !on);
      if (!dark) expect(terminal.bottomLine).toBe(drawLights((output) => outputs[output], null, false));
    },
    [Symbol.asyncDispose]: () => io[Symbol.asyncDispose](),
  };
}

describeBoard('a terminal', openBench, false);

describe('the lights in a terminal', () => {
  const clock = new VirtualClock();
  const open = (terminal: Terminal, color = false) =>
    createIndicator({
      io: new TerminalBoard({ stream: terminal, color, log: new RecordingLog() }),
      clock,
      log: new RecordingLog(),
    });

  test('say by position, letter and word what they say by colour', () => {
    const lit = (on: Partial<Outputs>) => (output: keyof Outputs) => ({ ...allOff, ...on })[output];
    expect(drawLights(lit({ red: true, buzzer: true }), 'refused', false)).toBe('(R)( )( )  ♪  REFUSED');
    expect(drawLights(lit({ yellow: true }), 'ready', false)).toBe('( )(Y)( )     READY');
    expect(drawLights(lit({ green: true }), 'admitted', true)).toBe('( )( )\u001b[30;42m(G)\u001b[0m     ADMITTED');
    expect(drawLights(lit({}), null, true)).toBe('( )( )( )');
  });

  test('are drawn the moment a scan is heard', async () => {
    const terminal = new FakeTerminal();
    await using indicator = open(terminal);
    indicator.show('ready');
    indicator.show('heard');
    expect(terminal.bottomLine).toBe('( )(Y)( )     HEARD');
    indicator.show('admitted');
    expect(terminal.bottomLine).toBe('( )( )(G)  ♪  ADMITTED');
  });

  test('say why somebody is refused, and leave it to be read until the next scan', async () => {
    const terminal = new FakeTerminal();
    await using indicator = open(terminal);
    indicator.show('ready');
    indicator.show('heard');
    indicator.show('refused', 'Đây là mã Wi-Fi. Xin đưa CCCD.');
    expect(terminal.bottomLine).toBe('(R)( )( )  ♪  REFUSED: Đây là mã Wi-Fi. Xin đưa CCCD.');
    await clock.advance(1_000);
    indicator.show('refused', 'Mã trống. Xin quét lại.');
    expect(terminal.bottomLine).toBe('(R)( )( )  ♪  REFUSED: Mã trống. Xin quét lại.');
    await clock.advance(3_600_000);
    expect(terminal.bottomLine.slice(14)).toBe('READY (Mã trống. Xin quét lại.)');
    indicator.show('heard');
    expect(terminal.bottomLine).toBe('( )(Y)( )     HEARD');
    indicator.show('admitted');
    expect(terminal.bottomLine).toBe('( )( )(G)  ♪  ADMITTED');
  });

  test('leave no words of an older scan beside a new state', async () => {
    const terminal = new FakeTerminal();
    await using indicator = open(terminal);
    indicator.show('offline');
    indicator.show('refused', 'Mã trống. Xin quét lại.');
    indicator.show('fault');
    expect(terminal.bottomLine).toBe('(R)( )( )  ♪  REFUSED: Mã trống. Xin quét lại.');
    await clock.advance(5_000);
    expect(terminal.bottomLine.slice(14)).toBe('FAULT');
    indicator.show('ready');
    await clock.advance(5_000);
    expect(terminal.bottomLine.slice(14)).toBe('READY');
    indicator.show('refused', 'Mã trống. Xin quét lại.');
    await clock.advance(5_000);
    expect(terminal.bottomLine.slice(14)).toBe('READY (Mã trống. Xin quét lại.)');
    indicator.show('offline');
    expect(terminal.bottomLine.slice(14)).toBe('OFFLINE');
  });

  test('have room in a line of 80 columns for every reason, and cut it in a narrower one', () => {
    const longest = Object.values(refusalTexts)
      .map(({ vi }) => vi)
      .reduce((one, other) => (one.length > other.length ? one : other));
    for (const signal of ['refused', 'ready', 'fault'] as const) {
      const words = describeNote(signal, longest, 80);
      expect(words).toContain(longest);
      expect(14 + signal.length + words.length).toBeLessThan(80);
    }
    expect(14 + 'refused'.length + describeNote('refused', longest, 40).length).toBe(39);
    expect(describeNote('refused', longest, 10).length).toBeLessThanOrEqual(1);
    expect(describeNote('ready', null, 80)).toBe('');
  });

  test('blink in the bottom line and put the cursor back, so that logs and typing go on above', async () => {
    const terminal = new FakeTerminal();
    await using indicator = open(terminal);
    expect(terminal.written).toContain('\u001b[1;23r');
    indicator.show('ready');
    terminal.written = '';
    await clock.advance(6000);
    expect(terminal.written.split('\u001b7\u001b[24;1H\u001b[2K')).toHaveLength(5);
    expect(terminal.written.split('\u001b8')).toHaveLength(5);
    expect(terminal.written).not.toContain('\n');
  });

  test('move with the bottom line when the window changes its size', async () => {
    const terminal = new FakeTerminal();
    await using indicator = open(terminal);
    indicator.show('enrolling');
    terminal.rows = 40;
    terminal.written = '';
    terminal.emit('resize');
    expect(terminal.written).toContain('\u001b[1;39r');
    expect(terminal.written).toContain('\u001b[40;1H\u001b[2K(R)( )( )     ENROLLING');
  });

  test('give the line back at the end, once, and listen to the terminal no more', async () => {
    const terminal = new FakeTerminal();
    const indicator = open(terminal);
    indicator.show('fault');
    await indicator[Symbol.asyncDispose]();
    await indicator[Symbol.asyncDispose]();
    expect(terminal.written.split('\u001b[r')).toHaveLength(2);
    expect(terminal.listenerCount('resize') + terminal.listenerCount('error')).toBe(0);
    terminal.written = '';
    await clock.advance(60_000);
    expect(terminal.written).toBe('');
  });

  test('give the line back when the process ends without a clean stop', () => {
    const terminal = new FakeTerminal();
    const listenersBefore = process.listeners('exit');
    const line = openBottomLine(terminal);
    for (const listener of process.listeners('exit')) if (!listenersBefore.includes(listener)) listener(1);
    expect(terminal.written).toContain('\u001b[r');
    line?.[Symbol.dispose]();
    expect(terminal.written.split('\u001b[r')).toHaveLength(2);
    expect(process.listeners('exit')).toEqual(listenersBefore);
  });

  test('write nothing into a pipe, nor into a terminal with no line to spare', async () => {
    for (const terminal of [new FakeTerminal(false), new FakeTerminal(true, 3), new FakeTerminal(true, 0)]) {
      await using indicator = open(terminal);
      indicator.show('admitted');
      await clock.advance(5000);
      expect(terminal.written).toBe('');
      expect(indicator.board).toBe('working');
    }
  });

  test('stop drawing when the terminal is gone', async () => {
    const terminal = new FakeTerminal();
    await using indicator = open(terminal);
    terminal.emit('error', new Error('EIO'));
    terminal.written = '';
    indicator.show('admitted');
    expect(terminal.written).toBe('');
  });
});
