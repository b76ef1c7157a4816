/** PDF files that are whole or absent: written aside, synced, then renamed. */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeError, Fault } from '../../shared/fault.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { secretFileMode } from '../trust/durable-file.ts';

/** A document that is being drawn. Lengths are in points, from the upper left corner of the page. */
export type Pdf = PDFKit.PDFDocument;

/** Points in a millimetre. */
export const mm = 72 / 25.4;

/** A4, in points. */
export const page = { width: 210 * mm, height: 297 * mm } as const;

/** The names of the embedded fonts, which have all Vietnamese letters. */
export const fonts = { plain: 'plain', bold: 'bold' } as const;
const fontFiles = { plain: 'DejaVuSansCondensed.ttf', bold: 'DejaVuSansCondensed-Bold.ttf' } as const;

/** A PDF that can be written; disposing it leaves nothing behind unless it was. */
export interface PdfFile extends AsyncDisposable {
  /**
   * Draws the document, page by page (there is none at the start), and puts it in its place. Once. The file is for its
   * owner alone, as it may hold names. Throws the Fault PRINT_FAILED.
   */
  write(draw: (pdf: Pdf) => Promise<void>, about: { readonly title: string; readonly nowMs: number }): Promise<void>;
}

/**
 * Prepares to write a PDF, so that a place that cannot be written is noticed before anything is done for it. An older PDF
 * is replaced; any other file is not. Throws the Fault PRINT_FAILED.
 */
export async function openPdfFile(path: string): Promise<PdfFile> {
  const absolute = resolve(path);
  const aside = join(dirname(absolute), `.${basename(absolute)}.${randomUUID()}.tmp`);
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      throw new Fault('PRINT_FAILED', `File: ${path}: ${describeError(error)}.`, { cause: error });
    }
  };
  await attempt(() => refuseOtherFiles(path, absolute));
  const handle = await attempt(() => open(aside, 'wx', secretFileMode));
  return {
    write: (draw, about) =>
      attempt(async () => {
        await drawInto(handle, draw, about);
        await handle.sync();
        await rename(aside, absolute);
        syncFolder(dirname(absolute));
      }),
    async [Symbol.asyncDispose]() {
      await handle.close();
      await rm(aside, { force: true });
    },
  };
}

async function refuseOtherFiles(path: string, absolute: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(absolute, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(5), 0, 5, 0);
    if (bytesRead === 0 || buffer.toString('latin1') === '%PDF-') return;
    throw new Fault('PRINT_FAILED', `File: ${path} is there and is no PDF; it was left as it is.`);
  } finally {
    await handle.close();
  }
}

/** A document that nobody will see, with a page: to find out what fits. */
export async function openScratchPdf(): Promise<Pdf> {
  const pdf = await makeDocument({});
  return pdf.addPage();
}

async function makeDocument(info: PDFKit.DocumentInfo): Promise<Pdf> {
  // Takes 100 ms to load: only for who prints.
  const { default: PDFDocument } = await import('pdfkit');
  const size: [number, number] = [page.width, page.height];
  const pdf = new PDFDocument({ autoFirstPage: false, size, margin: 0, lang: 'vi', displayTitle: true, info });
  for (const [name, file] of Object.entries(fontFiles)) {
    pdf.registerFont(name, fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`)));
  }
  return pdf;
}

async function drawInto(
  handle: FileHandle,
  draw: (pdf: Pdf) => Promise<void>,
  about: { readonly title: string; readonly nowMs: number },
): Promise<void> {
  const pdf = await makeDocument({ Title: about.title, Creator: 'Ravao', CreationDate: new Date(about.nowMs) });
  const written = writeAll(handle, pdf);
  written.catch(() => {}); // told below, when the drawing has ended
  await draw(pdf);
  pdf.end();
  await written;
}

async function writeAll(handle: FileHandle, pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const piece of pieces) await handle.writeFile(piece as Buffer);
}
