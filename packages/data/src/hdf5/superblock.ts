/** The first bytes of an HDF5 file (HDF5 File Format Specification 3.0, II.A), to say clearly what is wrong with one. */

import { BiddenError } from "@bidden/runtime";

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** The signature stands at 0, or after a user block of 512, 1024 ... bytes. */
export function checkSuperblock(head: Uint8Array, fileBytes: number, path: string): void {
  const at = [0, 512, 1024, 2048].find((offset) => SIGNATURE.every((byte, i) => head[offset + i] === byte));
  if (at === undefined) {
    throw new BiddenError("bad-dataset", `${path} is no HDF5 file: its signature is missing.`, {
      path,
      rule: "signature",
    });
  }
  const end = endOfFile(head, at);
  if (end !== null && end > fileBytes) {
    throw new BiddenError("bad-dataset", `${path} is cut short: it has ${fileBytes} bytes and should have ${end}.`, {
      path,
      rule: "truncated",
      offset: fileBytes,
    });
  }
}

/** The end-of-file address; null where this version of the superblock is not known. */
function endOfFile(head: Uint8Array, at: number): number | null {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = head[at + 8];
  // Versions 0 and 1: base address, free space, end of file; 2 and 3: base address, extension, end of file.
  const first = version === 0 ? 24 : version === 1 ? 28 : version === 2 || version === 3 ? 12 : null;
  const offsetBytes = version === 0 || version === 1 ? head[at + 13] : head[at + 9];
  if (first === null || offsetBytes !== 8 || at + first + 24 > head.length) return null;
  return Number(view.getBigUint64(at + first, true)) + Number(view.getBigUint64(at + first + 16, true));
}
