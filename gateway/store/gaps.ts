/** The runs missing from a rising sequence that should be 1, 2, 3, … A number may come twice. */
export function* findGaps(seqs: Iterable<number>): Generator<{ from: number; to: number }> {
  let expected = 1;
  for (const seq of seqs) {
    if (seq > expected) yield { from: expected, to: seq - 1 };
    expected = seq + 1;
  }
}
