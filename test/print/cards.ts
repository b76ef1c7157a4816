/** Printed cards as a printer gets them: our own PDF, rendered at 300 dpi by poppler, and cut along its marks. */
import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawSheets } from '../../gateway/cards/card-sheet.ts';
import { openPdfFile, type Pdf } from '../../gateway/cards/pdf-file.ts';
import { codeMm, type PrintedCard } from '../../gateway/cards/printed-card.ts';
import type { QrLevel } from '../../gateway/cards/qr-matrix.ts';
import { cardIdBytes, exportIssuerKey, issuerIdOf, personalCard, signCard } from '../../shared/card.ts';
import type { Chance } from '../../shared/ports.ts';
import { renderPages } from '../fakes/pdf-reader.ts';
import { readQrCodes } from '../fakes/zxing.ts';
import { crop, type Grey, readPng, toPgm } from './grey.ts';
import { type Paper, paperDpi, paperPixelsPerMm } from './paper.ts';

/** How the sheet is cut, from its upper left corner: three by three cards in the middle of A4. */
const cutMm = { left: 6, top: 9, width: 66, height: 93 };

/** What stands before an Ed25519 private key's 32 bytes in PKCS #8 (RFC 8410 §7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Texts of cards that one made-up issuer signed. */
export function drawCardTexts(count: number, chance: Chance): readonly string[] {
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Head, chance.bytes(32)]), format: 'der', type: 'pkcs8' });
  const issuer = issuerIdOf(exportIssuerKey(key));
  return Array.from({ length: count }, () => {
    const id = chance.bytes(cardIdBytes);
    return signCard({ issuer, id, issuedDay: 2500, expiryDay: 3230, kind: personalCard }, key);
  });
}

/** Prints cards with these texts at a level, and cuts them out. In the order of the texts. */
export async function printCards(texts: readonly string[], level: QrLevel): Promise<readonly Paper[]> {
  const papers = new Map<string, Paper>();
  for (const page of await renderSheets(texts, level)) {
    for (const { text, paper } of await cutOut(page)) papers.set(text, paper);
  }
  return texts.map((text) => {
    const paper = papers.get(text);
    if (paper === undefined) throw new Error(`the clean page does not show ${text}`);
    return paper;
  });
}

/** The pages of the PDF that the gateway would write for them. */
async function renderSheets(texts: readonly string[], level: QrLevel): Promise<readonly Grey[]> {
  const card = { name: 'Nguyễn Văn A', birthYear: 1999, number: '123 456 789 0', expires: '05/11/2028' };
  const cards: readonly PrintedCard[] = texts.map((text) => ({ ...card, text }));
  const issuedBy = { name: 'Nhà máy Bình Minh', contact: '0900 000 000' };
  const folder = await mkdtemp(join(tmpdir(), 'ravao-print-'));
  try {
    const path = join(folder, 'cards.pdf');
    await using file = await openPdfFile(path);
    const { signal } = new AbortController();
    const draw = (pdf: Pdf) => drawSheets(pdf, cards, issuedBy, { progress: () => {}, signal, level });
    await file.write(draw, { title: 'Thẻ', nowMs: 0 });
    return await Promise.all((await renderPages(path, paperDpi)).map(readPng));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The cards of a page: a decoder says where each code lies, the marks say where its card ends. */
async function cutOut(page: Grey): Promise<readonly { readonly text: string; readonly paper: Paper }[]> {
  const side = codeMm.card * paperPixelsPerMm;
  const width = cutMm.width * paperPixelsPerMm;
  const height = cutMm.height * paperPixelsPerMm;
  return (await readQrCodes(toPgm(page))).map(({ text, position }) => {
    const corners = [position.topLeft, position.topRight, position.bottomLeft, position.bottomRight];
    const x = corners.reduce((sum, corner) => sum + corner.x / 4, 0);
    const y = corners.reduce((sum, corner) => sum + corner.y / 4, 0);
    const marks = { left: cutMm.left * paperPixelsPerMm, top: cutMm.top * paperPixelsPerMm };
    const left = Math.round(marks.left + Math.floor((x - marks.left) / width) * width);
    const top = Math.round(marks.top + Math.floor((y - marks.top) / height) * height);
    const card = crop(page, left, top, Math.round(width), Math.round(height), 255);
    return { text, paper: { ...card, code: { left: x - left - side / 2, top: y - top - side / 2, side } } };
  });
}
