/** An invitation on paper: a code of 120 mm on A4, for which gate, and what to do with it. */
import { existsSync } from 'node:fs';
import { Fault } from '../../shared/fault.ts';
import { drawCode, drawText } from '../cards/drawing.ts';
import { mm, openPdfFile, type Pdf, page } from '../cards/pdf-file.ts';
import { qrMatrix, quietModules } from '../cards/qr-matrix.ts';
import { showMoment } from '../moment.ts';
import type { PrintedInvitation } from './invite-command.ts';

const side = 120 * mm;
const margin = 15 * mm;

const day = new Intl.DateTimeFormat('vi', {
  dateStyle: 'short',
  timeStyle: 'short',
  timeZone: 'Asia/Ho_Chi_Minh',
});

/** A sheet that can be written; disposing it leaves nothing behind unless it was. */
export interface InvitationSheet extends AsyncDisposable {
  /** Puts it in its place, for its owner alone: it holds a secret. Throws the Fault PRINT_FAILED. */
  write(printed: PrintedInvitation, nowMs: number): Promise<void>;
}

/**
 * Prepares to write a sheet, so that a place that cannot be written is noticed before there is an invitation. Nothing is
 * written over: it may be an invitation that is open, and would then be on no paper. Throws the Faults INVITATION_EXISTS and
 * PRINT_FAILED.
 */
export async function openInvitationSheet(path: string): Promise<InvitationSheet> {
  if (existsSync(path)) throw new Fault('INVITATION_EXISTS', `File: ${path}`);
  const file = await openPdfFile(path);
  return {
    write: (printed, nowMs) =>
      file.write(async (pdf) => drawSheet(pdf, printed), { title: `Ravao: ${printed.kiosk}`, nowMs }),
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function drawSheet(pdf: Pdf, { text, site, gate, kiosk, expiresMs }: PrintedInvitation): void {
  const modules = qrMatrix(text, 'M');
  pdf.addPage();
  const words = { x: margin, width: page.width - 2 * margin, align: 'center' } as const;
  const quiet = (quietModules * side) / modules.length;
  let y = margin;
  y += drawText(pdf, gate, { ...words, y, sizeMax: 40, sizeMin: 20, lines: 2, bold: true }) + 2 * mm;
  y += drawText(pdf, `${site} · ${kiosk}`, { ...words, y, sizeMax: 18, sizeMin: 12 }) + quiet;
  drawCode(pdf, modules, { x: (page.width - side) / 2, y, side });
  y += side + quiet;
  const lines = [
    'Đưa mã này trước đầu đọc của máy mới.',
    'Hold this code before the scanner of the new kiosk.',
    `Dùng một lần, đến ${day.format(expiresMs)}. Xong thì hủy tờ này.`,
    `Works once, until ${showMoment(expiresMs).slice(0, 16)}. Destroy this sheet afterwards.`,
  ];
  for (const line of lines) y += drawText(pdf, line, { ...words, y, sizeMax: 18, sizeMin: 10, lines: 2 }) + 3 * mm;
}
