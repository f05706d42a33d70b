/**
 * libjpeg's integer transforms, bit for bit, as TensorFlow uses them: the accurate one forwards (jfdctint.c: Loeffler,
 * Ligtenberg and Moschytz, 13 fractional bits, 2 kept between the passes), the fast one back (jidctfst.c: Arai, Agui and
 * Nakajima, 8 fractional bits, rounded down), which is up to 17 levels off.
 */
const BITS = 13;
const PASS1 = 2;
/** round(x * 2^13) */
const C = {
  c298: 2446,
  c390: 3196,
  c541: 4433,
  c765: 6270,
  c899: 7373,
  c1175: 9633,
  c1501: 12299,
  c1847: 15137,
  c1961: 16069,
  c2053: 16819,
  c2562: 20995,
  c3072: 25172,
} as const;

function descale(value: number, bits: number): number {
  return (value + (1 << (bits - 1))) >> bits;
}

/** 8x8 samples (minus 128) to coefficients times 8, in place. */
export function forwardDct(block: Int32Array): void {
  for (let row = 0; row < 8; row++) forwardPass(block, row * 8, 1, false);
  for (let col = 0; col < 8; col++) forwardPass(block, col, 8, true);
}

function forwardPass(b: Int32Array, at: number, step: number, second: boolean): void {
  const value = (i: number): number => b[at + i * step] as number;
  const put = (i: number, x: number): void => {
    b[at + i * step] = x;
  };
  const [s0, s1, s2, s3] = [value(0) + value(7), value(1) + value(6), value(2) + value(5), value(3) + value(4)];
  const [d0, d1, d2, d3] = [value(0) - value(7), value(1) - value(6), value(2) - value(5), value(3) - value(4)];
  const [even0, even1, odd1, odd0] = [s0 + s3, s1 + s2, s1 - s2, s0 - s3];
  put(0, second ? descale(even0 + even1, PASS1) : (even0 + even1) << PASS1);
  put(4, second ? descale(even0 - even1, PASS1) : (even0 - even1) << PASS1);
  const bits = second ? BITS + PASS1 : BITS - PASS1;
  const common = (odd1 + odd0) * C.c541;
  put(2, descale(common + odd0 * C.c765, bits));
  put(6, descale(common - odd1 * C.c1847, bits));
  const z5 = (d3 + d1 + d2 + d0) * C.c1175;
  const z1 = -(d3 + d0) * C.c899;
  const z2 = -(d2 + d1) * C.c2562;
  const z3 = z5 - (d3 + d1) * C.c1961;
  const z4 = z5 - (d2 + d0) * C.c390;
  put(7, descale(d3 * C.c298 + z1 + z3, bits));
  put(5, descale(d2 * C.c2053 + z2 + z4, bits));
  put(3, descale(d1 * C.c3072 + z2 + z3, bits));
  put(1, descale(d0 * C.c1501 + z1 + z4, bits));
}

/** 2^14 times the scale of Arai, Agui and Nakajima's transform at each coefficient: cos-products that its butterflies leave out. */
const SCALES = [
  16384, 22725, 21407, 19266, 16384, 12873, 8867, 4520, 22725, 31521, 29692, 26722, 22725, 17855, 12299, 6270, 21407,
  29692, 27969, 25172, 21407, 16819, 11585, 5906, 19266, 26722, 25172, 22654, 19266, 15137, 10426, 5315, 16384, 22725,
  21407, 19266, 16384, 12873, 8867, 4520, 12873, 17855, 16819, 15137, 12873, 10114, 6967, 3552, 8867, 12299, 11585,
  10426, 8867, 6967, 4799, 2446, 4520, 6270, 5906, 5315, 4520, 3552, 2446, 1247,
];

/** What quantised coefficients are multiplied with before `fastInverseDct`: a quantiser with the scales folded in. */
export function fastMultipliers(quantiser: Int32Array): Int32Array {
  return quantiser.map((q, i) => descale(q * (SCALES[i] as number), 12));
}

/** Quantised coefficients times `fastMultipliers` to samples minus 128, in place, not yet clamped. */
export function fastInverseDct(block: Int32Array): void {
  for (let col = 0; col < 8; col++) fastPass(block, col, 8, 0);
  for (let row = 0; row < 8; row++) fastPass(block, row * 8, 1, 5);
}

/** x * c / 2^8, rounded down. */
function times(x: number, c: number): number {
  return (x * c) >> 8;
}

function fastPass(b: Int32Array, at: number, step: number, bits: number): void {
  const value = (i: number): number => b[at + i * step] as number;
  const middle = value(2) + value(6);
  const turned = times(value(2) - value(6), 362) - middle;
  const plus = value(0) + value(4);
  const minus = value(0) - value(4);
  const even = [plus + middle, minus + turned, minus - turned, plus - middle] as const;
  const z13 = value(5) + value(3);
  const z10 = value(5) - value(3);
  const z11 = value(1) + value(7);
  const z12 = value(1) - value(7);
  const z5 = times(z10 + z12, 473);
  const odd0 = z11 + z13;
  const odd1 = times(z10, -669) + z5 - odd0;
  const odd2 = times(z11 - z13, 362) - odd1;
  const odd3 = -(times(z12, 277) - z5 + odd2);
  [odd0, odd1, odd2, odd3].forEach((odd, i) => {
    b[at + i * step] = ((even[i] as number) + odd) >> bits;
    b[at + (7 - i) * step] = ((even[i] as number) - odd) >> bits;
  });
}
