import { describe, expect, it } from 'vitest';
import { applicantFields, holderFields, readOnePerson } from '../../../gateway/cards/one-person.ts';
import { pipedInput } from '../../fakes/piped-input.ts';

const nobody = { name: '', birth_year: '', number: '', phone: '', address: '', code: '' };
const piped = (text: string) => readOnePerson(applicantFields, pipedInput(text));

/** A terminal at which these are typed, in order; null gives up. */
function typing(...answers: readonly (string | null)[]) {
  const questions: string[] = [];
  const ask = async (question: string) => {
    questions.push(question);
    return answers[questions.length - 1] ?? null;
  };
  const input = { isTerminal: true, ask, readAll: async () => new Uint8Array() };
  return { questions, input };
}

describe('one person', () => {
  it('is read from lines, by the names of the columns in either language', async () => {
    expect(await piped('\ufeffHọ tên: Nguyễn Văn A\r\n\r\nbirth_year:1950\nĐịa chỉ: Thôn 2: nhà sau\n')).toEqual({
      ...nobody,
      name: ' Nguyễn Văn A',
      birth_year: '1950',
      address: ' Thôn 2: nhà sau',
    });
  });

  it.each([
    ['', /^Nobody was named: run it at a terminal, or give lines like "name: …" .*address\)\.$/],
    ['name: A\nNguyễn Văn B\n', /^Line 2 is not like "name: …": a line begins with name, birth_year,/],
    ['name: A\nemail: b\n', /^Line 2 is not like/],
    ['name: A\ncode: RV1:X', /^Line 2 is not like/],
    ['name: A\nname: B\n', /^Line 2 says name a second time/],
    [`name: ${'a'.repeat(20_000)}`, /longer than 16384 bytes/],
  ])('of %j is not read, and what is wrong is said without what stands there', async (text, message) => {
    const read = await piped(text);
    expect(read).toEqual({ wrong: expect.stringMatching(message) });
    expect(JSON.stringify(read)).not.toMatch(/Nguyễn|email/);
  });

  it('is asked for field by field, and no further than to where nobody was named', async () => {
    const whole = typing('Nguyễn Văn A', '', '', '0900000001');
    expect(await readOnePerson(holderFields, whole.input)).toEqual({
      ...nobody,
      name: 'Nguyễn Văn A',
      phone: '0900000001',
    });
    expect(whole.questions).toHaveLength(4);
    const empty = typing(' ');
    expect(await readOnePerson(holderFields, empty.input)).toEqual({ wrong: 'Nobody was named. Nothing was done.' });
    expect(empty.questions).toEqual(['Name: ']);
    expect(await readOnePerson(holderFields, typing('A', null).input)).toEqual({ wrong: 'Nothing was done.' });
  });
});
