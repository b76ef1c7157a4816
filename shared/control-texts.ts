/** What control cards do, in words: on the card and beside the lights in Vietnamese, on command lines in English. */
import type { BilingualText } from './code/refusal-texts.ts';
import type { ControlAction } from './control-card.ts';

/** An action in words: its name, and what follows from it. */
export interface ControlText extends BilingualText {
  /** A sentence for the guard, in Vietnamese. */
  readonly does: string;
}

/** A text for every action. */
export const controlTexts: Readonly<Record<ControlAction, ControlText>> = {
  'direction-in': { vi: 'Chiều vào', en: 'direction: in', does: 'Từ giờ mọi lượt quét là vào.' },
  'direction-out': { vi: 'Chiều ra', en: 'direction: out', does: 'Từ giờ mọi lượt quét là ra.' },
  'direction-toggle': {
    vi: 'Vào ra lần lượt',
    en: 'direction: by turns',
    does: 'Mỗi người: lần đầu là vào, lần sau là ra.',
  },
  'direction-default': {
    vi: 'Chiều ban đầu',
    en: 'direction: as set up',
    does: 'Trả cổng về chiều đã cài lúc lắp máy.',
  },
  close: { vi: 'Đóng cổng', en: 'close the gate', does: 'Máy không nhận ai, cho đến khi có thẻ Mở cổng.' },
  open: { vi: 'Mở cổng', en: 'open the gate', does: 'Máy nhận người trở lại.' },
  visitor: {
    vi: 'Khách không mã',
    en: 'a visitor without a code',
    does: 'Mỗi lần đưa thẻ: một khách qua, và được đếm.',
  },
  test: { vi: 'Thử đèn còi', en: 'test lights and scanner', does: 'Đèn đỏ, vàng, xanh và còi lần lượt.' },
};
