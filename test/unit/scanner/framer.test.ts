import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFramer, type Framed, type Framer, frameBytesMax } from '../../../hardware/scanner/framer.ts';
import { systemClock } from '../../../shared/system/clock.ts';

const card = '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021';
/** A health certificate in form: base45 has spaces, also several in a row and at the end. */
const base45 = 'HC1:6BF+70790T9WJWG.FKY*4GO0.O1CV2 O5 N2FBBRW1*70HS8WY04AC*WIFN0AHCD8KD97TK0F90  ';
/** "Nguyễn Văn A" in GBK-like bytes: what a GM65 module makes of Vietnamese. */
const gbk = Uint8Array.of(0x4e, 0x67, 0x75, 0x79, 0xa8, 0xba, 0x6e, 0x20, 0x56, 0xa8, 0xa6, 0x6e);

function bytes(...parts: (string | number | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'number' ? [part] : [...(typeof part === 'string' ? new TextEncoder().encode(part) : part)],
    ),
  );
}

function serial(): Framer {
  return createFramer({ tabEnds: true });
}

function frame(text: string, aim: string | null = null): Framed {
  return { type: 'frame', text, aim };
}

/** Everything a framer makes of some bytes that are followed by silence. */
function read(input: Uint8Array, framer = serial()): Framed[] {
  return [...framer.push(input), ...framer.idle()];
}

const samples: Record<string, Uint8Array> = {
  'every end': bytes('one\rtwo\nthree\r\nfour\tfive', 0x03, 'six\r\r\n\nseven'),
  'an ID card with an AIM id': bytes(']Q1', card, '\r\n'),
  'STX and ETX': bytes(0x02, card, 0x03, 0x02, base45, 0x03),
  base45: bytes(base45, '\r'),
  'a byte order mark': bytes(0xef, 0xbb, 0xbf, card, '\n'),
  'noise around a code': bytes(0, 0, 0x1b, 0x7f, card, '\r', 0, 0),
  GBK: bytes(gbk, '\r', card, '\r'),
  'a NUL inside': bytes(card, 0, '\0rest', '\r'),
  'an overlong frame': bytes('x'.repeat(frameBytesMax + 1), '\r', card, '\r'),
};

describe('what ends a frame', () => {
  it.each([
    ['CR', bytes('a\rb\r')],
    ['LF', bytes('a\nb\n')],
    ['CRLF', bytes('a\r\nb\r\n')],
    ['TAB', bytes('a\tb\t')],
    ['ETX', bytes('a', 3, 'b', 3)],
    ['STX of the next frame', bytes(2, 'a', 2, 'b')],
    ['several ends in a row', bytes('\r\n\r\na\n\n\nb\t\r\n')],
    ['silence after the last', bytes('a\rb')],
  ])('%s', (_, input) => {
    expect(read(input)).toEqual([frame('a'), frame('b')]);
  });

  it('is not the end of a chunk', () => {
    const framer = serial();
    expect(framer.push(bytes('00109901'))).toEqual([]);
    expect(framer.push(bytes('2345\r'))).toEqual([frame('001099012345')]);
  });

  it('is silence, after which nothing is glued to what came before', () => {
    const framer = serial();
    framer.push(bytes('first'));
    expect(framer.idle()).toEqual([frame('first')]);
    expect(framer.idle()).toEqual([]);
    framer.push(bytes('second'));
    expect(framer.idle()).toEqual([frame('second')]);
  });

  it('is not a TAB where lines are typed', () => {
    expect(read(bytes('a\tb\nc'), createFramer({ tabEnds: false }))).toEqual([frame('a\tb'), frame('c')]);
  });

  it('is not an empty line: that is no frame', () => {
    expect(read(bytes('\r\n\r\n\t', 2, 3))).toEqual([]);
  });
});

