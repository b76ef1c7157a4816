/** What a person types at a terminal that shows nothing by itself: characters in, a line or what is to be shown out. */

/** A longer line is refused: no code and no passphrase is. */
export const lineCharsMax = 8192;

/** What a line came to. */
export type TypedLine =
  | { readonly type: 'line'; readonly text: string }
  /** Ctrl-C, or Ctrl-D on an empty line. */
  | { readonly type: 'cancelled' }
  | { readonly type: 'too-long' };

/** What is to be shown, and the line where it has ended. */
export interface Typing {
  readonly show: string;
  readonly done: TypedLine | null;
}

/**
 * Takes a line apart as it is typed. Backspace takes one character back, as input methods for Vietnamese do when an accent
 * is typed; Ctrl-U takes all. Cursor keys and other control characters are passed over.
 */
export class LineEditor {
  readonly #hidden: boolean;
  #characters: string[] = [];
  #overlong = false;
  #escape: 'none' | 'begun' | 'sequence' = 'none';

  /** @param hidden whether nothing of the line is shown. */
  constructor(hidden: boolean) {
    this.#hidden = hidden;
  }

  /** One character. After a line has ended the editor is done. */
  type(character: string): Typing {
    if (this.#isEscaped(character)) return { show: '', done: null };
    switch (character) {
      case '\r':
      case '\n':
        return { show: '\r\n', done: this.#end() };
      case '\u0003':
        return { show: '\r\n', done: { type: 'cancelled' } };
      case '\u0004':
        return this.#characters.length > 0 ? { show: '', done: null } : { show: '\r\n', done: { type: 'cancelled' } };
      case '\u0008':
      case '\u007f':
        return { show: this.#take(1), done: null };
      case '\u0015':
        return { show: this.#take(this.#characters.length), done: null };
      default:
        return { show: this.#add(character), done: null };
    }
  }

  #end(): TypedLine {
    return this.#overlong ? { type: 'too-long' } : { type: 'line', text: this.#characters.join('') };
  }

  #add(character: string): string {
    if (character < ' ') return '';
    if (this.#characters.length >= lineCharsMax) {
      this.#overlong = true;
      return '';
    }
    this.#characters.push(character);
    return this.#hidden ? '' : character;
  }

  #take(count: number): string {
    const taken = this.#characters.splice(this.#characters.length - Math.min(count, this.#characters.length));
    return this.#hidden ? '' : '\b \b'.repeat(taken.length);
  }

  /** Whether a character belongs to what a key sends that is no letter (ECMA-48: ESC, then `[` or `O`, to a final byte). */
  #isEscaped(character: string): boolean {
    if (this.#escape === 'none') {
      if (character !== '\u001b') return false;
      this.#escape = 'begun';
    } else if (this.#escape === 'begun') this.#escape = character === '[' || character === 'O' ? 'sequence' : 'none';
    else if (character >= '@' && character <= '~') this.#escape = 'none';
    return true;
  }
}
