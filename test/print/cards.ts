/** Printed cards as pictures: a PDF, rendered at 300 dpi by poppler, and cut to the paper around each code. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import PDFDocument from 'pdfkit';
import { type QrLevel, qrMatrix } from '../../gateway/cards/qr-matrix.ts';
import type { Chance } from '../../shared/ports.ts';
import { crop, type Grey, readPgms } from './grey.ts';
import { codeMm, paperPixelsPerMm } from './paper.ts';

const pointsPerMm = 72 / 25.4;
const pageMm = { width: 210, height: 297 };

/** Codes on a page of ours: two by four, with 15 mm of white about each. */
const columns = 2;
const rows = 4;
const cellMm = codeMm + 2 * 15;
const marginMm = { left: (pageMm.width - columns * cellMm) / 2, top: 5 };
const stepMm = (pageMm.height - 2 * marginMm.top) / rows;

/** Of paper beyond the code's edge that is kept on each side: more than the widest quiet zone. */
const borderMm = 12;

const base45 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

/** A text like a card's: `RV1:` and 128 characters of base45. Nobody signed it. */
export function cardText(chance: Chance): string {
  return `RV1:${Array.from({ length: 128 }, () => base45[Math.floor(chance.fraction() * base45.length)]).join('')}`;
}

/** One picture for each text, with nothing but the code on it. Its centre is the code's. */
export async function renderCodes(texts: readonly string[], level: QrLevel): Promise<readonly Grey[]> {
  const document = new PDFDocument({ size: 'A4', autoFirstPage: false });
  const chunks: Buffer[] = [];
  document.on('data', (chunk: Buffer) => chunks.push(chunk));
  const places = texts.map((text, index) => {
    const cell = index % (columns * rows);
    if (cell === 0) document.addPage();
    const left = marginMm.left + (cell % columns) * cellMm + (cellMm - codeMm) / 2;
    const top = marginMm.top + Math.floor(cell / columns) * stepMm + (stepMm - codeMm) / 2;
    drawCode(document, qrMatrix(text, level), left, top);
    return { page: Math.floor(index / (columns * rows)), left, top };
  });
  document.end();
  await once(document, 'end');
  const pages = renderPages(Buffer.concat(chunks));
  const sidePx = Math.round((codeMm + 2 * borderMm) * paperPixelsPerMm);
  return places.map(({ page, left, top }) => {
    const picture = pages[page];
    if (picture === undefined) throw new Error(`page ${page + 1} was not rendered`);
    const leftPx = Math.round((left - borderMm) * paperPixelsPerMm);
    return crop(picture, leftPx, Math.round((top - borderMm) * paperPixelsPerMm), sidePx, sidePx, 255);
  });
}

function drawCode(
  document: PDFKit.PDFDocument,
  matrix: readonly (readonly boolean[])[],
  leftMm: number,
  topMm: number,
): void {
  const module = (codeMm / matrix.length) * pointsPerMm;
  matrix.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      let end = x;
      while (row[end]) end++;
      document.rect(leftMm * pointsPerMm + x * module, topMm * pointsPerMm + y * module, (end - x) * module, module);
      x = end;
    }
  });
  document.fill('black'); // one path: no hairlines between the rows
}

/** The pages of a PDF at 300 dpi. Throws an Error with what poppler said where it fails. */
export function renderPages(pdf: Buffer): readonly Grey[] {
  const { status, stdout, stderr, error } = spawnSync('pdftoppm', ['-r', '300', '-gray', '-'], {
    input: pdf,
    maxBuffer: 1024 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`pdftoppm: ${stderr?.toString() ?? ''}${error?.message ?? ''}`);
  return readPgms(stdout);
}
