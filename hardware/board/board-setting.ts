/** `RAVAO_BOARD`: which board the lights are on. Pure. */
import { type OutputName, outputNames } from '../indicator/signals.ts';

/** The Arduino's pin of each output. */
export type FirmataPins = Readonly<Record<OutputName, number>>;

export type BoardSetting =
  /** The Pi's own LEDs where they are set up, else the terminal. */
  | { readonly type: 'auto' }
  | { readonly type: 'terminal' }
  | { readonly type: 'gpio-leds'; readonly root: string }
  | { readonly type: 'firmata'; readonly path: string; readonly pins: FirmataPins };

/** Four neighbours on an Arduino Uno, none of them used by its serial port. */
export const firmataPinsDefault: FirmataPins = { red: 10, yellow: 9, green: 8, buzzer: 7 };

/** Pins 0 and 1 are the serial line to us; Firmata numbers pins up to 127. */
const firmataPinMin = 2;
const firmataPinMax = 127;

const forms = 'auto, terminal, gpio-leds:/sys/class/leds or firmata:/dev/ttyUSB0?red=10&yellow=9&green=8&buzzer=7';

/** A setting, or what is wrong with the text, naming it. */
export type ParsedBoardSetting = { readonly value: BoardSetting } | { readonly problem: string };

/** Reads `auto`, `terminal`, `gpio-leds:<folder>` or `firmata:<serial port>[?<output>=<pin>&…]`. */
export function parseBoardSetting(text: string): ParsedBoardSetting {
  if (text === 'auto' || text === 'terminal') return { value: { type: text } };
  const colon = text.indexOf(':');
  const [scheme, rest] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  if (scheme === 'gpio-leds') return parseGpioLeds(text, rest);
  if (scheme === 'firmata') return parseFirmata(text, rest);
  return problem(text, `is none of ${forms}`);
}

function parseGpioLeds(text: string, root: string): ParsedBoardSetting {
  if (!root.startsWith('/')) return problem(text, 'needs a folder from / on, as in gpio-leds:/sys/class/leds');
  return { value: { type: 'gpio-leds', root } };
}

function parseFirmata(text: string, rest: string): ParsedBoardSetting {
  const [path = '', query = ''] = rest.split('?', 2);
  if (!path.startsWith('/')) return problem(text, 'needs a serial port from / on, as in firmata:/dev/ttyUSB0');
  const pins = { ...firmataPinsDefault };
  for (const [name, value] of new URLSearchParams(query)) {
    const output = outputNames.find((known) => known === name);
    if (output === undefined) return problem(text, `knows no "${name}", only ${outputNames.join(', ')}`);
    const pin = /^\d{1,3}$/.test(value) ? Number(value) : -1;
    if (pin < firmataPinMin || pin > firmataPinMax)
      return problem(text, `needs a pin from ${firmataPinMin} to ${firmataPinMax} for ${name}, not "${value}"`);
    pins[output] = pin;
  }
  if (new Set(Object.values(pins)).size < outputNames.length)
    return problem(
      text,
      `gives one pin to two outputs (${outputNames.map((name) => `${name}=${pins[name]}`).join(' ')})`,
    );
  return { value: { type: 'firmata', path, pins } };
}

function problem(text: string, reason: string): ParsedBoardSetting {
  return { problem: `"${text}" ${reason}` };
}
