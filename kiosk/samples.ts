/**
 * Made-up codes to try a kiosk with: no real person's. ID cards (both generations, a child's), the first holder's national
 * personal code, an insurance card, a masked personal code, and things people hold up that are no personal codes.
 */
export const sampleCodes: readonly string[] = [
  '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021',
  '079185000001||Trần Thị B|20071985|Nữ|Phường P, Quận Q, Thành phố R|02072024',
  '048215000002||Lê Văn C|05112015|Nam||10012025',
  '001099012345|NGUYEN VAN A|1999-01-01|0|162900000000000000|<1<<0900000000',
  'HS4010000000000|4e677579e1bb856e2056c4836e2041|01/01/1999|1|-|01 - 028|01/01/2024|-|01/01/2024|$',
  '******001|TRAN THI B|1985-**-**|0|162900000000000001|',
  'https://qr.pccovid.gov.vn/not-a-person',
  'WIFI:S:Cafe;T:WPA;P:not-a-secret;;',
  '8934563138165',
];

/** What a person sees at a kiosk's first start without a scanner. */
export function describeSamples(): string {
  const lines = sampleCodes.map((code) => `  ${code}\n`).join('');
  return `\nNo scanner is plugged in: a line you type or paste here is a scan. Made-up codes to try:\n\n${lines}\n`;
}
