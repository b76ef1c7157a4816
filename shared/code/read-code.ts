import { bhyt } from './bhyt.ts';
import { cccd } from './cccd.ts';
import type { Code, ControlCode, Format, UnknownCode } from './code.ts';
import { controlCode } from './control-code.ts';
import { hcmcResult } from './hcmc-result.ts';
import type { Known } from './known.ts';
import { notPersonal } from './not-personal.ts';
import { personalQr } from './personal-qr.ts';
import { ravaoCard, ravaoCardNumber } from './ravao-card.ts';
import { smartHealthCard } from './smart-health-card.ts';
import { vaccineCertificate } from './vaccine-certificate.ts';

/**
 * Every format a kiosk understands. A new format is one file and one line here. No two claim one text (a test holds them
 * to it), so the order changes no answer; it only saves time: first what most people show, last what nobody should.
 */
export const formats: readonly Format[] = [
  cccd,
  bhyt,
  personalQr,
  hcmcResult,
  vaccineCertificate,
  smartHealthCard,
  ravaoCard,
  ravaoCardNumber,
  controlCode,
  ...notPersonal,
];

/** Understands what a scanner read, a guard's card among it. Never throws: what is no code is unknown, with a reason. */
export function readScan(text: string, known: Known): Code | ControlCode | UnknownCode {
  if (text.trim() === '') return { type: 'unknown', reason: 'empty-code' };
  for (const format of formats) {
    const understood = format.read(text, known);
    if (understood !== null) return understood;
  }
  return { type: 'unknown', reason: 'unknown-code' };
}

/** Understands a code of a person. Never throws: a text that is none, a guard's card too, is unknown, with a reason. */
export function readCode(text: string, known: Known): Code | UnknownCode {
  const read = readScan(text, known);
  return read.type === 'control' ? { type: 'unknown', reason: 'control-code' } : read;
}
