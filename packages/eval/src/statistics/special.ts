/**
 * The few special functions that intervals need, to about 1e-13: normal and beta distribution functions and quantiles.
 * Plain textbook series and continued fractions; nothing here is meant for extreme tails (below about 1e-12).
 */
import { invariant } from "@bidden/runtime";

/** Lanczos (g = 7, 9 terms), valid for x > 0, relative error about 1e-15. https://doi.org/10.1137/0701008 */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** Natural logarithm of the gamma function, x > 0. */
export function lnGamma(x: number): number {
  const shifted = x - 1;
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += (LANCZOS[i] ?? 0) / (shifted + i);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Standard normal distribution function by Marsaglia's Taylor series, absolute error about 1e-16. https://doi.org/10.18637/jss.v011.i04 */
export function normalCdf(z: number): number {
  if (z > 8) return 1;
  if (z < -8) return 0;
  let term = z;
  let sum = z;
  for (let i = 3; sum + term !== sum; i += 2) {
    term *= (z * z) / i;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-0.5 * z * z)) / Math.sqrt(2 * Math.PI);
}

/** Inverse of `normalCdf` for p in (0, 1). Newton from 0 approaches monotonically, because the function bends away from its tangent. */
export function normalQuantile(p: number): number {
  invariant(p > 0 && p < 1, `normalQuantile needs 0 < p < 1, got ${p}`);
  let z = 0;
  for (let i = 0; i < 100; i++) {
    const step = (p - normalCdf(z)) / (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI));
    z += step;
    if (Math.abs(step) < 1e-14) break;
  }
  return z;
}

/** Regularised incomplete beta function I_x(a, b): the beta distribution's function. */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The continued fraction converges quickly on the left of the mean; on the right of it use the symmetry.
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Continued fraction of the incomplete beta by Lentz's method. https://dlmf.nist.gov/8.17#v */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  // The number of terms grows with the square root of the larger parameter: 10,000 covers n far beyond 1e6.
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return fraction;
}

/** Inverse of `betaCdf` in x, by bisection: 200 halvings reach the last bit even next to 0. */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (betaCdf(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(X = k) of a binomial with n trials and p = 1/2. */
export function fairBinomial(k: number, n: number): number {
  return Math.exp(lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1) - n * Math.LN2);
}
