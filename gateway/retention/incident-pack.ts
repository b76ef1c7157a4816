/** The files of a pack for the notice of an incident. */
import { stringify } from 'csv-stringify/sync';
import type { AuditReport } from '../audit/verify.ts';
import { formatMoment } from '../moment.ts';
import type { UpstreamProgress } from '../store/store.ts';
import type { IncidentFacts, Span } from './incident-facts.ts';

/** What was held, and what is known around it. */
export interface IncidentSite {
  readonly site: string;
  readonly why: string;
  readonly span: Span;
  readonly madeMs: number;
  readonly keepDays: number;
  /** Whether a private key that opens identities lies on this machine: in clear, wrapped by a passphrase, or not at all. */
  readonly siteKey: 'clear' | 'wrapped' | 'elsewhere';
  readonly upstreams: readonly UpstreamProgress[];
  readonly kiosks: readonly { readonly kiosk: string; readonly state: string; readonly until: string | null }[];
  readonly audit: AuditReport;
}

/** A file of the pack. */
export interface PackFile {
  readonly name: string;
  readonly content: string;
}

/** A breach is reported to the authority within so many hours of being noticed (Law on personal data protection, 2025). */
const noticeHours = 72;

const siteKeyTexts: Readonly<Record<IncidentSite['siteKey'], string>> = {
  clear: 'khóa mở danh tính NẰM RÕ trên máy này: ai lấy được đĩa có thể đọc được danh tính',
  wrapped: 'khóa mở danh tính nằm trên máy này, được bọc bằng mật khẩu của cán bộ y tế',
  elsewhere: 'khóa mở danh tính không nằm trên máy này: không đọc được danh tính từ đĩa',
};

/** All of them but the audit. Counts only, unless pseudonyms are asked for. */
export function writePack(site: IncidentSite, facts: IncidentFacts, withSubjects: boolean): readonly PackFile[] {
  const { subjects, counts, ...totals } = facts;
  const { audit, ...rest } = site;
  const whole = {
    ...rest,
    ...totals,
    audit: { lines: audit.lines, end: audit.end, whole: audit.problems.length === 0 },
  };
  return [
    { name: 'tom-tat.txt', content: summarise(site, facts) },
    { name: 'counts.csv', content: tabulate(facts) },
    { name: 'facts.json', content: `${JSON.stringify({ ...whole, counts }, null, 2)}\n` },
    ...(withSubjects ? [{ name: 'pseudonyms.txt', content: subjects.map((one) => `${one}\n`).join('') }] : []),
  ];
}

function tabulate({ counts }: IncidentFacts): string {
  const heading = ['day', 'gate', 'code', 'entries', 'with_identity'];
  const rows = counts.map(({ day, gate, kind, entries, withIdentity }) => [
    day,
    gate,
    kind,
    String(entries),
    String(withIdentity),
  ]);
  // A byte order mark makes Excel read UTF-8, and nothing may become a formula.
  return stringify([heading, ...rows], { bom: true, escape_formulas: true });
}

/** One page in Vietnamese. */
function summarise(site: IncidentSite, facts: IncidentFacts): string {
  const { span, madeMs, keepDays, kiosks, audit, upstreams } = site;
  const gates = new Set(facts.counts.map(({ gate }) => gate)).size;
  const forwarded = upstreams.map(({ upstream, waiting }) => `   - ${upstream} (còn chờ gửi: ${waiting})`);
  return [
    'BẢN TÓM TẮT SỰ CỐ DỮ LIỆU CÁ NHÂN',
    `Đơn vị: ${site.site}`,
    `Lập lúc: ${formatMoment(madeMs)}. Phải thông báo cho cơ quan có thẩm quyền trong ${noticeHours} giờ kể từ khi phát hiện.`,
    '',
    `1. Sự việc: ${site.why}`,
    `2. Khoảng thời gian xem xét: từ ${formatMoment(span.fromMs)} đến ${formatMoment(span.toMs)}.`,
    '3. Dữ liệu lưu giữ trong khoảng đó:',
    `   - ${facts.entries} lượt qua cổng, tại ${gates} cổng; sớm nhất ${facts.first ?? 'không có'}, muộn nhất ${facts.last ?? 'không có'}`,
    `   - của ${facts.persons} người (mã giả danh khác nhau), và ${facts.withoutSubject} lượt không có mã giả danh`,
    `   - ${facts.withIdentity} lượt có danh tính đã mã hóa (họ tên, số giấy tờ, năm sinh, điện thoại)`,
    `   - ${facts.quarantined} mục chưa đọc được, nằm trong khu cách ly`,
    '   - không có ảnh giấy tờ, không có dữ liệu sức khỏe',
    `4. Bảo vệ: danh tính được mã hóa (HPKE); ${siteKeyTexts[site.siteKey]}.`,
    `   Khóa đã dùng: ${facts.keys.join(', ') || 'không có'}`,
    `5. Thời hạn lưu: ${keepDays} ngày sau khi chuyển đi, rồi xóa hẳn.`,
    '6. Đã chuyển đến:',
    ...(forwarded.length === 0 ? ['   - chưa chuyển đến đâu'] : forwarded),
    `7. Thiết bị ở cổng: ${kiosks.map(({ kiosk, state }) => `${kiosk} (${state})`).join(', ') || 'không có'}`,
    `8. Nhật ký kiểm toán: ${audit.lines} dòng, ${audit.problems.length === 0 ? 'nguyên vẹn' : 'ĐÃ BỊ SỬA'}; dòng cuối số ${audit.end.seq}, mã ${audit.end.hash}`,
    '',
    'Kèm theo: counts.csv (số lượng theo ngày, cổng, loại mã), facts.json, audit.ndjson.',
    '',
  ].join('\n');
}
