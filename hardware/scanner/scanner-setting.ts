/** `RAVAO_SCANNER`: where scans come from. Pure. */

export type ScannerSetting =
  /** A scanner that is plugged in, else standard input. */
  | { readonly type: 'auto' }
  | { readonly type: 'stdin' }
  | { readonly type: 'serial'; readonly path: string; readonly baudRate: number };

/** Most scanner modules with a real serial wire leave the factory so; USB ones do not care. Bits per second. */
export const baudRateDefault = 9600;

const baudRates = [1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];

const forms = 'auto, stdin or serial:/dev/ttyACM0?baud=9600';

/** A setting, or what is wrong with the text, naming it. */
export type ParsedScannerSetting = { readonly value: ScannerSetting } | { readonly problem: string };

/** Reads `auto`, `stdin` or `serial:<serial port>[?baud=<bits per second>]`. */
export function parseScannerSetting(text: string): ParsedScannerSetting {
  if (text === 'auto' || text === 'stdin') return { value: { type: text } };
  const [, path, query = ''] = /^serial:([^?]*)(?:\?(.*))?$/.exec(text) ?? [];
  if (path === undefined) return problem(text, `is none of ${forms}`);
  if (!path.startsWith('/')) return problem(text, 'needs a serial port from / on, as in serial:/dev/ttyACM0');
  let baudRate = baudRateDefault;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'baud') return problem(text, `knows no "${name}", only baud`);
    const known = baudRates.find((rate) => String(rate) === value);
    if (known === undefined) return problem(text, `needs a baud of ${baudRates.join(', ')}, not "${value}"`);
    baudRate = known;
  }
  return { value: { type: 'serial', path, baudRate } };
}

function problem(text: string, reason: string): ParsedScannerSetting {
  return { problem: `"${text}" ${reason}` };
}
