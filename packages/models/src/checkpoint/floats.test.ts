import { describe, expect, it } from "vitest";
import { float16Bits, toFloat32 } from "./floats.ts";

describe("float16", () => {
  const every = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
  const values = toFloat32(every, "float16");

  it("comes back as the same bits, for every number there is", () => {
    expect(
      [...every].filter((bits) => !Number.isNaN(values[bits]) && float16Bits(values[bits] as number) !== bits),
    ).toEqual([]);
    expect(Number.isNaN(values[float16Bits(Number.NaN)] as number)).toBe(true);
  });

  it("rounds to the nearer neighbour, and halfway to the even one", () => {
    const wrong = [...every.subarray(0, 0x7bff)].filter((bits) => {
      const [low, high] = [values[bits] as number, values[bits + 1] as number];
      const at = (share: number): number => float16Bits(low + share * (high - low));
      return at(0.49) !== bits || at(0.51) !== bits + 1 || at(0.5) !== bits + (bits % 2);
    });
    expect(wrong).toEqual([]);
  });

  it("overflows to infinity", () => {
    expect([65_519, 65_520, -1e9].map(float16Bits)).toEqual([0x7bff, 0x7c00, 0xfc00]);
  });
});
