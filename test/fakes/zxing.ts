/** A decoder that nobody here wrote: ZXing, compiled to WebAssembly. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { prepareZXingModule, type ReadResult, readBarcodes } from 'zxing-wasm/reader';

// Left alone it would fetch its program from the network.
const wasmBinary = Uint8Array.from(
  readFileSync(fileURLToPath(import.meta.resolve('zxing-wasm/reader/zxing_reader.wasm'))),
).buffer;
prepareZXingModule({ overrides: { wasmBinary } });

/** The QR codes in a picture: RGBA pixels, or a whole image file (PNG, JPEG). */
export function readQrCodes(picture: Parameters<typeof readBarcodes>[0]): Promise<ReadResult[]> {
  return readBarcodes(picture, { formats: ['QRCode'], maxNumberOfSymbols: 255 });
}
