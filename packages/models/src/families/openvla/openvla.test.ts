import { readFileSync } from "node:fs";
import { BiddenError, createRng, type Image } from "@bidden/runtime";
import { readSafetensors, writeSafetensors } from "@bidden/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Checkpoint, openCheckpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { GoldenCheck, openGolden } from "../../checkpoint/golden.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { unpacked } from "../../testdata.test-kit.ts";
import { madeFiles } from "../made-files.ts";
import { idOfValue, isAction, valueOfId } from "./bins.ts";
import { readConfig } from "./config.ts";
import { floats, type OpenvlaModel, withImages } from "./model.ts";
import { openModel, openTokenizer } from "./open.ts";
import { openvla } from "./openvla.ts";
import { actionOf, CAMERA } from "./policy.ts";
import { matrixForms } from "./precision.ts";
import { promptIds, promptOf, type PromptTokenizer } from "./prompt.ts";
import { normalise, type Range, rangeOf, unnormalise } from "./statistics.ts";
import { joinRows } from "../../checkpoint/floats.ts";

const GOLDEN = `${unpacked("openvla")}/`;
const engine: Engine = nodeEngine({ threads: 1 });
const made = madeFiles(openvla.make?.({ size: "tiny", dims: {}, seed: 3 }) ?? { files: new Map(), weights: [] });
const openMade = (change: (files: Map<string, Uint8Array>) => void = () => {}): Promise<Checkpoint> => {
  const files = new Map(made);
  change(files);
  return openCheckpoint(memorySource(files));
};
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const configOf = (files: ReadonlyMap<string, Uint8Array>): Record<string, unknown> =>
  JSON.parse(new TextDecoder().decode(files.get("config.json"))) as Record<string, unknown>;

/** The largest difference. */
function apart(a: Float32Array, b: Float32Array): number {
  return a.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))),
    a.length === b.length ? 0 : Infinity,
  );
}

function picture(width: number, height: number): Image {
  const rng = createRng(5);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => rng.below(256)) };
}

describe("what the authors' code computed", () => {
  let checkpoint: Checkpoint;
  beforeAll(async () => {
    checkpoint = await openCheckpointAt(GOLDEN);
  });
  afterAll(() => checkpoint.close());

  test("every stage, id and action", async () => {
    const check = new GoldenCheck((await openGolden(checkpoint.source)) as never);
    await openvla.checkGolden?.(checkpoint, engine, check);
    expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
    expect(check.results.length).toBeGreaterThan(55);
  });

  test("matches and describes", async () => {
    expect(openvla.matches(checkpoint)).toBe(true);
    const info = await openvla.describe(checkpoint, { dataset: "no_mask_set" });
    expect(info).toMatchObject({ family: "openvla", variant: "v02", parameters: 667_038, steps: 6, chunk: 1 });
    expect(info.action).toMatchObject({ dim: 6 });
  });
});

describe("ids and values", () => {
  const bins = { bins: 256, baseVocabulary: 32_000 };

  test("255 values: the first and last two ids of the bins share theirs", () => {
    const ids = Array.from({ length: 256 }, (_, i) => 31_744 + i);
    expect(new Set(ids.map((id) => valueOfId(id, bins))).size).toBe(255);
    expect(valueOfId(31_744, bins)).toBe(valueOfId(31_745, bins));
    expect(valueOfId(31_999, bins)).toBeCloseTo(-0.99608, 5);
  });

  test("training's id of a value has that value again, within half a bin", () => {
    for (let value = -1; value <= 1; value += 0.013) {
      expect(Math.abs(valueOfId(idOfValue(value, bins), bins) - value)).toBeLessThan(1 / 255 + 1e-9);
    }
  });

  test("an id outside the bins becomes the reference's extreme action, and is reported, not executed", () => {
    const range: Range = { low: [-2, 0], high: [2, 1], mask: [true, false] };
    expect(isAction(32_000, bins)).toBe(false);
    const outside = actionOf([5, 31_900], range, bins, 2);
    expect(outside.executable).toBe(false);
    expect(outside.warnings.join()).toContain("id 5 at 0");
    expect(outside.normalised[0]).toBeCloseTo(0.996, 3);
    const ended = actionOf(
      [31_900, 2],
      { ...range, low: [0, 0, 0], high: [1, 1, 1], mask: [true, true, true] },
      bins,
      2,
    );
    expect(ended.warnings.join()).toContain("ended after 2 of 3");
    expect(actionOf([31_800, 31_900], range, bins, 2)).toMatchObject({ executable: true, warnings: [] });
  });
});

