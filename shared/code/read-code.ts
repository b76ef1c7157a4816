import { cccd } from './cccd.ts';
import type { Code, Format, UnknownCode } from './code.ts';
import { type Known, nothingKnown } from './known.ts';
import { ravaoCard, ravaoCardNumber } from './ravao-card.ts';

/** Every format a kiosk understands, in the order they are tried. A new format is one file and one line here. */
const formats: readonly Format[] = [cccd, ravaoCard, ravaoCardNumber];

/** Understands what a scanner read. Never throws: a text that is no personal code is an unknown code with a reason. */
export function readCode(text: string, known: Known = nothingKnown): Code | UnknownCode {
  if (text.trim() === '') return { type: 'unknown', reason: 'empty-code' };
  for (const format of formats) {
    const understood = format.read(text, known);
    if (understood !== null) return understood;
  }
  return { type: 'unknown', reason: 'unknown-code' };
}
