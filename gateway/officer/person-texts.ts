/** What is given of a person, a code or a number a line: at the terminal, or through standard input. */
import { Fault } from '../../shared/fault.ts';
import { textsMax } from './person-numbers.ts';
import type { TerminalDesk } from './terminal.ts';

/** As many codes as may be given, each as long as a kiosk takes. */
const inputBytesMax = textsMax * 8192;

/** Lines, as they were given; null where the person at the terminal gave up. Throws the Fault PASSPHRASE_UNASKED. */
export async function readPersonTexts(
  input: AsyncIterable<Uint8Array> | null,
  desk: TerminalDesk,
): Promise<readonly string[] | null> {
  if (input !== null) return readLines(input);
  const terminal = desk.open();
  if (terminal === null) throw new Fault('PASSPHRASE_UNASKED', 'Standard input is no terminal that answers.');
  const texts: string[] = [];
  for (let prompt = "The person's code or number: "; texts.length < textsMax; prompt = 'Another one, or Enter: ') {
    const typed = await terminal.ask(prompt, { hidden: false });
    if (typed.type !== 'line') return null;
    if (typed.text.trim() === '') break;
    texts.push(typed.text);
  }
  return texts;
}

/** What goes beyond the limit is cut, and then is no code. */
async function readLines(input: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of input) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > inputBytesMax) break;
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .split(/\r\n|[\r\n]/);
}
