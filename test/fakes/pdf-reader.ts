/** Printed pages as others see them: through poppler and two decoders. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readQrCodes } from './zxing.ts';

const run = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;

/** The pages of a PDF as PNG files, in order. @param dpi dots per inch. */
export async function renderPages(pdf: string, dpi: number): Promise<readonly Buffer[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ravao-pages-'));
  try {
    await run('pdftoppm', ['-r', String(dpi), '-gray', '-png', pdf, join(dir, 'page')]);
    return await Promise.all((await readdir(dir)).sort().map((name) => readFile(join(dir, name))));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The texts of all codes on all pages, page by page, in rows from the upper left. */
export async function readCodes(pdf: string, dpi = 150): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const picture of await renderPages(pdf, dpi)) {
    const found = await readQrCodes(picture);
    const row = (y: number) => Math.round(y / dpi);
    found.sort(({ position: { topLeft: a } }, { position: { topLeft: b } }) => row(a.y) - row(b.y) || a.x - b.x);
    texts.push(...found.map(({ text }) => text));
  }
  return texts;
}

/** The same by zbar, in no particular order. */
export async function readCodesByZbar(pdf: string, dpi = 150): Promise<readonly string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ravao-pages-'));
  try {
    await run('pdftoppm', ['-r', String(dpi), '-gray', '-png', pdf, join(dir, 'page')]);
    const pictures = (await readdir(dir)).map((name) => join(dir, name));
    const { stdout } = await run('zbarimg', ['--quiet', '--raw', '-Sdisable', '-Sqrcode.enable', ...pictures]);
    return stdout.split('\n').filter((line) => line !== '');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The words of a PDF, as a person would copy them. */
export async function readWords(pdf: string): Promise<string> {
  return (await run('pdftotext', ['-layout', pdf, '-'], { maxBuffer: outputBytesMax })).stdout;
}

/** Each font of a PDF: its name, and whether it is embedded as a subset with a way back to letters. */
export async function readFonts(pdf: string): Promise<readonly { name: string; whole: boolean }[]> {
  const { stdout } = await run('pdffonts', [pdf]);
  return stdout
    .split('\n')
    .slice(2)
    .filter((line) => line !== '')
    .map((line) => ({ name: line.split(/\s+/)[0] ?? '', whole: /\byes +yes +yes\b/.test(line) }));
}

/** How many pages a PDF has, and how large they are, in millimetres. */
export async function readSize(pdf: string): Promise<{ pages: number; widthMm: number; heightMm: number }> {
  const { stdout } = await run('pdfinfo', [pdf]);
  const points = /^Page size: +([\d.]+) x ([\d.]+) pts/m.exec(stdout);
  const mm = (text: string | undefined) => Math.round((Number(text) / 72) * 25.4);
  return { pages: Number(/^Pages: +(\d+)/m.exec(stdout)?.[1]), widthMm: mm(points?.[1]), heightMm: mm(points?.[2]) };
}
