import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GOLDEN, readJson } from "../golden.test-kit.ts";
import { measureMixture } from "./mix.node.ts";
import { parseMixture, publishedMixture, sayMixture } from "./mixture.ts";

type Truth = {
  mixture: Record<
    "balanced" | "unbalanced",
    { names: string[]; weights_in: number[]; sample_weights: number[]; dataset_len?: number }
  >;
};
const parse = (json: unknown) => parseMixture(JSON.stringify(json), "mixture.json", (path) => join(GOLDEN, path));

describe("mixtures of datasets", () => {
  it.each([
    ["openvla", "balanced"],
    ["openvla", "unbalanced"],
    ["octo", "balanced"],
    ["octo", "unbalanced"],
  ] as const)("the shares that %s's loader takes, %s", async (project, which) => {
    const truth = (readJson(`oxe/${project}.json`) as Truth).mixture[which];
    const datasets = truth.names.map((name, i) => ({ path: `rlds/${name}`, weight: truth.weights_in[i] }));
    const report = await measureMixture(parse({ datasets, project, balance: which === "balanced" }));
    expect(report.parts.map(({ name }) => name)).toEqual(truth.names);
    for (const [i, share] of report.parts.map((part) => part.share).entries())
      expect(share).toBeCloseTo(truth.sample_weights[i] as number, 12);
    expect(report.epochSamples).toBe(truth.dataset_len ?? report.epochSamples);
    expect(report.parts.reduce((sum, part) => sum + part.share, 0)).toBeCloseTo(1, 12);
    expect(report.embodiments.reduce((sum, own) => sum + own.share, 0)).toBeCloseTo(1, 12);
  });

  it("mixes formats and embodiments; hours and coverage follow from the shares", async () => {
    const datasets = [
      { path: "lerobot/arm-images", weight: 1 },
      { path: "lerobot/odd-features", weight: 3, embodiment: "somebody's arm", name: "odd" },
    ];
    const report = await measureMixture(parse({ datasets, balance: false }));
    const [a, b] = report.parts;
    expect(report.parts.map(({ share }) => share)).toEqual([0.25, 0.75]);
    // Seen once on average: the one of weight 1.
    expect(report.epochSamples).toBe(120);
    expect(a).toMatchObject({ coverage: 1, transitions: 30, robot: "synthetic_arm" });
    expect(b?.coverage).toBeCloseTo(90 / (b?.transitions ?? 0), 12);
    expect(a?.effectiveHours).toBeCloseTo(30 / 30 / 3600, 12);
    expect(report.embodiments[0]).toMatchObject({ robot: "somebody's arm", share: 0.75 });
    expect(sayMixture(report)).toMatch(/odd +somebody's arm .* 75\.00 %/);
  });

  it("published ones by name; what is not there is said", async () => {
    const plan = publishedMixture("rtx", join(GOLDEN, "rlds"));
    const report = await measureMixture({ ...plan, entries: plan.entries.slice(0, 3) });
    expect(report.parts.map(({ name }) => name)).toEqual(["fractal20220817_data", "kuka"]);
    expect(report.missing).toEqual(["bridge_orig"]);
    expect(publishedMixture("octo/oxe_magic_soup", null).entries).toHaveLength(25);
    expect(publishedMixture("oxe_magic_soup_plus_minus", null).entries).toHaveLength(25);
    expect(publishedMixture("oxe_magic_soup_plus", null).entries).toHaveLength(27);
    expect(publishedMixture("octo/rtx", null).entries).toHaveLength(11);
    expect(() => publishedMixture("soup", null)).toThrow(/there are rtx, /);
    await expect(measureMixture(publishedMixture("rtx", null))).rejects.toThrow(/None of the 10 datasets/);
    const own = parse({
      mixture: "rtx",
      root: "rlds",
      datasets: [{ path: "rlds/bridge_dataset", name: "bridge_orig", weight: 5 }],
    });
    expect(own.entries.find(({ name }) => name === "bridge_orig")).toMatchObject({ weight: 5 });
    expect(fs.existsSync(own.entries.at(-1)?.path ?? "")).toBe(true);
  });

  it.each([
    [{ datasets: [{ path: "x", wieght: 2 }] }, /unknown field "wieght"/],
    [{ datasets: [{ path: "x", weight: -1 }] }, /expected a number from 0/],
    [{ datasets: [{}] }, /needs a "path"/],
    [{}, /give "datasets"/],
    [{ mixture: "rtx", projekt: 1 }, /unknown field "projekt"/],
    [[], /expected an object/],
  ])("refuses %j", (json, sentence) => {
    expect(() => parse(json)).toThrow(sentence);
  });
});
