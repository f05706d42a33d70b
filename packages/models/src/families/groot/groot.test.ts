import { expect, test } from "vitest";
import { type Checkpoint, openCheckpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyOptions } from "../../checkpoint/family.ts";
import { GoldenCheck, type GoldenSet, openGolden } from "../../checkpoint/golden.ts";
import { Fields } from "../../checkpoint/json.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { unpacked } from "../../testdata.test-kit.ts";
import { madeFiles } from "../made-files.ts";
import { readGroot } from "./checkpoint.ts";
import { groot } from "./groot.ts";
import { grootPrompt } from "./prompt.ts";
import { GrootNormalisation, grootParts, grootState } from "./statistics.ts";
import { actionSinusoid, grootBuckets, normSinusoid } from "./time.ts";

const engine = nodeEngine({ threads: 1 });

test("every stage of the golden set: images, text, head of two embodiments, normalisers", async () => {
  const checkpoint = await openCheckpointAt(unpacked("groot_n15"));
  const check = new GoldenCheck((await openGolden(checkpoint.source)) as GoldenSet);
  await groot.checkGolden?.(checkpoint, engine, check);
  await checkpoint.close();
  expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
  expect(check.results.length).toBe(36);
  for (const { stage, relL2 } of check.results) expect([stage, relL2 < 5e-6]).toEqual([stage, true]);
});

const plain = new Map<string, Uint8Array>();

/** A made checkpoint's files; the plain one is made once. */
function usual(): Map<string, Uint8Array> {
  if (plain.size === 0) for (const [name, bytes] of made()) plain.set(name, bytes);
  return new Map(plain);
}

function made(dims: object = {}): Map<string, Uint8Array> {
  return madeFiles(groot.make?.({ size: "tiny", dims: { ...dims }, seed: 5 }) as WrittenFiles);
}

function opened(files: ReadonlyMap<string, Uint8Array>): Promise<Checkpoint> {
  return openCheckpoint(memorySource(files));
}

test("made checkpoints of other sizes open and predict, each embodiment differently", async () => {
  const checkpoint = await opened(made({ views: 2, dit_layers: 3, kv_heads: 4, vl: 1, state_dim: 5, slots: 33 }));
  expect(groot.matches(checkpoint)).toBe(true);
  const image = { width: 80, height: 60, data: new Uint8Array(80 * 60 * 3).map((_, i) => i % 251) };
  const chunks: Float32Array[] = [];
  for (const settings of [{}, { slot: "32" }, { state: "sin_cos" }]) {
    const policy = await groot.open(checkpoint, engine, { settings });
    const images = Object.fromEntries(policy.info.cameras.map(({ name }) => [name, image]));
    const state = new Float32Array(policy.info.state.dim).fill(0.3);
    const observation = { images, state, instruction: "put it <|im_end|> there" };
    const chunk = await policy.predict(observation, { seed: 3 });
    expect([chunk.horizon, chunk.dim, chunk.actions.every(Number.isFinite)]).toEqual([16, 7, true]);
    expect((await policy.predict(observation, { seed: 3 })).actions).toEqual(chunk.actions);
    chunks.push(chunk.actions);
    await expect(policy.predict({ ...observation, images: {} }, { seed: 3 })).rejects.toThrow('an image from "view0"');
    const endless = { ...observation, instruction: "and then again ".repeat(200) };
    await expect(policy.predict(endless, { seed: 3 })).rejects.toThrow("at most 1024 tokens beside those of images");
    await expect(policy.predict({ ...observation, state: new Float32Array(9) }, { seed: 3 })).rejects.toThrow("came 9");
    await policy.close();
  }
  expect(chunks[1]).not.toEqual(chunks[0]);
  expect(chunks[2]).not.toEqual(chunks[0]);
});

test.each(["fp16", "int8", "int4"] as const)("%s stays near float32", async (precision) => {
  const files = usual();
  const image = { width: 80, height: 60, data: new Uint8Array(80 * 60 * 3).map((_, i) => (i * 37) % 251) };
  const chunkIn = async (how: FamilyOptions): Promise<Float32Array> => {
    const policy = await groot.open(await opened(files), engine, how);
    const images = Object.fromEntries(policy.info.cameras.map(({ name }) => [name, image]));
    const state = new Float32Array(policy.info.state.dim).fill(0.3);
    const { normalised } = await policy.predict({ images, state, instruction: "put it there" }, { seed: 3 });
    await policy.close();
    return normalised;
  };
  const [exact, came] = [await chunkIn({}), await chunkIn({ precision })];
  const norm = (values: Float32Array): number => Math.hypot(...values);
  const error = norm(exact.map((value, i) => value - (came[i] as number))) / norm(exact);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan({ fp16: 2e-3, int8: 0.05, int4: 0.3 }[precision]);
});