describe("statistics", () => {
  test("a dimension that never moved stays where it was; a masked one passes unchanged", () => {
    const range: Range = { low: [0.25, -1, 0], high: [0.25, 3, 1], mask: [true, true, false] };
    expect([...unnormalise([0.7, 0, 0.4], range, 0)].map((v) => Number(v.toFixed(6)))).toEqual([0.25, 1, 0.4]);
  });

  test("without a mask every dimension is scaled", () => {
    const config = JSON.parse(readFileSync(`${GOLDEN}config.json`, "utf8")) as JsonObject;
    const action = new Fields(config, "config.json").object("norm_stats").object("no_mask_set").object("action");
    expect(rangeOf(action, "bounds_q99").mask).toEqual(Array.from({ length: 6 }, () => true));
  });

  test("normalised states are clipped", () => {
    const range: Range = { low: [0, 0], high: [1, 1], mask: [true, true] };
    expect([...normalise([5, -5], range)]).toEqual([1, -1]);
  });

  test("an unknown data set is refused with the names of those that are there", async () => {
    const two = await openMade((files) => {
      const config = configOf(files) as { norm_stats: { bridge_orig: object } };
      const norm_stats = { ...config.norm_stats, other: config.norm_stats.bridge_orig };
      files.set("config.json", text({ ...config, norm_stats }));
    });
    const policy = await openvla.open(two, engine);
    const observation = { images: { [CAMERA]: picture(64, 48) }, state: new Float32Array(0), instruction: "go" };
    await expect(policy.predict(observation, { seed: 1 })).rejects.toThrow("bridge_orig, other; came none");
    await expect(policy.predict(observation, { seed: 1, dataset: "x" })).rejects.toThrow('came "x"');
    await policy.close();
  });
});

describe("prompts", () => {
  let tokenizer: PromptTokenizer;
  beforeAll(async () => {
    const checkpoint = await openCheckpointAt(GOLDEN);
    tokenizer = await openTokenizer(checkpoint, await readConfig(checkpoint));
    await checkpoint.close();
  });

  test("two frames, the instruction in small letters", () => {
    expect(promptOf("Pick UP", "v02")).toBe("In: What action should the robot take to pick up?\nOut:");
    expect(promptOf("Pick UP", "v01")).toMatch(/^A chat between .* USER: What .* pick up\? ASSISTANT:$/);
  });

  test("the space piece stands last, once", () => {
    const once = promptIds(tokenizer, "In: x\nOut:");
    expect(once.at(-1)).toBe(tokenizer.space);
    expect(promptIds(tokenizer, "In: x\nOut: ")).toEqual(once);
  });

  test("a person's text never becomes a special id", () => {
    for (const word of ["</s>", "<s>", "<PAD>", "<unk>"]) {
      const [bos, ...ids] = tokenizer.encode(`go ${word} now`);
      expect(bos).toBe(tokenizer.bos);
      expect(ids.some((id) => id <= 2 || id >= 768)).toBe(false);
    }
  });

  test("Vicuna's checkpoints have the older frame; a setting decides otherwise", async () => {
    const vicuna = await openMade((files) => {
      files.set("config.json", text({ ...configOf(files), llm_backbone_id: "vicuna-v15-7b" }));
    });
    expect((await readConfig(vicuna)).prompt).toBe("v01");
    expect((await readConfig(vicuna, "v02")).prompt).toBe("v02");
  });

  test("a tokenizer that does not match is refused", async () => {
    const wrong = await openMade((files) => {
      const json = JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))) as { model: { vocab: object } };
      json.model.vocab = { "<s>": 1, "</s>": 2, "▁": 99_999 };
      files.set("tokenizer.json", text(json));
    });
    await expect(openvla.open(wrong, engine)).rejects.toThrow('the piece "▁" with an id below 768');
  });
});