describe('what a frame holds', () => {
  it.each(['Q1', 'Q2', 'E0', 'C1', 'd2', 'QA'])('its AIM id ]%s apart from the text', (id) => {
    expect(read(bytes(`]${id}${card}\r`))).toEqual([frame(card, `]${id}`)]);
  });

  it.each(['] Q1', ']Q', ']', ']1Q', `a]Q1`, `${card}]C1`, base45, ` ${base45} `, card])(
    '%j as it came, where there is no AIM id',
    (text) => {
      expect(read(bytes(text, '\r'))).toEqual([frame(text)]);
    },
  );

  it('nothing, where a scanner sends an AIM id and no text', () => {
    expect(read(bytes(']Q1\r'))).toEqual([frame('', ']Q1')]);
  });

  it('no byte order mark', () => {
    expect(read(bytes(0xef, 0xbb, 0xbf, card, '\r'))).toEqual([frame(card)]);
  });

  it('its NULs and other control characters, once it has begun', () => {
    expect(read(bytes('a\0b\u001dc\r'))).toEqual([frame('a\0b\u001dc')]);
  });

  it('decoded as a whole, also when a letter is split between chunks', () => {
    const framer = serial();
    const encoded = bytes('Nguyễn\r');
    const out = [...encoded].flatMap((byte) => framer.push(Uint8Array.of(byte)));
    expect(out).toEqual([frame('Nguyễn')]);
  });
});

describe('what is no text', () => {
  it('is discarded as undecodable with its length and digest, and the next frame is read', () => {
    expect(read(bytes(gbk, '\r', card, '\r'))).toEqual([
      { type: 'discarded', reason: 'undecodable', bytes: gbk.length, digest: expect.stringMatching(/^[0-9a-f]{16}$/) },
      frame(card),
    ]);
  });

  it.each([
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong form', [0xc0, 0xaf]],
    ['half a letter', [0xe1, 0xbb]],
    ['a lone continuation', [0x80]],
  ])('%s in UTF-8 is not guessed', (_, wrong) => {
    expect(read(bytes('a', Uint8Array.from(wrong), 'b\r'))).toMatchObject([{ reason: 'undecodable' }]);
  });

  it('is discarded as overlong once, with all its bytes counted, and the next frame is read', () => {
    const long = frameBytesMax + 12_001;
    expect(read(bytes('x'.repeat(long), '\r', card, '\r'))).toMatchObject([
      { type: 'discarded', reason: 'overlong', bytes: long },
      frame(card),
    ]);
  });

  it('is not a frame of just the limit', () => {
    const text = 'x'.repeat(frameBytesMax);
    expect(read(bytes(text, '\r'))).toEqual([frame(text)]);
    expect(read(bytes(text, 'x\r'))).toMatchObject([{ reason: 'overlong', bytes: frameBytesMax + 1 }]);
  });

  it('ends with silence too', () => {
    const framer = serial();
    framer.push(bytes('x'.repeat(frameBytesMax * 3)));
    expect(framer.idle()).toMatchObject([{ reason: 'overlong', bytes: frameBytesMax * 3 }]);
    expect(read(bytes(card), framer)).toEqual([frame(card)]);
  });

  it('has the digest FNV-1a gives it', () => {
    // Computed the plain way here, with BigInt; the last byte makes the frame undecodable.
    const input = bytes('foobar', 0x80);
    let expected = 0xcbf29ce484222325n;
    for (const byte of input) expected = ((expected ^ BigInt(byte)) * 0x100000001b3n) % 2n ** 64n;
    expect(read(bytes(input, '\r'))).toMatchObject([{ digest: expected.toString(16).padStart(16, '0') }]);
  });

  it('has the same digest for the same bytes and another for others', () => {
    const digestOf = (input: Uint8Array) => read(input).map((out) => (out.type === 'discarded' ? out.digest : ''));
    const long = 'x'.repeat(frameBytesMax + 1);
    expect(digestOf(bytes(long, 'a'))).toEqual(digestOf(bytes(long, 'a\r')));
    expect(digestOf(bytes(long, 'a'))).not.toEqual(digestOf(bytes(long, 'b')));
  });
});

