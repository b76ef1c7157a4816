/** Gates that stay closed when the cards that open them are revoked. */
import type { ControlAction } from '../../shared/control-card.ts';
import { readGateStates } from '../enrol/gate-states.ts';

/**
 * A word on gates that guards have closed, as their kiosks said last, where cards that open them were revoked; null where
 * there are none. A gate opens by any other card that is good.
 */
export async function warnOfClosedGates(
  revoked: readonly { readonly action: ControlAction; readonly kiosk: string | null }[],
  dataDir: string,
): Promise<string | null> {
  const openers = revoked.filter(({ action }) => action === 'open');
  if (openers.length === 0) return null;
  const closed = [...(await readGateStates(dataDir))]
    .filter(
      ([kiosk, state]) => state === 'closed' && openers.some((card) => card.kiosk === null || card.kiosk === kiosk),
    )
    .map(([kiosk]) => kiosk)
    .sort();
  if (closed.length === 0) return null;
  return (
    `CLOSED by a guard: ${closed.join(', ')}. The revoked cards open no gate any more: where no other guard has a card ` +
    '"Mở cổng", make one with "cards control --actions open".\n'
  );
}
