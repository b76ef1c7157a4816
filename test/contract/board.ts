import Board from 'johnny-five/lib/board.js';
import Led from 'johnny-five/lib/led/led.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BoardIo } from '../../hardware/board/board-io.ts';
import { allOff, type Outputs, outputNames } from '../../hardware/indicator/signals.ts';

/** A board under test, and the world on its far side. */
export interface BoardBench extends AsyncDisposable {
  readonly io: BoardIo;
  /** Waits until the far side shows these outputs; rejects when it does not in good time. */
  waitFor(outputs: Outputs): Promise<void>;
  /** Absent where nothing can be pulled out. */
  unplug?(): Promise<void>;
  /** Plugs in what was pulled out, dark as a device is that just got power, and waits until the board works again. */
  replug?(): Promise<void>;
  /** Waits until the board says that it is lost. */
  waitForLoss?(): Promise<void>;
}

/** What every board owes to johnny-five and to the indicator. `pluggable`: the bench has `unplug`, `replug`, `waitForLoss`. */
export function describeBoard(name: string, openBench: () => Promise<BoardBench>, pluggable: boolean): void {
  describe(`${name} as a board`, () => {
    let bench: BoardBench;
    const pinOf = (output: keyof Outputs) => outputNames.indexOf(output);
    const write = (outputs: Outputs) => {
      for (const output of outputNames) bench.io.digitalWrite(pinOf(output), outputs[output] ? 1 : 0);
    };

    beforeEach(async () => {
      bench = await openBench();
    });

    afterEach(() => bench[Symbol.asyncDispose]());

    test('is an IO plugin whose pins are known and ready at once', async () => {
      expect(bench.io).toMatchObject({ isReady: true, HIGH: 1, LOW: 0, analogPins: [] });
      expect(Object.isFrozen(bench.io.MODES)).toBe(true);
      expect(bench.io.SERIAL_PORT_IDs).toBeDefined();
      expect(bench.io.pins.map((pin) => pin.analogChannel)).toEqual([127, 127, 127, 127]);
      const board = new Board({ io: bench.io, repl: false, debug: false, sigint: false });
      const events: string[] = [];
      for (const event of ['connect', 'ready']) board.on(event, () => events.push(event));
      await new Promise((resolve) => board.once('ready', resolve));
      expect(events).toEqual(['connect', 'ready']);
    });

    test("moves each output alone, through johnny-five's own Led", async () => {
      const board = new Board({ io: bench.io, repl: false, debug: false, sigint: false });
      for (const output of outputNames) {
        const led = new Led({ pin: pinOf(output), board });
        led.on();
        await bench.waitFor({ ...allOff, [output]: true });
        led.off();
        await bench.waitFor(allOff);
      }
    });

    test('is dark after it is disposed, and disposing twice or writing afterwards is harmless', async () => {
      write({ red: true, yellow: false, green: true, buzzer: true });
      await bench.waitFor({ red: true, yellow: false, green: true, buzzer: true });
      await bench.io[Symbol.asyncDispose]();
      await bench.io[Symbol.asyncDispose]();
      write({ red: true, yellow: true, green: true, buzzer: true });
      await bench.waitFor(allOff);
    });

    test('ignores pins that it does not have', () => {
      bench.io.digitalWrite(4, 1);
      bench.io.pinMode(99, 1);
      expect(bench.io.pins.map((pin) => pin.value)).toEqual([0, 0, 0, 0]);
    });

    if (!pluggable) return;

    test('remembers what is written while it is lost and puts it out when it is back', async () => {
      write({ red: true, yellow: false, green: false, buzzer: false });
      await bench.waitFor({ red: true, yellow: false, green: false, buzzer: false });
      await bench.unplug?.();
      write({ red: false, yellow: true, green: false, buzzer: false });
      await bench.waitForLoss?.();
      expect(bench.io.health).toBe('lost');
      await bench.replug?.();
      expect(bench.io.health).toBe('working');
      await bench.waitFor({ red: false, yellow: true, green: false, buzzer: false });
    });
  });
}
