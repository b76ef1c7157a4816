import { expect, it } from 'vitest';
import { describeSamples, sampleCodes } from '../../../kiosk/samples.ts';
import { nothingKnown } from '../../../shared/code/known.ts';
import { readCode } from '../../../shared/code/read-code.ts';

it('the codes to try are of several kinds, personal ones first, and none is odd', () => {
  const known = { ...nothingKnown, nowMs: Date.UTC(2026, 10, 20), clockSynced: true };
  const read = sampleCodes.map((text) => readCode(text, known));
  const understood = read.map((code) => (code.type === 'code' ? code.kind : code.reason));
  expect(understood).toEqual([
    ...['cccd', 'cccd', 'cccd', 'personal-qr', 'bhyt', 'personal-qr'],
    ...['site-poster', 'wifi-code', 'retail-barcode'],
  ]);
  const warnings = read.flatMap((code) => (code.type === 'code' ? code.warnings : []));
  expect(warnings).toEqual(['number-masked']);
  for (const text of sampleCodes) expect(describeSamples()).toContain(`  ${text}\n`);
});