describe("decoding", () => {
  let model: OpenvlaModel;
  let tokenizer: PromptTokenizer;
  let embeds: Float32Array;
  beforeAll(async () => {
    // Letter by letter: a longer sequence.
    const letters = await openMade((files) => {
      const json = JSON.parse(new TextDecoder().decode(files.get("tokenizer.json"))) as { model: { merges: string[] } };
      json.model.merges = [];
      files.set("tokenizer.json", text(json));
    });
    ({ model, tokenizer } = await openModel(letters, engine));
    const ids = promptIds(tokenizer, promptOf("open the drawer", "v02"));
    const { projected } = await model.see(Float32Array.from({ length: 6 * 56 * 56 }, (_, i) => Math.sin(i)));
    embeds = withImages(await model.embed(ids), 48, [projected]);
  });
  afterAll(() => model.close());

  test("remembered keys and values give what the whole sequence gives", async () => {
    const { ids, logits } = await model.decode(embeds, 5, -1);
    expect(ids).toHaveLength(5);
    const rest = await model.embed(ids.slice(0, 4));
    const whole = joinRows([embeds, rest]);
    const first = embeds.length / 48 - 1;
    const read = [0, 1, 2, 3, 4].map((i) => first + i);
    const values = await model.run(whole, { read, outputs: ["logits"] });
    const expected = floats(values, "logits");
    expect(apart(joinRows(logits), expected)).toBeLessThan(2e-5);
  });

  test("one session reads prompts of any length", async () => {
    const prompts = [
      embeds,
      embeds.subarray(0, embeds.length - 3 * 48),
      joinRows([embeds, embeds.subarray(0, 10 * 48)]),
    ];
    for (const prompt of prompts) {
      const { ids, logits } = await model.decode(prompt, 3, -1);
      const other = await openModel(await openMade(), engine);
      const came = await other.model.decode(prompt, 3, -1);
      expect(came.ids).toEqual(ids);
      expect(apart(joinRows(came.logits), joinRows(logits))).toBe(0);
      await other.model.close();
    }
  });

  test.each([
    ["fp16", 2e-3],
    ["int8", 0.04],
    ["int4", 0.2],
  ] as const)("%s stays near float32", async (precision, bound) => {
    const { logits } = await model.decode(embeds, 1, -1);
    const other = await openModel(await openMade(), engine, { precision });
    const came = await other.model.decode(embeds, 1, -1);
    const [exact, rough] = [logits[0] as Float32Array, came.logits[0] as Float32Array];
    const norm = Math.hypot(...exact);
    expect(Math.hypot(...exact.map((value, i) => value - (rough[i] as number))) / norm).toBeLessThan(bound);
    await other.model.close();
  });

  test("padding changes nothing", async () => {
    const read = [embeds.length / 48 - 1];
    const tight = floats(await model.run(embeds, { read, outputs: ["logits"] }), "logits");
    const form = { ...matrixForms("fp32"), grain: 64 };
    const other = await openModel(await openMade(), engine, { form });
    const wide = floats(await other.model.run(embeds, { read, outputs: ["logits"] }), "logits");
    expect(apart(tight, wide)).toBeLessThan(1e-5);
    await other.model.close();
  });

  test("a later token is not seen by an earlier one", async () => {
    const changed = embeds.slice();
    changed.fill(0.5, embeds.length - 48);
    const read = [embeds.length / 48 - 2];
    const before = floats(await model.run(embeds, { read, outputs: ["logits"] }), "logits");
    const after = floats(await model.run(changed, { read, outputs: ["logits"] }), "logits");
    expect([...after]).toEqual([...before]);
  });

  test("it ends where the model ends", async () => {
    const { ids } = await model.decode(embeds, 5, -1);
    expect((await model.decode(embeds, 5, ids[1] as number)).ids).toEqual(
      ids.slice(0, ids.indexOf(ids[1] as number) + 1),
    );
  });

  test("a sequence that is too long is refused with both lengths", async () => {
    const long = new Float32Array(48 * 2049);
    await expect(model.run(long, { read: [0], outputs: ["logits"] })).rejects.toThrow("at most 2048 tokens");
  });
});

