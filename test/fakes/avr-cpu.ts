/**
 * An Arduino Uno as a process: avr8js runs the firmware whose hex file is the first argument. Standard input and output
 * are its serial line, byte by byte; over the IPC channel it reports each change of its digital pins 0 to 13, and takes
 * the message `reset` for its reset button.
 */
import { readFileSync } from 'node:fs';
import {
  AVRIOPort,
  AVRTimer,
  AVRUSART,
  avrInstruction,
  CPU,
  PinState,
  portBConfig,
  portDConfig,
  timer0Config,
  timer1Config,
  timer2Config,
  usart0Config,
} from 'avr8js';
import { systemClock } from '../../shared/system/clock.ts';

/** Hertz of an Uno's crystal. */
const crystalHz = 16_000_000;

/** Bytes of the flash memory of an ATmega328P. */
const flashBytes = 32_768;

/** The processor runs in slices of this many milliseconds, so that bytes come and go in between. */
const sliceMs = 2;

/** A processor that was starved does not catch up more than this, in milliseconds. */
const behindMsMax = 50;

/** Bytes that wait for the serial line. */
const waitingBytesMax = 65_536;

/** What the process reports: the digital pins that are outputs and high. */
export interface PinReport {
  readonly high: readonly number[];
  readonly atMs: number;
}

/** Reads the data records of an Intel HEX file into the words of flash memory. */
function readHex(path: string): Uint16Array {
  const flash = new Uint8Array(flashBytes);
  for (const line of readFileSync(path, 'ascii').split(/\r?\n/)) {
    if (!line.startsWith(':') || line.slice(7, 9) !== '00') continue;
    const bytes = Buffer.from(line.slice(1), 'hex');
    flash.set(bytes.subarray(4, -1), bytes.readUInt16BE(1));
  }
  return new Uint16Array(flash.buffer);
}

/** An Uno that has just got power. */
function powerUp(program: Uint16Array) {
  const cpu = new CPU(program.slice());
  for (const config of [timer0Config, timer1Config, timer2Config]) new AVRTimer(cpu, config);
  const usart = new AVRUSART(cpu, usart0Config, crystalHz);
  usart.onByteTransmit = (byte) => void process.stdout.write(Uint8Array.of(byte));
  const ports = [new AVRIOPort(cpu, portDConfig), new AVRIOPort(cpu, portBConfig)];
  for (const port of ports) port.addListener(report);
  return { cpu, usart, ports };
}

const flash = readHex(process.argv[2] ?? '');
const waiting: number[] = [];
let reported = '';
let uno = powerUp(flash);

process.stdin.on('data', (bytes: Buffer) => {
  if (waiting.length + bytes.length <= waitingBytesMax) waiting.push(...bytes);
});
process.on('message', (message) => {
  if (message !== 'reset') return;
  waiting.length = 0;
  uno = powerUp(flash);
  report();
});
process.on('disconnect', () => process.stdin.destroy());

function report(): void {
  const high = uno.ports.flatMap((port, index) =>
    Array.from({ length: 8 }, (_, bit) => ({ pin: index * 8 + bit, state: port.pinState(bit) }))
      .filter(({ state }) => state === PinState.High)
      .map(({ pin }) => pin),
  );
  if (high.join() === reported) return;
  reported = high.join();
  process.send?.({ high, atMs: systemClock.monotonicMs() } satisfies PinReport);
}

let ranUntilMs = systemClock.monotonicMs();
function runSlice(): void {
  const nowMs = systemClock.monotonicMs();
  ranUntilMs = Math.max(ranUntilMs, nowMs - behindMsMax);
  const { cpu, usart } = uno;
  const untilCycles = cpu.cycles + ((nowMs - ranUntilMs) * crystalHz) / 1000;
  ranUntilMs = nowMs;
  while (cpu.cycles < untilCycles) {
    for (let step = 0; step < 64; step++) {
      avrInstruction(cpu);
      cpu.tick();
    }
    const byte = waiting[0];
    if (byte !== undefined && !usart.rxBusy && usart.rxEnable && usart.writeByte(byte)) waiting.shift();
  }
  if (process.connected) systemClock.after(sliceMs, runSlice);
}
runSlice();
