/**
 * What a guard and the person before them are told when a code is not taken: what it is, and what to do now. Kind, for it
 * is seldom their fault; short, for the Vietnamese one must fit beside the lights in a terminal of 80 columns.
 */
import type { DiscardedReason, GateReason, UnknownReason } from './code.ts';

/**
 * Why somebody whose code is good does not pass, or passes with a warning. What a guard is told of somebody who is barred
 * comes from the gateway; the text here is for where that has not come.
 */
export type AdmissionReason = 'barred' | 'not-expected' | 'passback' | 'full';

/** Why somebody saw red: what they showed, what the scanner sent, the gate, what the site wants, or (`unrecorded`) that the kiosk
 * could not write. */
export type RefusalReason = UnknownReason | DiscardedReason | GateReason | AdmissionReason | 'unrecorded';

/** What a guard is told of somebody who passes although something is not as the site wants. */
export const warningTexts: Readonly<Record<AdmissionReason, BilingualText>> = {
  barred: { vi: 'Lưu ý: người trong danh sách chặn.', en: 'Note: somebody who is barred.' },
  'not-expected': { vi: 'Lưu ý: không có trong danh sách hôm nay.', en: "Note: not on today's list." },
  passback: { vi: 'Lưu ý: mã này đi cùng chiều hai lần.', en: 'Note: the same way twice with this code.' },
  full: { vi: 'Lưu ý: bên trong đã đủ người.', en: 'Note: it is full inside.' },
};

/** One thing to say, in both languages. */
export interface BilingualText {
  readonly vi: string;
  readonly en: string;
}

/** A Vietnamese text is at most this many characters. */
export const refusalCharsMax = 56;