describe('noise', () => {
  it('is counted between frames and shown before the next', () => {
    expect(read(bytes(0, 0, 0x1b, 'a\r', 0, 'b\r', 0, 0))).toEqual([
      { type: 'noise', bytes: 3 },
      frame('a'),
      { type: 'noise', bytes: 1 },
      frame('b'),
      { type: 'noise', bytes: 2 },
    ]);
  });

  it('is reported in steps when nothing else ever comes', () => {
    expect(serial().push(new Uint8Array(frameBytesMax * 2 + 5))).toEqual([
      { type: 'noise', bytes: frameBytesMax },
      { type: 'noise', bytes: frameBytesMax },
    ]);
  });

  it('is what a broken line left of a frame: it is not glued to what comes after', () => {
    const framer = serial();
    framer.push(bytes('00109901'));
    expect(framer.abandon()).toEqual([{ type: 'noise', bytes: 8 }]);
    expect(framer.abandon()).toEqual([]);
    expect(read(bytes(card, '\r'), framer)).toEqual([frame(card)]);
  });

  it('is also what a broken line left of an overlong frame', () => {
    const framer = serial();
    framer.push(new Uint8Array(frameBytesMax + 9).fill(0x41));
    expect(framer.abandon()).toEqual([{ type: 'noise', bytes: frameBytesMax + 9 }]);
    expect(read(bytes('ok\r'), framer)).toEqual([frame('ok')]);
  });
});

describe('whatever comes', () => {
  /** Cuts bytes at the given places. */
  function split(input: Uint8Array, cuts: readonly number[]): Uint8Array[] {
    const places = [0, ...cuts.map((cut) => cut % (input.length + 1)).sort((a, b) => a - b), input.length];
    return places.slice(1).map((end, index) => input.subarray(places[index], end));
  }

  it.each(Object.entries(samples))('%s reads the same in every pair of chunks', (_, input) => {
    const whole = read(input);
    for (let cut = 0; cut <= input.length; cut += input.length > 1000 ? 97 : 1) {
      const framer = serial();
      expect([...framer.push(input.subarray(0, cut)), ...read(input.subarray(cut), framer)]).toEqual(whole);
    }
  });

  it('any samples in a row read the same in any chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...Object.values(samples)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        (parts, cuts) => {
          const input = bytes(...parts);
          const framer = serial();
          const out = split(input, cuts).flatMap((chunk) => framer.push(chunk));
          expect([...out, ...framer.idle()]).toEqual(read(input));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('byte soup never throws, and every byte but the ends is accounted for', () => {
    const oftenControl = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 2, 3, 9, 10, 13, 0x5d, 0x51));
    fc.assert(
      fc.property(fc.array(oftenControl, { maxLength: 300 }), (soup) => {
        const input = Uint8Array.from(soup);
        let bytesOut = 0;
        for (const out of read(input)) {
          if (out.type !== 'frame') bytesOut += out.bytes;
          else bytesOut += bytes(out.text).length + (out.aim?.length ?? 0);
        }
        const ends = soup.filter((byte) => [2, 3, 9, 10, 13].includes(byte)).length;
        expect(bytesOut).toBe(input.length - ends);
      }),
    );
  });

  it('a code after any soup and an end is read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (soup) => {
        expect(read(bytes(soup, '\r', card, '\r')).at(-1)).toEqual(frame(card));
      }),
    );
  });

  it('frames of any text without control characters come out as they went in', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1 })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
      .filter((value) => !/^\]|^\ufeff|[\u0000-\u001f\u007f]/.test(value) && value.isWellFormed());
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        expect(read(bytes(texts.map((value) => `${value}\r\n`).join('')))).toEqual(texts.map((value) => frame(value)));
      }),
    );
  });

  it('two million bytes, one at a time, cost the framer time in proportion only', () => {
    const timed = (count: number) => {
      const framer = serial();
      const one = Uint8Array.of(0x41);
      const beganMs = systemClock.monotonicMs();
      for (let index = 0; index < count; index++) framer.push(one);
      const tookMs = systemClock.monotonicMs() - beganMs;
      expect(framer.idle()).toHaveLength(1);
      return Math.max(1, tookMs);
    };
    timed(200_000); // lets the compiler do its work first
    const small = Math.min(timed(200_000), timed(200_000), timed(200_000));
    const large = Math.min(timed(2_000_000), timed(2_000_000));
    // Ten times the bytes; a framer that copied what it holds would need a hundred times the time.
    expect(large / small).toBeLessThan(40);
  });
});
