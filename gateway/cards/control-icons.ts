/** A small drawing for each thing that a guard's card does, for whoever reads slowly. Lines on a square of 24 by 24. */
import type { ControlAction } from '../../shared/control-card.ts';
import type { Pdf } from './pdf-file.ts';

/** Paths in the form of SVG (`d`), drawn as lines of 1.8. */
const outlines: Readonly<Record<ControlAction, string>> = {
  // A door, and an arrow into it, or out of it.
  'direction-in': 'M13 3 H21 V21 H13 M2 12 H15 M10 7 L15 12 L10 17',
  'direction-out': 'M11 3 H3 V21 H11 M8 12 H22 M17 7 L22 12 L17 17',
  // Both ways by turns.
  'direction-toggle': 'M3 8 H20 M15 3 L20 8 L15 13 M21 17 H4 M9 12 L4 17 L9 22',
  // Back to where it was.
  'direction-default': 'M6 8 H15 C23 8 23 20 15 20 H6 M11 3 L6 8 L11 13',
  // A padlock, shut or with its bow open.
  close: 'M4 11 H20 V22 H4 Z M7 11 V7 C7 0 17 0 17 7 V11 M12 15 V18',
  open: 'M4 11 H20 V22 H4 Z M7 11 V6 C7 -1 17 -1 17 5 M12 15 V18',
  // Somebody, and one more.
  visitor: 'M13 7 A4 4 0 1 1 5 7 A4 4 0 1 1 13 7 Z M1 22 C1 11 17 11 17 22 Z M20 7 V15 M16 11 H24',
  // Three lamps, one above the other.
  test: 'M7 1 H17 V23 H7 Z M14.5 5.5 A2.5 2.5 0 1 1 9.5 5.5 A2.5 2.5 0 1 1 14.5 5.5 Z M14.5 12 A2.5 2.5 0 1 1 9.5 12 A2.5 2.5 0 1 1 14.5 12 Z M14.5 18.5 A2.5 2.5 0 1 1 9.5 18.5 A2.5 2.5 0 1 1 14.5 18.5 Z M2 6 L4.5 7 M2 18 L4.5 17 M22 6 L19.5 7 M22 18 L19.5 17',
};

const gridSide = 24;

/** Draws it, in points. */
export function drawControlIcon(
  pdf: Pdf,
  action: ControlAction,
  at: { readonly x: number; readonly y: number; readonly side: number },
): void {
  pdf.save().translate(at.x, at.y);
  pdf.scale(at.side / gridSide);
  pdf.lineWidth(1.8).lineCap('round').lineJoin('round');
  pdf.path(outlines[action]).stroke('black').restore();
}