test("traps: what must be refused, in words", async () => {
  const tell = async (files: Map<string, Uint8Array>, options: FamilyOptions = {}): Promise<string> =>
    groot.open(await opened(files), engine, options).then(() => "opened", String);
  const without = (name: string): Map<string, Uint8Array> => {
    const files = usual();
    files.delete(name);
    return files;
  };
  const config = (change: (json: Record<string, Record<string, unknown>>) => void): Map<string, Uint8Array> => {
    const files = usual();
    const json = JSON.parse(new TextDecoder().decode(files.get("config.json"))) as Record<
      string,
      Record<string, unknown>
    >;
    change(json);
    return files.set("config.json", new TextEncoder().encode(JSON.stringify(json)));
  };
  expect(await tell(without("experiment_cfg/metadata.json"))).toContain(
    "experiment_cfg/metadata.json with the statistics",
  );
  expect(await tell(without("tokenizer.json"))).toContain("expected tokenizer.json");
  expect(await tell(usual(), { settings: { slot: "32" } })).toContain("embodiments 0 to 31; asked for 32");
  expect(await tell(usual(), { dataset: "gr1" })).toContain('new_embodiment: say whose with dataset, not "gr1"');
  expect(await tell(usual(), { settings: { action: "sin_cos" } })).toContain("min_max, q99, mean_std, binary");
  const layers = config((json) => ((json.backbone_cfg as Record<string, unknown>).select_layer = 3));
  expect(await tell(layers)).toContain("1 to the 2 layers of the checkpoint");
  const shuffled = config((json) => ((json.eagle_config as Record<string, unknown>).use_pixel_shuffle = true));
  expect(await tell(shuffled)).toContain("use_pixel_shuffle");
  await expect(opened(without("model-00002-of-00002.safetensors"))).rejects.toThrow("missing: model-00002-of-00002");
});

test("traps: layers behind select_layer are left out, and no words become special tokens", async () => {
  const files = made({ layers: 3 });
  const json = JSON.parse(new TextDecoder().decode(files.get("config.json"))) as {
    backbone_cfg: { select_layer: number };
  };
  json.backbone_cfg.select_layer = 2;
  files.set("config.json", new TextEncoder().encode(JSON.stringify(json)));
  const checkpoint = await opened(files);
  expect(readGroot(checkpoint).language.layers).toBe(2);
  await (await groot.open(checkpoint, engine)).close();
  const tokenizer = await loadTokenizer(checkpoint);
  const ids = tokenizer.encode(grootPrompt("a<IMG_CONTEXT>b", 2, 3));
  expect(ids.filter((id) => id === 258).length).toBe(6);
});

test("traps: the two sinusoids differ in order and frequency, and buckets are cut", () => {
  expect(grootBuckets(4, 1000)).toEqual([0, 250, 500, 750]);
  expect(grootBuckets(3, 1000)).toEqual([0, 333, 666]);
  expect([...actionSinusoid(0, 4)]).toEqual([0, 0, 1, 1]);
  expect([...normSinusoid(0, 4)]).toEqual([1, 1, 0, 0]);
  expect(actionSinusoid(250, 4)[1]).toBeCloseTo(Math.sin(250 / 100), 5);
  expect(normSinusoid(250, 4)[1]).toBeCloseTo(Math.cos(250 / 10_000), 5);
});

test("traps: constant dimensions and bounds differ from mode to mode", () => {
  const statistics = { min: [0, 1], max: [2, 1], q01: [0, 1], q99: [2, 1], mean: [1, 1], std: [2, 0] };
  const of = (mode: "min_max" | "q99" | "mean_std"): number[] => [
    ...GrootNormalisation.of(mode, new Fields(statistics, "")).normalise(Float32Array.of(9, 0.5)),
  ];
  expect(of("min_max")).toEqual([8, 0]);
  expect(of("q99")).toEqual([1, 0.5]);
  expect(of("mean_std")).toEqual([4, 0.5]);
  const angles = grootParts(new Fields({ arm: statistics }, ""), "sin_cos");
  const padded = grootState(angles, Float32Array.of(0, Math.PI / 2), 6);
  [0, 1, 1, 0, 0, 0].forEach((value, i) => expect(padded[i]).toBeCloseTo(value, 6));
});
