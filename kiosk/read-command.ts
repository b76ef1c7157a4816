/**
 * What a kiosk understands of what a scanner sends, for whoever installs one: `read` prints a JSON line for each frame.
 * Names and numbers are masked unless they are asked for, since people try it with the card they have at hand.
 */
import type { Code, ControlCode } from '../shared/code/code.ts';
import type { Known } from '../shared/code/known.ts';
import { normalName } from '../shared/code/name.ts';
import { readScan } from '../shared/code/read-code.ts';
import { type RefusalReason, refusalTexts } from '../shared/code/refusal-texts.ts';
import { controlTexts } from '../shared/control-texts.ts';
import type { Log, Reading } from '../shared/ports.ts';
import { refusalOfDiscarded } from './kiosk.ts';

/** Warnings for whoever types the command; what it prints is for a program to read. */
export const errorLog: Log = {
  debug: () => {},
  info: () => {},
  warn: complain,
  error: complain,
};

function complain(event: string, fields: Record<string, unknown> = {}): void {
  process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
}

/** How many characters of a number stay readable: enough to tell one's own from another's. */
const clearCharsMax = 3;

/** A JSON line for each frame that was read or had to be discarded; what lies between frames is passed over. */
export async function* describeReadings(
  readings: AsyncIterable<Reading>,
  known: () => Known,
  { clear }: { readonly clear: boolean },
): AsyncGenerator<string> {
  for await (const reading of readings) {
    const described = describeReading(reading, known, clear);
    if (described !== null) yield `${JSON.stringify(described)}\n`;
  }
}

function describeReading(reading: Reading, known: () => Known, clear: boolean): object | null {
  if (reading.type === 'discarded')
    return describeRefusal(refusalOfDiscarded[reading.reason], { bytes: reading.bytes });
  if (reading.type !== 'frame') return null;
  const code = readScan(reading.text, known());
  const aim = reading.aim === null ? {} : { aim: reading.aim };
  switch (code.type) {
    case 'code':
      return describeCode(code, clear, aim);
    case 'control':
      return describeControl(code, aim);
    case 'unknown':
      return describeRefusal(code.reason, { ...(code.control && { control: code.control }), ...aim });
  }
}

function describeCode(code: Code, clear: boolean, sent: object): object {
  const { kind, verified, warnings, identity, expires, extras } = code;
  const { name, number, phone, ...rest } = identity;
  const mask = clear ? (text: string) => text : maskNumber;
  return {
    kind,
    verified,
    warnings,
    ...(number === undefined ? {} : { number: mask(number) }),
    ...(name === undefined ? {} : clear ? { name, normalName: normalName(name) } : { name: maskName(name) }),
    ...rest,
    ...(phone === undefined ? {} : { phone: mask(phone) }),
    ...(expires === undefined ? {} : { expires }),
    ...(extras.length === 0 ? {} : { extras: clear ? extras : extras.map(() => '***') }),
    ...sent,
  };
}

/** What the card would do at this kiosk; nothing of it is done. */
function describeControl({ action, card, scoped, warnings }: ControlCode, sent: object): object {
  const { vi, en } = controlTexts[action];
  return { control: { card, action }, scoped, warnings, vi, en, ...sent };
}

function describeRefusal(refused: RefusalReason, sent: object): object {
  return { refused, ...refusalTexts[refused], ...sent };
}

/** The first letter of each word, and nothing of how long it is. */
function maskName(name: string): string {
  return name
    .split(' ')
    .map((word) => `${Array.from(word)[0] ?? ''}***`)
    .join(' ');
}

function maskNumber(number: string): string {
  const clearChars = number.length > 2 * clearCharsMax ? clearCharsMax : 0;
  return '*'.repeat(number.length - clearChars) + number.slice(number.length - clearChars);
}