describe("made checkpoints", () => {
  test("one is opened, described and run; the same seed makes the same bytes", async () => {
    const again = madeFiles(openvla.make?.({ size: "tiny", dims: {}, seed: 3 }) ?? { files: new Map(), weights: [] });
    expect(
      [...again.values()].every((bytes, i) => Buffer.from(bytes).equals([...made.values()][i] as Uint8Array)),
    ).toBe(true);
    const policy = await openvla.open(await openMade(), engine, { dataset: "bridge_orig" });
    const observation = {
      images: { [CAMERA]: picture(64, 48) },
      state: new Float32Array(0),
      instruction: "open the drawer",
    };
    const chunk = await policy.predict(observation, { seed: 1 });
    expect(chunk).toMatchObject({ horizon: 1, dim: 7 });
    expect([...(await policy.predict(observation, { seed: 2 })).actions]).toEqual([...chunk.actions]);
    await expect(policy.predict({ ...observation, images: {} }, { seed: 1 })).rejects.toThrow(
      'reads one image, "full_image"',
    );
    await policy.close();
  });

  test("other sizes load, shared key heads among them", async () => {
    const dims = { hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2, siglip_depth: 3, image_size: 42 };
    const files = madeFiles(openvla.make?.({ size: "tiny", dims, seed: 4 }) ?? { files: new Map(), weights: [] });
    const { model } = await openModel(await openCheckpoint(memorySource(files)), engine);
    expect(model.config).toMatchObject({ llama: { kvHeads: 2, headWidth: 8 }, pixels: { side: 42 } });
    const { ids } = await model.decode(new Float32Array(32 * 12).fill(0.1), 3, -1);
    expect(ids).toHaveLength(3);
    await model.close();
  });

  test("a missing ε is 1e-6; another one changes the result", async () => {
    const other = await openMade((files) => {
      const config = configOf(files) as { text_config: object };
      files.set("config.json", text({ ...config, text_config: { ...config.text_config, rms_norm_eps: 0.1 } }));
    });
    const run = async (checkpoint: Checkpoint): Promise<readonly [number, number]> => {
      const { model, config } = await openModel(checkpoint, engine);
      const { logits } = await model.decode(new Float32Array(48 * 12).fill(0.3), 1, -1);
      await model.close();
      return [config.llama.epsilon, logits[0]?.[0] as number];
    };
    const [[given, before], [changed, after]] = [await run(await openMade()), await run(other)];
    expect([given, changed]).toEqual([1e-6, 0.1]);
    expect(Math.abs(before - after)).toBeGreaterThan(1e-4);
  });
});

describe("broken checkpoints", () => {
  const shard = "model-00002-of-00003.safetensors";

  test("a missing shard, a missing tensor, a wrong shape and a stranger are named", async () => {
    await expect(openMade((files) => files.delete(shard))).rejects.toThrow(shard);
    const change = (edit: (tensors: ReturnType<typeof readSafetensors>["tensors"]) => void): Promise<unknown> =>
      openMade((files) => {
        const { tensors } = readSafetensors(files.get(shard) as Uint8Array);
        edit(tensors);
        files.set(shard, writeSafetensors(tensors));
        const index = JSON.parse(new TextDecoder().decode(files.get("model.safetensors.index.json"))) as {
          weight_map: Record<string, string>;
        };
        const others = Object.entries(index.weight_map).filter(([, file]) => file !== shard);
        const own = [...tensors.keys()].map((name): [string, string] => [name, shard]);
        files.set("model.safetensors.index.json", text({ weight_map: Object.fromEntries([...others, ...own]) }));
      }).then((checkpoint) => openModel(checkpoint, engine));
    const name = "language_model.model.layers.0.mlp.down_proj.weight";
    await expect(change((tensors) => tensors.delete(name))).rejects.toThrow(name);
    await expect(
      change((tensors) => tensors.set(name, { dtype: "float32", shape: [2], data: new Float32Array(2) })),
    ).rejects.toThrow("expected shape");
    await expect(
      change((tensors) => tensors.set("stranger", { dtype: "float32", shape: [2], data: new Float32Array(2) })),
    ).rejects.toThrow("stranger");
  });

  test("no statistics, no tokenizer, a resize that is not known", async () => {
    const without = await openMade((files) => files.set("config.json", text({ ...configOf(files), norm_stats: null })));
    await expect(openvla.open(without, engine)).rejects.toThrow("dataset_statistics.json or as norm_stats");
    await expect(openvla.open(await openMade((files) => files.delete("tokenizer.json")), engine)).rejects.toThrow(
      "tokenizer.json",
    );
    const letterbox = await openMade((files) => {
      const processor = new TextDecoder().decode(files.get("preprocessor_config.json"));
      files.set("preprocessor_config.json", new TextEncoder().encode(processor.replace("resize-naive", "letterbox")));
    });
    await expect(openvla.open(letterbox, engine)).rejects.toThrow('came "letterbox"');
    await expect(openvla.open(await openMade(), engine, { settings: { promt: "v01" } })).rejects.toThrow(BiddenError);
  });
});
