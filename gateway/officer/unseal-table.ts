/** The answer to an investigation as a table that a spreadsheet opens: CSV in UTF-8, with no cell that it could take for a formula. */
import { stringify } from 'csv-stringify/sync';
import { formatMoment } from '../moment.ts';
import type { Corrected, Right } from './corrections.ts';
import type { Finding, Opened, Question } from './unseal.ts';

type PassageFound = Extract<Finding, { type: 'passage' }>;
type MeetingFound = Extract<Finding, { type: 'meeting' }>;
type Columns<Row> = Readonly<Record<string, (row: Row) => string>>;

const personColumns: Columns<Pick<Finding, 'opened' | 'corrected'>> = {
  name: ({ opened }) => (opened.type === 'open' ? (opened.person.name ?? '') : ''),
  number: ({ opened }) =>
    opened.type === 'open' ? (opened.person.number ?? '') : opened.type === 'card' ? opened.number : '',
  birth_year: ({ opened }) => (opened.type === 'open' ? String(opened.person.birthYear ?? '') : ''),
  sex: ({ opened }) => (opened.type === 'open' ? (opened.person.sex ?? '') : ''),
  phone: ({ opened }) => (opened.type === 'open' ? (opened.person.phone ?? '') : ''),
  address: ({ opened }) => (opened.type === 'open' ? (opened.person.address ?? '') : ''),
  // Of the papers that the holder of a printed card gave; `number` is then the card's.
  holder_number: ({ opened }) => (opened.type === 'open' ? (opened.person.holderNumber ?? '') : ''),
  // Beside what they put right, so that nobody calls a wrong number for want of looking.
  corrections: ({ corrected }) => corrected.map(describeCorrection).join('; '),
};

const passageColumns: Columns<PassageFound> = {
  ...personColumns,
  gate: ({ passage }) => passage.gate,
  direction: ({ passage }) => passage.direction,
  outcome: ({ passage }) => passage.outcome,
  at: ({ passage }) => formatMoment(passage.atMs),
  certain: ({ passage }) => String(passage.fromMs === passage.toMs),
  not_before: ({ passage }) => formatMoment(passage.fromMs),
  not_after: ({ passage }) => formatMoment(passage.toMs),
  kind: ({ passage }) => passage.kind,
  method: ({ passage }) => passage.method,
  subject: ({ passage }) => passage.subject ?? '',
  entry: ({ passage }) => passage.id,
  note: ({ opened }) => describe(opened),
};

const meetingColumns: Columns<MeetingFound> = {
  ...personColumns,
  gates: ({ meeting }) => meeting.gates.join(', '),
  from: ({ meeting }) => formatMoment(meeting.fromMs),
  until: ({ meeting }) => formatMoment(meeting.toMs),
  minutes: ({ meeting }) => (meeting.togetherMs / 60_000).toFixed(1),
  certain: ({ meeting }) => String(meeting.certain),
  stay_from: ({ meeting }) => formatMoment(meeting.withFromMs),
  stay_until: ({ meeting }) => formatMoment(meeting.withToMs),
  subject: ({ meeting }) => meeting.subject,
  entry: ({ meeting }) => meeting.id,
  note: ({ opened }) => describe(opened),
};

/** The first line, with the byte order mark that makes Excel read UTF-8. */
export function tableHeading(question: Question): string {
  const columns = question.type === 'together' ? meetingColumns : passageColumns;
  return stringify([Object.keys(columns)], { bom: true });
}

/** One line. Control characters in a name would break it up in some spreadsheets: they become spaces. */
export function tableRow(finding: Finding): string {
  const cells =
    finding.type === 'passage'
      ? Object.values(passageColumns).map((column) => column(finding))
      : Object.values(meetingColumns).map((column) => column(finding));
  return stringify([cells.map((cell) => cell.replace(/\p{Cc}+/gu, ' ').trim())], { escape_formulas: true });
}

/** With the names that `person correct` takes, and each text in quotation marks, so that none can pass for another field. */
const rightFields: Readonly<Record<string, (right: Right) => string | number | undefined>> = {
  name: ({ name }) => name,
  birth_year: ({ birthYear }) => birthYear,
  number: ({ number }) => number,
  phone: ({ phone }) => phone,
  address: ({ address }) => address,
  note: ({ note }) => note,
};

function describeCorrection(corrected: Corrected): string {
  const at = formatMoment(corrected.atMs);
  if (corrected.type === 'other-key') return `${at} sealed to the key ${corrected.key}, which was not opened`;
  if (corrected.type === 'damaged') return `${at} damaged: the correction does not open`;
  const said = Object.entries(rightFields).map(([field, read]) => [field, read(corrected.right) ?? ''] as const);
  return [at, ...said.filter(([, is]) => is !== '').map(([field, is]) => `${field}=${JSON.stringify(is)}`)].join(' ');
}

function describe(opened: Opened): string {
  switch (opened.type) {
    case 'open':
      return opened.fromRegister ? 'printed card: who it is says the register of cards' : '';
    case 'card':
      return opened.why;
    case 'none':
      return 'the code gave no identity';
    case 'other-key':
      return `sealed to the key ${opened.key}, which was not opened`;
    case 'damaged':
      return 'damaged: the identity does not open';
  }
}
