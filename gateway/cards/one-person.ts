/** One person as whoever runs a command names them: asked for at the terminal, or lines of standard input, never arguments. */
import type { StandardInput } from '../site-rules/standard-input.ts';
import { toColumn } from './people-csv.ts';
import { type Column, columns, type Fields } from './person.ts';

/** What may be said of somebody who gets a card, in the order in which it is asked for. */
export const applicantFields = ['name', 'birth_year', 'number', 'phone', 'address'] as const;

/** What tells the holder of a card from others. */
export const holderFields = ['name', 'birth_year', 'number', 'phone'] as const;

/** What is read of standard input, in bytes: far more than the longest fields need. */
const inputBytesMax = 16_384;

const prompts: Readonly<Record<(typeof applicantFields)[number], string>> = {
  name: 'Name: ',
  birth_year: 'Year of birth, or Enter: ',
  number: 'Number of a document, or Enter: ',
  phone: 'Phone, or Enter: ',
  address: 'Address, or Enter: ',
};

/** Fields of one person, by default empty; or what is wrong, naming fields and lines and never what stands there. */
export async function readOnePerson(
  wanted: readonly (typeof applicantFields)[number][],
  input: StandardInput,
): Promise<Fields | { readonly wrong: string }> {
  if (input.isTerminal) return askFields(wanted, input);
  const bytes = await input.readAll();
  if (bytes.byteLength > inputBytesMax) return { wrong: `Standard input is longer than ${inputBytesMax} bytes.` };
  return readFields(new TextDecoder().decode(bytes), wanted);
}

const nobody = Object.fromEntries(columns.map((column) => [column, ''])) as Fields;

async function askFields(
  wanted: readonly (typeof applicantFields)[number][],
  input: StandardInput,
): Promise<Fields | { readonly wrong: string }> {
  const fields: Record<Column, string> = { ...nobody };
  for (const field of wanted) {
    const typed = await input.ask(prompts[field]);
    if (typed === null) return { wrong: 'Nothing was done.' };
    fields[field] = typed;
    if (fields.name.trim() === '') return { wrong: 'Nobody was named. Nothing was done.' };
  }
  return fields;
}

/** Lines like `name: Nguyễn Văn A`. */
function readFields(text: string, wanted: readonly Column[]): Fields | { readonly wrong: string } {
  const fields: Record<Column, string> = { ...nobody };
  const said = new Set<Column>();
  for (const [index, line] of text.split(/\r\n|[\r\n]/).entries()) {
    if (line.trim() === '') continue;
    const [, heading = '', value = ''] = /^([^:]+):(.*)$/.exec(line) ?? [];
    const field = toColumn(heading);
    if (field === null || !wanted.includes(field))
      return { wrong: `Line ${index + 1} is not like "name: …": a line begins with ${wanted.join(', ')}.` };
    if (said.has(field)) return { wrong: `Line ${index + 1} says ${field} a second time: one person at a time.` };
    said.add(field);
    fields[field] = value;
  }
  if (said.size > 0) return fields;
  return {
    wrong: `Nobody was named: run it at a terminal, or give lines like "name: …" through standard input (${wanted.join(', ')}).`,
  };
}
