/**
 * Made-up codes to try a kiosk with: no real person's. Three ID cards (both generations, a child's), and two things
 * people hold up that are no personal codes.
 */
export const sampleCodes: readonly string[] = [
  '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021',
  '079185000001||Trần Thị B|20071985|Nữ|Phường P, Quận Q, Thành phố R|02072024',
  '048215000002||Lê Văn C|05112015|Nam||10012025',
  'https://example.org/not-a-person',
  '8934567890123',
];

/** What a person sees at a kiosk's first start without a scanner. */
export function describeSamples(): string {
  const lines = sampleCodes.map((code) => `  ${code}\n`).join('');
  return `\nNo scanner is plugged in: a line you type or paste here is a scan. Made-up codes to try:\n\n${lines}\n`;
}
