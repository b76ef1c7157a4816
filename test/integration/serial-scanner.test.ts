import { rename, symlink } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openScanner } from '../../hardware/scanner/open-scanner.ts';
import { parseScannerSetting } from '../../hardware/scanner/scanner-setting.ts';
import type { Reading, Scanner } from '../../shared/ports.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { RecordingLog } from '../fakes/recording-log.ts';

const card = '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021';
const deadlineMs = 15_000;

let pair: PtyPair;
let stop: AbortController;

beforeEach(async () => {
  pair = await openPtyPair();
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await pair[Symbol.asyncDispose]();
});

async function openSerial(path = pair.kioskPath): Promise<Scanner> {
  const parsed = parseScannerSetting(`serial:${path}?baud=115200`);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return openScanner(parsed.value, {
    clock: systemClock,
    chance: systemChance,
    log: new RecordingLog(),
    input: Readable.from([]),
  });
}

/** What was read so far, as a list that grows; frames as their text. */
class Recording {
  readonly list: string[] = [];
  readonly ended: Promise<void>;

  /** @param eachMs how long the reader takes for each reading. */
  constructor(scanner: Scanner, signal: AbortSignal, eachMs = 0) {
    this.ended = this.#read(scanner, signal, eachMs);
  }

  /** Waits for so many readings. */
  until(count: number): Promise<readonly string[]> {
    return this.#wait(() => this.list.length >= count);
  }

  /** Waits until the last reading is this one, for the so-manieth time. */
  untilLast(text: string, times: number): Promise<readonly string[]> {
    return this.#wait(() => this.list.at(-1) === text && this.list.filter((other) => other === text).length === times);
  }

  async #wait(isThere: () => boolean): Promise<readonly string[]> {
    const late = AbortSignal.timeout(deadlineMs);
    while (!isThere()) {
      if (late.aborted) throw new Error(`only ${JSON.stringify(this.list.map((text) => text.slice(0, 80)))} was read`);
      await sleep(systemClock, 2);
    }
    return this.list;
  }

  async #read(scanner: Scanner, signal: AbortSignal, eachMs: number): Promise<void> {
    for await (const reading of scanner.readings(signal)) {
      this.list.push(describeReading(reading));
      if (eachMs > 0) await sleep(systemClock, eachMs, signal);
    }
  }
}

function describeReading(reading: Reading): string {
  switch (reading.type) {
    case 'frame':
      return reading.text;
    case 'discarded':
      return `${reading.reason} ${reading.bytes}`;
    case 'noise':
      return `noise ${reading.bytes}`;
    case 'found':
      return 'found';
    case 'lost':
      return `lost ${reading.fault.message}`;
  }
}

