import * as fc from "fast-check";
import { expect, it } from "vitest";
import { crc32, crc32c } from "./crc.ts";

/** One bit a step, as the definition has it. */
function bitwise(bytes: Uint8Array, polynomial: number): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return ~crc >>> 0;
}

it("has the check values of the catalogue of parametrised CRC algorithms", () => {
  const check = new TextEncoder().encode("123456789");
  expect(crc32(check)).toBe(0xcbf43926);
  expect(crc32c(check)).toBe(0xe3069283);
});

it("is the bitwise definition for any bytes at any address, in one or two parts", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 7 }), fc.nat({ max: 200 }), (bytes, shift, cut) => {
      const moved = new Uint8Array(bytes.length + shift).subarray(shift);
      moved.set(bytes);
      expect(crc32(moved)).toBe(bitwise(bytes, 0xedb88320));
      expect(crc32c(moved)).toBe(bitwise(bytes, 0x82f63b78));
      expect(crc32c(moved.subarray(cut), crc32c(moved.subarray(0, cut)))).toBe(crc32c(bytes));
    }),
  );
});

it("is the same for long inputs, which vectors take", () => {
  const bytes = Uint8Array.from({ length: 150_000 }, (_, i) => (i * 2654435761) >>> 13);
  for (const [from, to] of [
    [0, 16_384],
    [1, 20_000],
    [3, 65_539],
    [7, 150_000],
  ] as const) {
    const part = bytes.subarray(from, to);
    expect(crc32(part)).toBe(bitwise(part, 0xedb88320));
    expect(crc32c(part)).toBe(bitwise(part, 0x82f63b78));
    expect(crc32c(part.subarray(5000), crc32c(part.subarray(0, 5000)))).toBe(crc32c(part));
  }
});
