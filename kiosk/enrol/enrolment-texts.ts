/** What an installer is told while a kiosk is enrolled: short, for the Vietnamese one must fit beside the lights. */
import type { BilingualText } from '../../shared/code/refusal-texts.ts';

/** Why an invitation did not work. */
export type EnrolmentFailure =
  /** Something else was scanned. */
  | 'not-invitation'
  /** It means to be one, but was cut, or is of another version. */
  | 'damaged'
  /** None of its addresses answers. */
  | 'unreachable'
  /** Something answers, but not the site that the invitation names. */
  | 'wrong-site'
  /** The site says that it did not make this invitation as it stands. */
  | 'altered'
  | 'expired'
  | 'used'
  /** The site does not know it (any more). */
  | 'unknown'
  /** It is for another kiosk than RAVAO_KIOSK_ID says. */
  | 'wrong-kiosk'
  /** The gateway was reached, but its answer was none, or did not fit. */
  | 'no-answer'
  /** What the gateway gave could not be kept on this kiosk's disk. */
  | 'not-kept';

export const failureTexts: Readonly<Record<EnrolmentFailure, BilingualText>> = {
  'not-invitation': {
    vi: 'Máy chưa đăng ký. Xin quét mã mời của máy chủ.',
    en: 'This kiosk is not enrolled yet. Please scan an invitation of the gateway.',
  },
  damaged: {
    vi: 'Mã mời đọc chưa hết. Xin giữ yên, quét lại.',
    en: 'The invitation was not read whole. Please hold it still and scan again.',
  },
  unreachable: {
    vi: 'Không thấy máy chủ. Xin kiểm tra mạng, quét lại.',
    en: 'The gateway does not answer. Please check the network, then scan again.',
  },
  'wrong-site': {
    vi: 'Máy chủ ở mạng này là nơi khác. Xin kiểm tra mạng.',
    en: 'Another site answers on this network. Please check the network, then scan again.',
  },
  altered: {
    vi: 'Mã mời đã bị sửa. Xin tạo mã mới.',
    en: 'The invitation was altered. Please make a new one.',
  },
  expired: { vi: 'Mã mời đã hết hạn. Xin tạo mã mới.', en: 'The invitation has ended. Please make a new one.' },
  used: {
    vi: 'Mã mời này đã dùng rồi. Xin tạo mã mới.',
    en: 'The invitation was used already. Please make a new one.',
  },
  unknown: {
    vi: 'Máy chủ không biết mã mời này. Xin tạo mã mới.',
    en: 'The gateway does not know the invitation. Please make a new one.',
  },
  'wrong-kiosk': {
    vi: 'Mã mời này cho máy khác. Xin tạo mã cho máy này.',
    en: 'The invitation is for another kiosk. Please make one for this one.',
  },
  'no-answer': {
    vi: 'Máy chủ trả lời chưa đúng. Xin quét lại sau.',
    en: 'The gateway did not answer properly. Please scan again.',
  },
  'not-kept': {
    vi: 'Không ghi được vào đĩa. Xin kiểm tra thẻ nhớ.',
    en: "The kiosk's disk cannot be written. Please check the SD card.",
  },
};

/** What is being done, while it is. */
export const stepTexts = {
  looking: { vi: 'Đang tìm máy chủ', en: 'Looking for the gateway' },
  asking: { vi: 'Đang đăng ký', en: 'Enrolling' },
  done: { vi: 'Đã đăng ký', en: 'Enrolled' },
} as const satisfies Record<string, BilingualText>;

/** What a terminal shows when a kiosk waits for its invitation. */
export const waitingText =
  '\nThis kiosk is not enrolled yet. Make an invitation on the gateway (npm run -s gateway -- invite --gate NAME)\nand hold the scanner to it, or paste its text here.\n\n';
