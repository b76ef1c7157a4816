/** Two readers of QR codes that nobody here wrote. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { readQrCodes } from '../fakes/zxing.ts';
import { type Grey, toPgm } from './grey.ts';

/** For each picture, in their order, the text that was read; null where none was. */
export type Decoder = (pictures: readonly Grey[]) => Promise<readonly (string | null)[]>;

/** zbarimg keeps all pictures of one run in memory, some megabytes each. */
const picturesPerRunMax = 50;

/** ZXing-C++ with its own defaults (it tries harder, turned, and smaller), looking for QR codes. */
async function readByZxing(pictures: readonly Grey[]): Promise<readonly (string | null)[]> {
  const texts: (string | null)[] = [];
  for (const picture of pictures) {
    const [found] = await readQrCodes(toPgm(picture));
    texts.push(found?.text ?? null);
  }
  return texts;
}

/** Debian's zbarimg with its own defaults, looking for QR codes. Throws an Error with what it said where it fails. */
async function readByZbar(pictures: readonly Grey[]): Promise<readonly (string | null)[]> {
  const texts: (string | null)[] = [];
  for (let from = 0; from < pictures.length; from += picturesPerRunMax) {
    const few = pictures.slice(from, from + picturesPerRunMax);
    const found = readXml(await runZbar(Buffer.concat(few.map(toPgm))));
    texts.push(...few.map((_, index) => found.get(index) ?? null));
  }
  return texts;
}

/** zbarimg's XML for several pictures in one file. */
async function runZbar(pgms: Buffer): Promise<string> {
  const options = ['--quiet', '--nodbus', '--xml', '-Sdisable', '-Sqrcode.enable', 'pgm:-'];
  const child = spawn('zbarimg', options, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(pgms);
  const [[code], xml, complaint] = await Promise.all([
    once(child, 'close'),
    buffer(child.stdout),
    buffer(child.stderr),
  ]);
  if (code !== 0 && code !== nothingFound) throw new Error(`zbarimg ended with ${code}: ${complaint.toString()}`);
  return xml.toString();
}

/** zbarimg's exit code where no picture held a code. */
const nothingFound = 4;

/** By picture, the first symbol's text. Base45 cannot hold the end of a CDATA section. */
function readXml(xml: string): ReadonlyMap<number, string> {
  const pattern = /<index num='(\d+)'>\s*<symbol[^>]*><data><!\[CDATA\[(.*?)\]\]><\/data>/gs;
  return new Map(Array.from(xml.matchAll(pattern), ([, index, text]) => [Number(index), text ?? '']));
}

/** By the name that the table shows. */
export const decoders: Readonly<Record<string, Decoder>> = { zxing: readByZxing, zbar: readByZbar };
