/** A part of a code, in modules from its upper left corner. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The dark modules of a code as few rectangles that do not overlap: runs of a row, drawn on over rows that have the same. */
export function qrRectangles(modules: readonly (readonly boolean[])[]): readonly Rectangle[] {
  const rectangles: Rectangle[] = [];
  let open = new Map<string, Rectangle>();
  for (const [y, row] of modules.entries()) {
    const next = new Map<string, Rectangle>();
    for (const [x, width] of runsOf(row)) {
      const key = `${x} ${width}`;
      const above = open.get(key);
      next.set(key, { x, y: above?.y ?? y, width, height: (above?.height ?? 0) + 1 });
      open.delete(key);
    }
    rectangles.push(...open.values());
    open = next;
  }
  return [...rectangles, ...open.values()];
}

/** Where each run of dark modules begins, and how long it is. */
function runsOf(row: readonly boolean[]): readonly (readonly [x: number, width: number])[] {
  const runs: [number, number][] = [];
  for (const [x, dark] of row.entries()) {
    const last = runs.at(-1);
    if (!dark) continue;
    if (last !== undefined && last[0] + last[1] === x) last[1]++;
    else runs.push([x, 1]);
  }
  return runs;
}
