/**
 * The result of Ho Chi Minh City's health declaration: an address with the declaration's id, which is all that identifies.
 *
 *     https://kbyt.khambenh.gov.vn/#tokhai_yte/ketqua?id=<id>
 */
import { type Code, type Format, refuse, type UnknownCode } from './code.ts';

/** Ho Chi Minh City's results. */
export const hcmcResult: Format = { kind: 'hcmc-result', read };

const address = /^(?:https?:\/\/)?kbyt\.khambenh\.gov\.vn\/?#\/?tokhai_yte\/ketqua(?:[?&](.*))?$/i;

/** Whether an address is that of a result, whole or not. */
export function isHcmcResult(text: string): boolean {
  return address.test(text.trim());
}

function read(text: string): Code | UnknownCode | null {
  const found = address.exec(text.trim());
  if (found === null) return null;
  const id = new URLSearchParams(found[1] ?? '').get('id') ?? '';
  if (!/^[\w-]{1,64}$/.test(id)) return refuse('hcmc-result-incomplete');
  return {
    type: 'code',
    kind: hcmcResult.kind,
    verified: false,
    number: `hcmc:${id}`,
    identity: { number: id },
    warnings: [],
    extras: [],
  };
}