/** A text for every reason. */
export const refusalTexts: Readonly<Record<RefusalReason, BilingualText>> = {
  'unknown-code': {
    vi: 'Chưa nhận ra mã này. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This code is not known here. Please show an ID card or a personal code.',
  },
  'empty-code': { vi: 'Mã trống. Xin quét lại.', en: 'The code is empty. Please scan again.' },
  'id-card-incomplete': {
    vi: 'Mã CCCD đọc chưa hết. Xin giữ thẻ yên, quét lại.',
    en: 'The ID card was read only in part. Please hold it still and scan again.',
  },
  'id-card-number-invalid': {
    vi: 'Số CCCD đọc chưa đúng. Xin lau thẻ rồi quét lại.',
    en: "The ID card's number was not read well. Please wipe the card and scan again.",
  },
  'insurance-card-incomplete': {
    vi: 'Mã BHYT đọc chưa hết. Xin giữ thẻ yên, quét lại.',
    en: 'The insurance card was read only in part. Please hold it still and scan again.',
  },
  'insurance-card-number-invalid': {
    vi: 'Số BHYT đọc chưa đúng. Xin quét lại hoặc đưa CCCD.',
    en: "The insurance card's number was not read well. Please scan again or show an ID card.",
  },
  'personal-code-incomplete': {
    vi: 'Mã cá nhân đọc chưa hết. Xin giữ yên, quét lại.',
    en: 'The personal code was read only in part. Please hold it still and scan again.',
  },
  'personal-code-number-hidden': {
    vi: 'Mã này che mất số. Xin mở mã đầy đủ hoặc đưa CCCD.',
    en: 'This code hides its number. Please show the full code or an ID card.',
  },
  'hcmc-result-incomplete': {
    vi: 'Mã khai báo đọc chưa hết. Xin giữ yên, quét lại.',
    en: 'The declaration was read only in part. Please hold it still and scan again.',
  },
  'certificate-forged': {
    vi: 'Chữ ký chứng nhận không khớp. Xin đưa CCCD.',
    en: "The certificate's signature does not match. Please show an ID card.",
  },
  'certificate-malformed': {
    vi: 'Chứng nhận tiêm chưa đọc được. Xin quét lại.',
    en: 'The vaccine certificate could not be read. Please scan again or show an ID card.',
  },
  'health-card-in-parts': {
    vi: 'Thẻ này chia thành nhiều mã. Xin đưa CCCD.',
    en: 'This health card is spread over several codes. Please show an ID card.',
  },
  'health-card-malformed': {
    vi: 'Thẻ sức khỏe chưa đọc được. Xin quét lại.',
    en: 'The health card could not be read. Please scan again or show an ID card.',
  },
  'site-poster': {
    vi: 'Đây là mã của địa điểm. Xin đưa mã của quý vị.',
    en: "This is a place's code. Please show your own.",
  },
  'web-address': {
    vi: 'Đây là liên kết web. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This is a web address. Please show an ID card or a personal code.',
  },
  'payment-code': {
    vi: 'Đây là mã chuyển tiền. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This is a payment code. Please show an ID card or a personal code.',
  },
  'wifi-code': {
    vi: 'Đây là mã Wi-Fi. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This is a code for Wi-Fi. Please show an ID card or a personal code.',
  },
  'contact-code': {
    vi: 'Đây là danh thiếp. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This is a visiting card. Please show an ID card or a personal code.',
  },
  'phone-action': {
    vi: 'Mã này để mở bằng điện thoại. Xin đưa CCCD.',
    en: 'This code is for opening with a phone. Please show an ID card or a personal code.',
  },
  'retail-barcode': {
    vi: 'Đây là mã hàng hóa. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This is the barcode of goods. Please show an ID card or a personal code.',
  },
  'control-code': {
    vi: 'Mã này dành cho bảo vệ. Xin đưa mã của quý vị.',
    en: 'This code is for guards only. Please show your own.',
  },
  'control-foreign': {
    vi: 'Thẻ bảo vệ này không dùng được ở đây. Xin báo quản lý.',
    en: "This guard's card is not valid here. Please tell whoever is in charge.",
  },
  'control-forged': {
    vi: 'Thẻ bảo vệ này là giả. Xin báo người quản lý.',
    en: "This guard's card is forged. Please tell whoever is in charge.",
  },
  'control-revoked': {
    vi: 'Thẻ bảo vệ này đã bị khóa. Xin báo người quản lý.',
    en: "This guard's card was revoked. Please tell whoever is in charge.",
  },
  'control-expired': {
    vi: 'Thẻ bảo vệ đã hết hạn. Xin nhận thẻ mới.',
    en: "This guard's card has expired. Please ask for a new one.",
  },
  'control-elsewhere': {
    vi: 'Thẻ bảo vệ này của máy khác. Xin dùng đúng máy.',
    en: "This guard's card is for another kiosk. Please use it there.",
  },
  'gate-closed': {
    vi: 'Cổng đang đóng. Xin hỏi bảo vệ.',
    en: 'This gate is closed. Please ask the guard.',
  },
  invitation: {
    vi: 'Máy này đã đăng ký. Xin dùng mã này cho máy mới.',
    en: 'This kiosk is enrolled already. Please show this code to a new one.',
  },
  'card-forged': {
    vi: 'Chữ ký của thẻ không khớp. Xin đưa giấy tờ khác.',
    en: "The card's signature does not match. Please show another document.",
  },
  'card-expired': {
    vi: 'Thẻ đã hết hạn. Xin đưa giấy tờ khác và làm thẻ mới.',
    en: 'The card has expired. Please show another document and ask for a new card.',
  },
  'card-revoked': {
    vi: 'Thẻ này đã bị khóa. Xin đưa giấy tờ khác.',
    en: 'This card was revoked. Please show another document.',
  },
  'card-issuer-unknown': {
    vi: 'Thẻ này do nơi khác cấp. Xin đưa CCCD.',
    en: 'This card was issued elsewhere. Please show an ID card or a personal code.',
  },
  'card-issuer-retired': {
    vi: 'Thẻ này không còn dùng được ở đây. Xin đưa CCCD.',
    en: 'This card is no longer valid here. Please show an ID card or a personal code.',
  },
  'card-malformed': {
    vi: 'Mã thẻ đọc chưa đúng. Xin giữ thẻ yên, quét lại.',
    en: 'The card was not read well. Please hold it still and scan again.',
  },
  'card-number-unknown': {
    vi: 'Không có thẻ mang số này. Xin gõ lại hoặc đưa CCCD.',
    en: 'No card has this number. Please type it again or show an ID card.',
  },
  'scanner-not-utf8': {
    vi: 'Máy quét cài chưa đúng. Xin ghi sổ và báo kỹ thuật.',
    en: 'The scanner is not set to UTF-8. Please write the person down and call IT.',
  },
  'code-too-long': {
    vi: 'Mã này dài quá. Xin đưa CCCD hoặc mã cá nhân.',
    en: 'This code is too long. Please show an ID card or a personal code.',
  },
  barred: { vi: 'Chưa được vào. Xin gặp bảo vệ.', en: 'Not allowed in. Please see the guard.' },
  'not-expected': {
    vi: 'Hôm nay chưa có trong danh sách. Xin gặp bảo vệ.',
    en: "Not on today's list. Please see the guard.",
  },
  passback: {
    vi: 'Mã này đã vào mà chưa ra. Xin gặp bảo vệ.',
    en: 'This code went in and has not come out. Please see the guard.',
  },
  full: {
    vi: 'Bên trong đã đủ người. Xin chờ có người ra.',
    en: 'It is full inside. Please wait until somebody leaves.',
  },
  unrecorded: {
    vi: 'Máy chưa ghi được. Xin ghi sổ và báo kỹ thuật.',
    en: 'The kiosk could not write. Please write the person down and call IT.',
  },
};
