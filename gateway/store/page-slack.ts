/**
 * What lies between the cells of a database page. SQLite zeroes what it deletes under `secure_delete`, but when it moves
 * cells to another page it may leave their old bytes behind, in the part of the page that holds nothing. Those bytes belong
 * to rows that are still there; once such a row is deleted, they would outlive it.
 * Format: https://sqlite.org/fileformat2.html, sections 1.3 and 1.6.
 */

/** Where the b-tree header begins on the first page, behind the file's own header. */
const fileHeaderBytes = 100;

/** Interior and leaf pages of indexes and tables, and the bytes of their headers. */
const headerBytes: Readonly<Record<number, number>> = { 2: 12, 5: 12, 10: 8, 13: 8 };

/** Part of a page: from `start` up to but not including `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of a page that holds nothing and is not all zeros; null where there is none, and for what is no b-tree page. A
 * page of an overflow chain or of the list of free pages begins with a page number, whose first byte is 0 in any database
 * of less than 128 GiB; where that is not so, or anything else does not fit, the page is left alone.
 * @param reserved bytes at the end of each page that SQLite does not use.
 */
export function findSlack(page: Uint8Array, isFirst: boolean, reserved = 0): Span | null {
  const header = isFirst ? fileHeaderBytes : 0;
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const length = headerBytes[view.getUint8(header)];
  if (length === undefined) return null;
  const cells = view.getUint16(header + 3);
  const end = view.getUint16(header + 5) || 65_536;
  const start = header + length + 2 * cells;
  if (start > end || end > page.byteLength - reserved) return null;
  return page.subarray(start, end).some((byte) => byte !== 0) ? { start, end } : null;
}
