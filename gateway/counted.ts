/** Numbers of things in sentences. */

/** A number and its noun: `1 card`, `2 cards`. @param many the noun of any other number than one. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
