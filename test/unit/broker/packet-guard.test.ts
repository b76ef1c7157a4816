import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketGuard } from '../../../gateway/packet-guard.ts';

const limits = { connectBytesMax: 64, packetBytesMax: 1000 };
const connect = packet(0x10, 20);

/** A packet with a fixed header as [MQTT-2.2.3] has it. */
function packet(first: number, length: number): Uint8Array {
  const header = [first];
  let rest = length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Uint8Array.from([...header, ...new Uint8Array(length).fill(0xff)]);
}

function accepted(): PacketGuard {
  const guard = new PacketGuard(limits);
  expect(guard.push(connect)).toBeNull();
  guard.accept();
  return guard;
}

describe('PacketGuard', () => {
  it('lets a CONNECT within the limit through', () => {
    expect(new PacketGuard(limits).push(packet(0x10, 62))).toBeNull();
  });

  it.each([
    ['a CONNECT that announces more than the limit, at its header', Uint8Array.of(0x10, 65), 'packet-too-long'],
    ['150 MB announced', Uint8Array.of(0x10, 0x80, 0xa3, 0xc3, 0x47), 'packet-too-long'],
    ['a packet other than CONNECT first', packet(0x30, 5), 'not-connect'],
    ['an HTTP request', new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'), 'not-connect'],
    ['a length of five bytes', Uint8Array.of(0x10, 0x80, 0x80, 0x80, 0x80, 0x00), 'malformed-length'],
    ['more in all than a CONNECT takes', Uint8Array.from([...connect, ...packet(0x30, 60)]), 'too-much-before-connect'],
  ])('refuses %s', (_title, bytes, problem) => {
    expect(new PacketGuard(limits).push(bytes)).toBe(problem);
  });

  it('counts small packets before the CONNECT is accepted together', () => {
    const guard = new PacketGuard(limits);
    expect(guard.push(connect)).toBeNull();
    for (let sent = connect.length; sent + 2 <= 64; sent += 2) expect(guard.push(packet(0xc0, 0))).toBeNull();
    expect(guard.push(packet(0xc0, 0))).toBe('too-much-before-connect');
  });

  it('allows any number of packets up to the limit once the CONNECT is accepted', () => {
    const guard = accepted();
    for (let number = 0; number < 1000; number++) expect(guard.push(packet(0x32, 1000))).toBeNull();
    expect(guard.push(packet(0x32, 1001))).toBe('packet-too-long');
  });

  it('judges the same however the bytes are cut', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 1100 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (packets, cuts) => {
        const stream = Buffer.concat(packets.map((length) => packet(0x32, length)));
        const guard = accepted();
        let problem = null;
        for (let at = 0, cut = 0; at < stream.length && problem === null; cut++) {
          const size = cuts[cut % cuts.length] ?? 1;
          problem = guard.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(problem).toBe(packets.some((length) => length > 1000) ? 'packet-too-long' : null);
      }),
    );
  });

  it('never throws, whatever arrives', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const guard = accepted();
        for (const chunk of chunks) if (guard.push(chunk) !== null) break;
      }),
    );
  });
});
