/** People as a person names them to a command: their codes or numbers, one a line, or a column of a table; never kept. */
import type { Known } from '../../shared/code/known.ts';
import { readCode } from '../../shared/code/read-code.ts';
import { readDocumentNumber, readInsuranceNumber } from '../../shared/code/written-number.ts';
import { subjectSchema } from '../../shared/entry.ts';
import { subjectOf } from '../../shared/identity.ts';
import { siteRulesLimits } from '../../shared/site-rules.ts';
import { foldHeading, readExcelList } from '../excel-list.ts';

/** The columns that may hold a code or a number; the first of them that there is counts. */
const columns = ['subject', 'ma', 'code', 'so_giay_to', 'so_cccd', 'cccd', 'number', 'so_the', 'card'];

/** A line that cannot be used, and why; never what stands in it. */
export interface WrongLine {
  /** From 1. */
  readonly line: number;
  readonly reason: string;
}

export interface People {
  /** Each once, in the order they came. */
  readonly subjects: readonly string[];
  /** The same people under the keys of pseudonyms that were used before. */
  readonly former: readonly string[];
  readonly wrong: readonly WrongLine[];
}

/** Tells the subject of a code, scanned or typed, or of a bare number; or what is wrong with it. */
export type SubjectReader = (
  text: string,
) => { readonly subject: string; readonly former: readonly string[] } | { readonly wrong: string };

/** A reader that knows the site's cards. @param subjectKeys every key of its pseudonyms that there ever was, the newest first. */
export function subjectReader(subjectKeys: readonly Uint8Array[], known: Known): SubjectReader {
  const named = (number: string) => {
    const [subject = '', ...former] = subjectKeys.map((key) => subjectOf(key, number));
    return { subject, former };
  };
  return (text) => {
    const code = readCode(text, known);
    if (code.type === 'code') return named(code.number);
    const number = text.replace(/[\s.-]/g, '').toUpperCase();
    if (/^\d{11}$/.test(number)) return { wrong: '11 digits: a program may have taken the first 0 away' };
    const written = /\d/.test(number) ? (readInsuranceNumber(number) ?? readDocumentNumber(number)) : null;
    if (written !== null) return named(written);
    return { wrong: `no personal code and no number (${code.reason})` };
  };
}

/** Marks that may stand between the fields of a table. */
const delimiters = [',', ';', '\t'];

/** Reads a table with a heading that names a column of codes or numbers, or else a code or number a line. In UTF-8. */
export function readPeople(bytes: Uint8Array, toSubject: SubjectReader): People | { readonly problem: string } {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  const isTable = (lines[0] ?? '')
    .split(/[,;\t]/)
    .some((cell) => columns.includes(foldHeading(cell.replaceAll('"', ''))));
  if (!isTable) {
    const cells = lines.map((cell, index) => ({ line: index + 1, cell }));
    return gather(cells, toSubject);
  }
  const list = readExcelList(bytes, delimiters, siteRulesLimits.peoplePerListMax);
  if (list.type === 'unusable') return { problem: `The list cannot be used: ${list.reason}.` };
  const headings = list.headings.map(foldHeading);
  const at = headings.indexOf(columns.find((column) => headings.includes(column)) ?? '');
  const cells = list.rows.map(({ line, fields }) => ({ line, cell: fields[at] ?? '' }));
  return gather(cells, headings[at] === 'subject' ? readSubject : toSubject);
}

type Cell = { readonly line: number; readonly cell: string };

function gather(cells: readonly Cell[], read: SubjectReader): People {
  const subjects = new Set<string>();
  const former = new Set<string>();
  const wrong: WrongLine[] = [];
  for (const { line, cell } of cells) {
    const typed = cell.trim();
    if (typed === '') continue;
    const found = read(typed);
    if ('subject' in found) {
      subjects.add(found.subject);
      for (const subject of found.former) former.add(subject);
    } else wrong.push({ line, reason: found.wrong });
  }
  return { subjects: [...subjects], former: [...former], wrong };
}

/** A pseudonym as `entries` prints it. */
export function readSubject(text: string): ReturnType<SubjectReader> {
  return subjectSchema.safeParse(text).success
    ? { subject: text, former: [] }
    : { wrong: 'no subject: 22 letters, digits, - and _' };
}
