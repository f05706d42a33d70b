export { comparePaired, mcnemarExact, newcombe } from "./statistics/compare.ts";
export type { McNemar, PairedComparison } from "./statistics/compare.ts";
export { clopperPearson, jeffreys, rateOf, wilson } from "./statistics/intervals.ts";
export type { Interval, Rate } from "./statistics/intervals.ts";
