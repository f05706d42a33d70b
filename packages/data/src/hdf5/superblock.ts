/** The first bytes of an HDF5 file (HDF5 File Format Specification 3.0, II.A). */

import { BiddenError } from "@bidden/runtime";
import type { H5File } from "./bytes.ts";

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const LONGEST = 128;

/** Sets the file's widths and base. @returns the address of the root group. */
export async function readSuperblock(file: H5File): Promise<number> {
  const { path, byteLength } = file;
  const at = await findSignature(file);
  if (at === null)
    throw new BiddenError("bad-dataset", `${path} is no HDF5 file: its signature is missing.`, {
      path,
      rule: "signature",
    });
  file.base = 0;
  const cursor = await file.upTo(at, LONGEST);
  cursor.skip(SIGNATURE.length);
  const version = cursor.u8();
  if (version > 3)
    throw new BiddenError("unsupported", `${path} is HDF5 with a superblock of version ${version}; 0 to 3 are read.`);
  if (version < 2) cursor.skip(4);
  const widths = { address: cursor.u8(), length: cursor.u8() };
  if (![2, 4, 8].includes(widths.address) || ![2, 4, 8].includes(widths.length))
    throw file.bad("superblock", at, `addresses of ${widths.address} and lengths of ${widths.length} bytes`);
  file.widths = widths;
  cursor.skip(version < 2 ? 9 : 1);
  if (version === 1) cursor.skip(4);
  const fields = cursor.sub(cursor.left);
  const wide = (): number => fields.uint(widths.address);
  const base = wide();
  wide();
  const end = wide();
  if (version < 2) wide();
  if (version < 2) fields.skip(widths.address);
  const root = wide();
  // Some writers leave 0 where a user block stands before the file.
  file.base = base === 0 ? at : base;
  if (Number.isFinite(end) && end + (base === 0 ? at : 0) > byteLength) {
    throw new BiddenError("bad-dataset", `${path} is cut short: it has ${byteLength} bytes and should have ${end}.`, {
      path,
      rule: "truncated",
      offset: byteLength,
    });
  }
  return root;
}

/** It stands at 0, or after a user block of 512, 1024, 2048 ... bytes. */
async function findSignature(file: H5File): Promise<number | null> {
  for (let at = 0; at + SIGNATURE.length <= file.byteLength; at = at === 0 ? 512 : at * 2) {
    const bytes = await file.read(at, SIGNATURE.length);
    if (SIGNATURE.every((byte, i) => bytes[i] === byte)) return at;
  }
  return null;
}