describe('a scanner on a real serial line', () => {
  it.each([
    ['CR', '\r'],
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['TAB', '\t'],
    ['ETX', '\u0003'],
  ])('has its codes read where %s ends them', async (_, end) => {
    const recording = new Recording(await openSerial(), stop.signal);
    await recording.until(1);
    await pair.write(`${card}${end}]Q1second${end}`);
    expect(await recording.until(3)).toEqual(['found', card, 'second']);
  });

  it('has its codes read where only silence ends them', async () => {
    const recording = new Recording(await openSerial(), stop.signal);
    await recording.until(1);
    for (let count = 2; count <= 4; count++) {
      await pair.write(card);
      await recording.until(count);
    }
    expect(recording.list).toEqual(['found', card, card, card]);
  });

  it('is read on after garbage and after a code that is far too long', async () => {
    const recording = new Recording(await openSerial(), stop.signal);
    await recording.until(1);
    await pair.write(Uint8Array.of(0, 0, 0, 0xff, 0xfe, 0x4e, 0x0d));
    await pair.write('x'.repeat(12_001));
    await pair.write(`\r${card}\r`);
    expect(await recording.until(5)).toEqual(['found', 'noise 3', 'undecodable 3', 'overlong 12001', card]);
  });

  it('loses no code and keeps their order while the reader is slow', async () => {
    const codes = Array.from({ length: 300 }, (_, index) => `${card}|${index}`);
    const recording = new Recording(await openSerial(), stop.signal, 3);
    await recording.until(1);
    await pair.write(codes.map((code) => `${code}\r\n`).join(''));
    expect(await recording.until(301)).toEqual(['found', ...codes]);
  });

  it('comes back by itself after it was pulled out in the middle of a code', async () => {
    const recording = new Recording(await openSerial(), stop.signal);
    await recording.until(1);
    await pair.write(`${card}\r00109901`);
    await recording.until(2);
    await pair.unplug();
    await pair.replug();
    await recording.untilLast('found', 2);
    await pair.write(`2345|\r${card}\r`);
    await recording.untilLast(card, 2);
    // The half code is noise, or an incomplete code where silence ended it before the plug was out; never glued to the rest.
    expect(recording.list.filter((text) => !/^(?:noise 8|00109901)$/.test(text))).toEqual([
      'found',
      card,
      expect.stringContaining('lost SCANNER_LOST'),
      'found',
      '2345|',
      card,
    ]);
  });

  it('is lost and found in each of three rounds of the plug', async () => {
    const recording = new Recording(await openSerial(), stop.signal);
    for (let round = 0; round < 3; round++) {
      await recording.until(round * 3 + 1);
      await pair.write(`${card}\r`);
      await recording.until(round * 3 + 2);
      await pair.unplug();
      await recording.until(round * 3 + 3);
      await pair.replug();
    }
    await recording.until(10);
    const round = [card, expect.stringContaining('lost'), 'found'];
    expect(recording.list).toEqual(['found', ...round, ...round, ...round]);
  });

  it('has what it sent before it was pulled out read to the end, though the reader is slow', async () => {
    // Short ones: the first chunk alone fills the queue, the rest waits in the paused port.
    const codes = Array.from({ length: 600 }, (_, index) => `code ${index}`);
    const recording = new Recording(await openSerial(), stop.signal, 2);
    await recording.until(1);
    await pair.write(codes.map((code) => `${code}\r`).join(''));
    await recording.until(100);
    await pair.unplug();
    expect(await recording.until(602)).toEqual(['found', ...codes, expect.stringContaining('lost SCANNER_LOST')]);
  });

  it('is waited for where it is plugged in only later', async () => {
    await pair.unplug();
    const recording = new Recording(await openSerial(), stop.signal);
    expect(await recording.until(1)).toEqual([expect.stringContaining('lost SCANNER_NOT_FOUND')]);
    await pair.replug();
    expect((await recording.until(2))[1]).toBe('found');
  });

  it('cannot be taken by a second kiosk, which is told so and gets it when the first has ended', async () => {
    const first = new Recording(await openSerial(), stop.signal);
    await first.until(1);
    const stopSecond = new AbortController();
    const second = new Recording(await openSerial(), stopSecond.signal);
    expect(await second.until(1)).toEqual([
      expect.stringMatching(/^lost SCANNER_OPEN_FAILED.*in use by another program/),
    ]);
    await pair.write(`${card}\r`);
    expect(await first.until(2)).toEqual(['found', card]);
    stop.abort();
    await first.ended;
    expect((await second.until(2))[1]).toBe('found');
    stopSecond.abort();
    await second.ended;
  });

  it('is no file that only has its place', async () => {
    const recording = new Recording(await openSerial(import.meta.filename), stop.signal);
    expect(await recording.until(1)).toEqual([expect.stringContaining('lost SCANNER_OPEN_FAILED')]);
  });

  it('is noticed when its path leads to another device, though the line says nothing', async () => {
    await using other = await openPtyPair();
    const link = `${pair.kioskPath}-by-id`;
    await symlink(pair.kioskPath, link);
    const recording = new Recording(await openSerial(link), stop.signal);
    await recording.until(1);
    await symlink(other.kioskPath, `${link}-new`);
    await rename(`${link}-new`, link);
    await recording.until(3);
    await other.write(`${card}\r`);
    expect(await recording.until(4)).toEqual(['found', expect.stringContaining('lost SCANNER_LOST'), 'found', card]);
  });

  it('is let go promptly at the end', async () => {
    const recording = new Recording(await openSerial(), stop.signal);
    await recording.until(1);
    const beganMs = systemClock.monotonicMs();
    stop.abort();
    await recording.ended;
    expect(systemClock.monotonicMs() - beganMs).toBeLessThan(1000);
    const next = new AbortController();
    const again = new Recording(await openSerial(), next.signal);
    expect(await again.until(1)).toEqual(['found']);
    next.abort();
    await again.ended;
  });
});
