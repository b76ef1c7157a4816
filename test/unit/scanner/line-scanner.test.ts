import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { frameBytesMax } from '../../../hardware/scanner/framer.ts';
import { createLineScanner } from '../../../hardware/scanner/line-scanner.ts';
import type { Reading } from '../../../shared/ports.ts';
import { settle } from '../../fakes/virtual-clock.ts';

const found: Reading = { type: 'found', device: 'stdin' };

function frame(text: string): Reading {
  return { type: 'frame', text, aim: null };
}

async function readAll(input: Readable, signal = new AbortController().signal): Promise<Reading[]> {
  const readings: Reading[] = [];
  for await (const reading of createLineScanner({ input }).readings(signal)) readings.push(reading);
  return readings;
}

describe('lines from standard input', () => {
  it('are frames, each once and in order, however they are cut', async () => {
    const input = Readable.from(['on', 'e\ntwo\r', '\nNguy', 'ễn\n\n', 'last'].map((text) => Buffer.from(text)));
    expect(await readAll(input)).toEqual([found, frame('one'), frame('two'), frame('Nguyễn'), frame('last')]);
  });

  it('may come as strings', async () => {
    expect(await readAll(Readable.from(['Nguyễn Văn A\n']))).toEqual([found, frame('Nguyễn Văn A')]);
  });

  it('keep their TABs', async () => {
    expect(await readAll(Readable.from([Buffer.from('a\tb\n')]))).toEqual([found, frame('a\tb')]);
  });

  it('end at once where the input is empty, as under a service manager', async () => {
    expect(await readAll(Readable.from([]))).toEqual([found]);
  });

  it('end at once where the input had ended before', async () => {
    const input = new PassThrough();
    input.resume().end();
    await once(input, 'end');
    expect(await readAll(input)).toEqual([found]);
  });

  it('end where the input fails, with the last line complete', async () => {
    const input = new PassThrough();
    input.write('begun');
    const all = readAll(input);
    await settle();
    input.destroy(Object.assign(new Error('read EIO'), { code: 'EIO' }));
    expect(await all).toEqual([found, frame('begun')]);
  });

  it('that are too long are discarded, and the next one is read', async () => {
    const input = Readable.from([Buffer.alloc(frameBytesMax + 1, 0x41), Buffer.from('\nok\n')]);
    expect(await readAll(input)).toMatchObject([found, { reason: 'overlong', bytes: frameBytesMax + 1 }, frame('ok')]);
  });

  it('end promptly when told to stop, while waiting', async () => {
    const input = new PassThrough();
    const stop = new AbortController();
    const all = readAll(input, stop.signal);
    input.write('one\nhalf');
    await settle();
    stop.abort();
    expect(await all).toEqual([found, frame('one')]);
    expect(input.destroyed).toBe(false);
    expect(input.listenerCount('readable') + input.listenerCount('end') + input.listenerCount('error')).toBe(0);
  });

  it('are not given out any more once told to stop', async () => {
    const stop = new AbortController();
    const readings: Reading[] = [];
    for await (const reading of createLineScanner({ input: Readable.from(['1\n2\n3\n']) }).readings(stop.signal)) {
      readings.push(reading);
      if (reading.type === 'frame') stop.abort();
    }
    expect(readings).toEqual([found, frame('1')]);
  });

  it('wait in the input while the reader is slow', async () => {
    let made = 0;
    const input = new Readable({
      highWaterMark: 1024,
      read() {
        made++;
        this.push(made > 5000 ? null : `${String(made).padStart(99, '0')}\n`);
      },
    });
    const readings = createLineScanner({ input }).readings(new AbortController().signal)[Symbol.asyncIterator]();
    await readings.next();
    await readings.next();
    await settle(20);
    expect(made).toBeLessThan(50);
    let last = 1;
    for (let next = await readings.next(); next.done !== true; next = await readings.next()) {
      last++;
      expect(next.value).toEqual(frame(String(last).padStart(99, '0')));
    }
    expect(last).toBe(5000);
  });

  it('do not keep a process alive that has stopped reading them', async () => {
    const script = `
      import { createLineScanner } from './hardware/scanner/line-scanner.ts';
      const stop = new AbortController();
      for await (const reading of createLineScanner({ input: process.stdin }).readings(stop.signal)) {
        if (reading.type === 'frame') stop.abort();
      }
    `;
    // The pipe stays open: only the scanner's own letting go can end the process.
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: 'pipe' });
    child.stdin.write('one\n');
    const [code] = await once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
    expect(code).toBe(0);
  });
});
