/** The words of a report, in Vietnamese. */

const kinds: Readonly<Record<string, string>> = {
  cccd: 'Căn cước (CCCD)',
  bhyt: 'Thẻ bảo hiểm y tế',
  'personal-qr': 'Mã QR cá nhân quốc gia',
  'hcmc-result': 'Mã khai báo y tế TP.HCM',
  'vaccine-certificate': 'Chứng nhận tiêm chủng',
  'smart-health-card': 'Chứng nhận tiêm chủng (SMART)',
  'ravao-card': 'Thẻ in Ravao',
  'ravao-card-number': 'Thẻ in Ravao (gõ số)',
  paper: 'Danh sách giấy',
  manual: 'Ghi tay, không có mã',
  visitor: 'Khách không mã (thẻ bảo vệ)',
  unknown: 'Mã không nhận ra',
};

/** How a kind of code is called; one that is not known here as it is. */
export function describeKind(kind: string): string {
  return kinds[kind] ?? kind;
}

/** What stands where a change cannot be told, as there was nothing before. */
export const noChange = '–';

/** A number as it is written in Viet Nam: 12.345,6. */
export function describeNumber(value: number): string {
  return value.toLocaleString('vi-VN', { maximumFractionDigits: 1 });
}

/** A change in percent with its sign. */
export function describeChange(percent: number | null): string {
  if (percent === null) return noChange;
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${describeNumber(Math.abs(percent))} %`;
}
