/** People as a person names them to a command: their codes or numbers, one a line, or a column of a table; never kept. */
import { type CsvError, parse } from 'csv-parse/sync';
import type { Known } from '../../shared/code/known.ts';
import { readCode } from '../../shared/code/read-code.ts';
import { readDocumentNumber, readInsuranceNumber } from '../../shared/code/written-number.ts';
import { subjectOf } from '../../shared/identity.ts';

/** The longest list, in bytes of UTF-8. */
export const peopleBytesMax = 16 * 1024 * 1024;

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
  readonly wrong: readonly WrongLine[];
}

/** Tells the subject of a code, scanned or typed, or of a bare number; or what is wrong with it. */
export type SubjectReader = (text: string) => { readonly subject: string } | { readonly wrong: string };

/** A reader that knows the site's key and its cards. */
export function subjectReader(subjectKey: Uint8Array, known: Known): SubjectReader {
  return (text) => {
    const code = readCode(text, known);
    if (code.type === 'code') return { subject: subjectOf(subjectKey, code.number) };
    const number = text.replace(/[\s.-]/g, '').toUpperCase();
    if (/^\d{11}$/.test(number)) return { wrong: '11 digits: a program may have taken the first 0 away' };
    const written = /\d/.test(number) ? (readInsuranceNumber(number) ?? readDocumentNumber(number)) : null;
    if (written !== null) return { subject: subjectOf(subjectKey, written) };
    return { wrong: `no personal code and no number (${code.reason})` };
  };
}

/** Reads a table with a heading that names a column of codes or numbers, or else a code or number a line. */
export function readPeople(text: string, toSubject: SubjectReader): People | { readonly problem: string } {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const heading = (lines[0] ?? '').split(/[,;\t]/).map(foldHeading);
  const column = columns.find((name) => heading.includes(name));
  if (column === undefined)
    return gather(
      lines.map((cell, index) => ({ line: index + 1, cell })),
      toSubject,
      false,
    );
  const rows = readTable(text);
  if ('problem' in rows) return rows;
  const at = heading.indexOf(column);
  const cells = rows.cells.slice(1).map(({ line, record }) => ({ line, cell: record[at] ?? '' }));
  return gather(cells, toSubject, column === 'subject');
}

type Cell = { readonly line: number; readonly cell: string };

function gather(cells: readonly Cell[], toSubject: SubjectReader, areSubjects: boolean): People {
  const subjects = new Set<string>();
  const wrong: WrongLine[] = [];
  for (const { line, cell } of cells) {
    const typed = cell.trim();
    if (typed === '') continue;
    const read = areSubjects ? readSubject(typed) : toSubject(typed);
    if ('subject' in read) subjects.add(read.subject);
    else wrong.push({ line, reason: read.wrong });
  }
  return { subjects: [...subjects], wrong };
}

/** A pseudonym as `entries` prints it. */
export function readSubject(text: string): { readonly subject: string } | { readonly wrong: string } {
  return /^[A-Za-z0-9_-]{22}$/.test(text) ? { subject: text } : { wrong: 'no subject: 22 letters, digits, - and _' };
}

function readTable(text: string): { cells: { line: number; record: string[] }[] } | { problem: string } {
  try {
    const rows = parse(text, {
      bom: true,
      delimiter: [',', ';', '\t'],
      info: true,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    }) as unknown as { info: { lines: number }; record: string[] }[];
    return { cells: rows.map(({ info, record }) => ({ line: info.lines, record })) };
  } catch (error) {
    return { problem: `the table cannot be read: ${(error as CsvError).code}` };
  }
}

function foldHeading(cell: string): string {
  const plain = cell.trim().replace(/^"|"$/g, '').toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
  return plain.replaceAll('đ', 'd').replace(/\s+/g, '_');
}
