/** The files of a pack for the notice of an incident. */
import { stringify } from 'csv-stringify/sync';
import type { AuditReport } from '../audit/verify.ts';
import { describeMoment, formatMoment } from '../moment.ts';
import type { UpstreamProgress } from '../store/store.ts';
import type { CardFacts } from './incident-cards.ts';
import type { IncidentFacts, Span } from './incident-facts.ts';
import type { ClearSpan } from './incident-keys.ts';

/** What was held, and what is known around it. */
export interface IncidentSite {
  readonly site: string;
  readonly why: string;
  readonly span: Span;
  readonly madeMs: number;
  readonly keepDays: number;
  /** Whether a private key that opens identities lies on this machine: in clear, wrapped by a passphrase, or not at all. */
  readonly siteKey: 'clear' | 'wrapped' | 'elsewhere';
  /** When it lay in clear, as far as that touches the span. */
  readonly keyInClear: readonly ClearSpan[];
  readonly cards: CardFacts;
  readonly upstreams: readonly UpstreamProgress[];
  readonly kiosks: readonly {
    readonly kiosk: string;
    readonly state: 'enrolled' | 'revoked';
    readonly until: string | null;
  }[];
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

const kioskTexts = { enrolled: 'đang dùng', revoked: 'đã thu hồi' } as const;

/** All of them but the audit. Counts only, unless pseudonyms are asked for. */
export function writePack(site: IncidentSite, facts: IncidentFacts, withSubjects: boolean): readonly PackFile[] {
  const { subjects, counts, firstMs, lastMs, ...totals } = facts;
  const { audit, keyInClear, ...rest } = site;
  const moment = (ms: number | null) => (ms === null ? null : formatMoment(ms));
  const whole = {
    ...rest,
    keyInClear: keyInClear.map(({ fromMs, toMs }) => ({ from: moment(fromMs), to: moment(toMs) })),
    ...totals,
    ...{ first: moment(firstMs), last: moment(lastMs) },
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
  const heading = ['day', 'gate', 'code', 'entries', 'refused', 'with_identity'];
  const rows = counts.map(({ day, gate, kind, entries, refused, withIdentity }) => [
    ...[day, gate, kind],
    ...[entries, refused, withIdentity].map(String),
  ]);
  // A byte order mark makes Excel read UTF-8, and nothing may become a formula.
  return stringify([heading, ...rows], { bom: true, escape_formulas: true });
}

/** One page in Vietnamese. */
function summarise(site: IncidentSite, facts: IncidentFacts): string {
  const { span, madeMs, keepDays, kiosks, audit } = site;
  const gates = new Set(facts.counts.map(({ gate }) => gate)).size;
  const moment = (ms: number | null) => (ms === null ? 'không có' : describeMoment(ms));
  return [
    'BẢN TÓM TẮT SỰ CỐ DỮ LIỆU CÁ NHÂN',
    `Đơn vị: ${site.site}`,
    `Lập lúc: ${describeMoment(madeMs)} (giờ Việt Nam, như mọi giờ ở đây). Phải thông báo cho cơ quan có thẩm quyền trong ${noticeHours} giờ kể từ khi phát hiện.`,
    '',
    `1. Sự việc: ${site.why}`,
    `2. Khoảng thời gian xem xét: từ ${describeMoment(span.fromMs)} đến ${describeMoment(span.toMs)}.`,
    '3. Dữ liệu lưu giữ trong khoảng đó:',
    `   - ${facts.passages} lượt qua cổng và ${facts.refused} lượt bị từ chối, tại ${gates} cổng; sớm nhất ${moment(facts.firstMs)}, muộn nhất ${moment(facts.lastMs)}`,
    `   - của ${facts.persons} người (mã giả danh khác nhau), và ${facts.withoutSubject} lượt không có mã giả danh`,
    `   - ${facts.withIdentity} lượt có danh tính đã mã hóa (họ tên, số giấy tờ, năm sinh, điện thoại)`,
    `   - ${facts.controlUses} lần dùng thẻ bảo vệ (không phải người qua cổng)`,
    `   - ${facts.quarantined} mục chưa đọc được, nằm trong khu cách ly`,
    ...describeCards(site.cards),
    '   - không có ảnh giấy tờ, không có dữ liệu sức khỏe',
    '4. Bảo vệ: danh tính và chủ thẻ được mã hóa (HPKE).',
    `   - lúc lập bản này: ${siteKeyTexts[site.siteKey]}`,
    ...describeClear(site),
    `   - khóa đã dùng: ${facts.keys.join(', ') || 'không có'}`,
    `5. Thời hạn lưu: ${keepDays} ngày sau khi chuyển đi, rồi xóa hẳn.`,
    '6. Đã chuyển đến:',
    ...describeForwarded(site),
    `7. Thiết bị ở cổng: ${kiosks.map(({ kiosk, state }) => `${kiosk} (${kioskTexts[state]})`).join(', ') || 'không có'}`,
    `8. Nhật ký kiểm toán: ${audit.lines} dòng, ${audit.problems.length === 0 ? 'nguyên vẹn' : 'ĐÃ BỊ SỬA'}; dòng cuối số ${audit.end.seq}, mã ${audit.end.hash}`,
    '',
    'Kèm theo: counts.csv (số lượng theo ngày, cổng, loại mã), facts.json, audit.ndjson.',
    '',
  ].join('\n');
}

function describeCards({ cards, people, guardCards, guards, unread }: CardFacts): readonly string[] {
  if (unread !== null) return [`   - SỔ THẺ IN KHÔNG ĐỌC ĐƯỢC (${unread}): không đếm được chủ thẻ`];
  return [
    `   - sổ thẻ in: ${cards} thẻ của ${people} người, chủ thẻ đã mã hóa (họ tên, năm sinh, số giấy tờ, điện thoại, địa chỉ)`,
    `   - sổ thẻ bảo vệ: ${guardCards} thẻ của ${guards} người, tên đã mã hóa`,
  ];
}

function describeClear({ keyInClear, siteKey, audit }: IncidentSite): readonly string[] {
  const doubt = audit.problems.length === 0 ? '' : '; nhật ký đã bị sửa nên KHÔNG CHẮC';
  const source = `(theo nhật ký kiểm toán${doubt})`;
  if (keyInClear.length === 0) return [`   - trong khoảng xem xét: khóa không lúc nào nằm rõ trên máy này ${source}`];
  return keyInClear.map(({ fromMs, toMs }) => {
    const from = fromMs === null ? 'từ khi cài đặt' : `từ ${describeMoment(fromMs)}`;
    const to = toMs !== null ? `đến ${describeMoment(toMs)}` : siteKey === 'clear' ? 'đến nay' : 'không rõ đến khi nào';
    return `   - trong khoảng xem xét: khóa NẰM RÕ trên máy này ${from} ${to} ${source}`;
  });
}

function describeForwarded({ upstreams }: IncidentSite): readonly string[] {
  const taken = upstreams.filter(({ place }) => place > 0);
  if (taken.length === 0) return ['   - chưa chuyển đến đâu'];
  return taken.map(({ upstream, waiting }) => `   - ${upstream} (còn chờ gửi: ${waiting})`);
}
