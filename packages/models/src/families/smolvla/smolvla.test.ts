import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BiddenError, type Image } from "@bidden/runtime";
import { buildTrainStep, Graph, readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import { beforeAll, describe, expect, test } from "vitest";
import { embedTime } from "../../blocks/flow-matching.ts";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import { type Checkpoint, openCheckpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyObservation, PublishedPolicy } from "../../checkpoint/family.ts";
import { bfloat16Bits } from "../../checkpoint/floats.ts";
import { GoldenCheck, type GoldenSet, openGolden } from "../../checkpoint/golden.ts";
import { folderSource } from "../../checkpoint/source.node.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { actionError } from "../../checkpoint/action-error.ts";
import { madeFiles } from "../made-files.ts";
import { alohaActions, alohaState } from "./aloha.ts";
import { readConfig } from "./config.ts";
import { SmolVlaEngine } from "./engine.ts";
import { prefixGraph, stepGraph } from "./model.ts";
import { actionPositions, attentionOf, compact, layOut, positionsOf } from "./prefix.ts";
import { smolvla } from "./smolvla.ts";
import { isTrained, smolvlaLoss, trainInputs } from "./train.ts";

const DATA = fileURLToPath(new URL("../../../../../testdata/models/smolvla", import.meta.url));
const engine = nodeEngine({ threads: 1 });
const STATS = ["policy_preprocessor_step_5_normalizer", "policy_postprocessor_step_0_unnormalizer"].map(
  (name) => `${name}_processor.safetensors`,
);
const PROCESSORS = ["policy_preprocessor.json", "policy_postprocessor.json", ...STATS];
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(`${DATA}/${name}`));
const text = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

let tensors: ReadonlyMap<string, TensorData>;
let golden: ReadonlyMap<string, TensorData>;
beforeAll(() => {
  tensors = readSafetensors(read("model.safetensors")).tensors;
  golden = readSafetensors(read("golden.safetensors")).tensors;
});

type Change = {
  readonly weights?: ReadonlyMap<string, TensorData>;
  readonly config?: object;
  readonly without?: readonly string[];
  readonly files?: ReadonlyMap<string, Uint8Array>;
};

/** The golden checkpoint with other files, fields or weights. */
function changed({ weights, config = {}, without = [], files = new Map() }: Change): Promise<Checkpoint> {
  const all = new Map<string, Uint8Array>();
  for (const name of [...PROCESSORS, "dims.json", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"]) {
    if (!without.includes(name)) all.set(name, read(name));
  }
  const stored = JSON.parse(new TextDecoder().decode(read("config.json"))) as object;
  all.set("config.json", text({ ...stored, ...config }));
  if (!without.includes("model.safetensors")) {
    all.set("model.safetensors", weights === undefined ? read("model.safetensors") : writeSafetensors(weights));
  }
  for (const [name, bytes] of files) all.set(name, bytes);
  return openCheckpoint(memorySource(all));
}

async function failures(
  checkpoint: Checkpoint,
  set: GoldenSet,
  base: GoldenSet | null = null,
): Promise<[string[], number]> {
  const check = new GoldenCheck(set, base);
  await smolvla.checkGolden?.(checkpoint, engine, check);
  await Promise.all([checkpoint.close(), set.source.close(), base?.source.close()]);
  const bad = check.results.filter(({ pass }) => !pass);
  return [bad.map(({ stage, relL2, problem }) => `${stage} ${relL2} ${problem ?? ""}`), check.results.length];
}

async function goldenAt(folder: string): Promise<GoldenSet> {
  return (await openGolden(folderSource(`${DATA}${folder}`))) as GoldenSet;
}

function image(i: number): Image {
  const { shape, data } = golden.get(`raw/0/image.${i}`) as TensorData;
  return { height: shape[0] as number, width: shape[1] as number, data: data as Uint8Array };
}

const floats = (name: string): Float32Array => (golden.get(name) as TensorData).data as Float32Array;

function observation(): FamilyObservation {
  return {
    images: { "observation.images.top": image(0), "observation.images.wrist": image(1) },
    state: floats("raw/0/state"),
    instruction: "pick up the red cube and place it in the box",
  };
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))));
}

async function open(change: Change = {}): Promise<PublishedPolicy> {
  return smolvla.open(await changed(change), engine);
}

async function refusal(work: Promise<unknown>): Promise<BiddenError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BiddenError);
  return error as BiddenError;
}

describe("the golden set", () => {
  test("inputs, every stage, chunks, guidance, queue, losses and gradients", async () => {
    expect(await failures(await openCheckpointAt(DATA), await goldenAt(""))).toEqual([[], 137]);
  });

  test("special tokens around images, a padded prefix, a padded instruction", async () => {
    const set = await goldenAt("/variants/switches");
    expect(await failures(await openCheckpointAt(DATA), set, await goldenAt(""))).toEqual([[], 46]);
  });

  test("a VLM in bfloat16 is computed in float32", async () => {
    const weights = new Map(tensors);
    for (const [name, { shape, data }] of tensors) {
      if (!name.includes(".vlm.")) continue;
      weights.set(name, { dtype: "bfloat16", shape, data: Uint16Array.from(data as Float32Array, bfloat16Bits) });
    }
    const set = await goldenAt("/variants/bf16_vlm");
    expect(await failures(await changed({ weights }), set, await goldenAt(""))).toEqual([[], 18]);
  });

  test("the whole way from pixels and text to the robot's units", async () => {
    const policy = await open();
    const { actions, normalised } = await policy.predict(observation(), { seed: 0, noise: floats("b1/noise") });
    expect(distance(actions, floats("b1/actions"))).toBeLessThan(5e-6);
    expect(distance(normalised, floats("b1/actions_model"))).toBeLessThan(5e-6);
    const realTime = { mode: "guided", delay: 1, executionHorizon: 9, schedule: "exp", maxGuidanceWeight: 10 } as const;
    const previous = floats("rtc/prev_short");
    const noise = floats("rtc/noise");
    const steered = await policy.predict(observation(), { seed: 0, noise, realTime: { ...realTime, previous } });
    expect(distance(steered.actions, floats("rtc/4/actions"))).toBeLessThan(5e-6);
    await policy.close();
  });
});

describe("layouts of files", () => {
  test("shards, statistics among the weights, names of a compiled model", async () => {
    const all = new Map(tensors);
    for (const file of STATS) {
      for (const [name, tensor] of readSafetensors(read(file)).tensors) {
        const [feature, statistic] = [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf(".") + 1)];
        if (statistic !== "mean" && statistic !== "std") continue;
        const place = feature === "action" ? ["normalize_targets", "unnormalize_outputs"] : ["normalize_inputs"];
        for (const p of place) all.set(`${p}.buffer_${feature.replaceAll(".", "_")}.${statistic}`, tensor);
      }
    }
    const names = [...all.keys()].sort();
    const half = names.length >> 1;
    const files = new Map<string, Uint8Array>();
    const map: Record<string, string> = {};
    [names.slice(0, half), names.slice(half)].forEach((part, i) => {
      const file = `model-0000${i + 1}-of-00002.safetensors`;
      const renamed = new Map<string, TensorData>();
      for (const name of part) {
        const stored = i === 0 ? name.replace(/^model\./, "model._orig_mod.") : name;
        renamed.set(stored, all.get(name) as TensorData);
        map[stored] = file;
      }
      files.set(file, writeSafetensors(renamed));
    });
    files.set("model.safetensors.index.json", text({ metadata: {}, weight_map: map }));
    const policy = await open({ files, without: ["model.safetensors", ...PROCESSORS] });
    const { actions } = await policy.predict(observation(), { seed: 0, noise: floats("b1/noise") });
    expect(distance(actions, floats("b1/actions"))).toBeLessThan(5e-6);
    await policy.close();
  });

  test("a missing and an unknown tensor are named", async () => {
    const weights = new Map(tensors);
    const gone = "model.vlm_with_expert.vlm.model.text_model.layers.2.mlp.up_proj.weight";
    weights.set("model.vlm_with_expert.stranger.weight", weights.get(gone) as TensorData);
    weights.delete(gone);
    const { code, message } = await refusal(open({ weights }));
    expect(code).toBe("bad-checkpoint");
    expect(message).toContain(gone);
    expect(message).toContain("model.vlm_with_expert.stranger.weight");
  });

  test("heads that do not divide the width, statistics that are not there", async () => {
    const dims = JSON.parse(new TextDecoder().decode(read("dims.json"))) as object;
    const wrong = await refusal(open({ files: new Map([["dims.json", text({ ...dims, head_dim: 7 * 2 })]]) }));
    expect(wrong.message).toContain("do not divide into heads of 14");
    const missing = await refusal(open({ without: PROCESSORS }));
    expect(missing.message).toContain("observation.state");
  });

  test("an expert that would attend through the wrong weights is refused, as the reference fails on it", async () => {
    const { code, message } = await refusal(open({ config: { num_expert_layers: 2 } }));
    expect(code).toBe("unsupported");
    expect(message).toContain("num_expert_layers 2");
  });
});

describe("what is not attended to is left out", () => {
  test("padding and masked cameras change nothing, whatever stands in them", async () => {
    const checkpoint = await changed({ config: { prefix_length: 60 } });
    const config = await readConfig(checkpoint);
    const second = (name: string): number[] => Array.from((golden.get(name) as TensorData).data, Number).slice(25);
    const [ids, tokenMask] = [second("b2/tokens"), second("b2/token_mask")];
    const marks = { imageStart: [3, 6], imageEnd: [3] };
    const layout = layOut(config, { images: [true, false], tokens: ids, tokenMask, ...marks });
    const pixels = { data: floats("b1/image_in.0"), height: 64, width: 64 };
    const state = floats("b1/state_in");
    const noise = floats("b1/noise");
    const model = await SmolVlaEngine.open(checkpoint, engine);
    const short = await model.read({ images: [pixels, null], layout, state });
    const expected = await model.act(short, noise, { steps: 1 });
    expect(layout.places.length).toBe(60);
    expect(short.count).toBe(3 + 4 + 3 + tokenMask.filter((is) => is === 1).length + 1);

    // The same in the reference's layout: masked places keep their rows, here with numbers that mean nothing.
    const n = layout.places.length;
    const embeds = Float32Array.from({ length: n * 48 }, (_, i) => Math.sin(i) * 3);
    short.kept.forEach((place, i) => embeds.set(short.embeds.subarray(i * 48, (i + 1) * 48), place * 48));
    const graphs = [prefixGraph(config, n), stepGraph(config, n)] as const;
    const weights = bindWeights(checkpoint, graphs, { unused: [/./] });
    const [prefix, step] = [await weights.open(graphs[0], engine), await weights.open(graphs[1], engine)];
    const { keys, values } = await prefix.run({
      embeds,
      mask: attentionOf(layout),
      ...turnValues(positionsOf(layout), 8),
    });
    const time = Float32Array.from({ length: 9 * 36 }, (_, i) => model.embedTimes(1)[0]?.[i % 36] as number);
    const places = Array.from({ length: 9 }, (_, i) => short.count + i);
    const { velocity } = await step.run({
      keys: keys as TensorData,
      values: values as TensorData,
      seen: layout.valid,
      noisy: noise,
      time,
      ...turnValues(places, 8),
    });
    const long = noise.map((x, i) => x - ((velocity as TensorData).data[i] as number));
    expect(distance(long, expected)).toBeLessThan(3e-6);
    await Promise.all([prefix.close(), step.close(), model.close()]);
  });

  test("special tokens stay around a masked image; the state is seen by itself only; padding repeats a position", async () => {
    const config = await readConfig(await changed({ config: { prefix_length: 16 } }));
    const marks = { imageStart: [3, 6], imageEnd: [3] };
    const layout = layOut(config, { images: [false], tokens: [9, 10, 2], tokenMask: [1, 1, 0], ...marks });
    expect(layout.places.map(({ kind }) => kind[0]).join("")).toBe("ssiiiiswwwsppppp");
    expect([...layout.valid].join("")).toBe("1100001110100000");
    expect([...positionsOf(layout)].join()).toBe("0,1,1,1,1,1,2,3,4,4,5,5,5,5,5,5");
    const mask = attentionOf(layout);
    const rows = layout.places.map((_, i) => [...mask.subarray(i * 16, (i + 1) * 16)].join(""));
    expect(rows[0]).toBe("1100001110000000");
    expect(rows[10]).toBe("1100001110100000");
    expect(rows[2]).toBe("0000000000000000");
    expect([...compact(layout, 4).kept]).toEqual([0, 1, 6, 7, 8, 10]);
  });
});

describe("traps", () => {
  test("what a person types never becomes a special token", async () => {
    const policy = await open();
    const say = async (instruction: string): Promise<Float32Array> =>
      (await policy.predict({ ...observation(), instruction }, { seed: 1 })).actions;
    const spelled = await say("a <image>");
    expect(distance(spelled, await say("a "))).toBeGreaterThan(1e-3);
    expect(distance(spelled, await say("a <image>\n"))).toBe(0);
    await policy.close();
  });

  test("cameras: any may be absent but one; the order is the checkpoint's; strangers are named", async () => {
    const policy = await open({ config: { empty_cameras: 0 } });
    const { images, ...rest } = observation();
    const options = { seed: 3 };
    const both = await policy.predict({ images, ...rest }, options);
    const turned = Object.fromEntries(Object.entries(images).reverse());
    expect(distance((await policy.predict({ images: turned, ...rest }, options)).actions, both.actions)).toBe(0);
    const one = { "observation.images.wrist": image(1) };
    expect((await policy.predict({ images: one, ...rest }, options)).executable).toBe(true);
    const none = await refusal(policy.predict({ images: {}, ...rest }, options));
    expect(none.fields.expected).toContain("observation.images.wrist");
    const stranger = await refusal(policy.predict({ images: { ...one, left: image(0) }, ...rest }, options));
    expect(stranger.fields.unknown).toEqual(["left"]);
    await policy.close();
  });

  test("bad input is refused with what was expected", async () => {
    const policy = await open();
    const see = (change: Partial<FamilyObservation>, noise?: Float32Array): Promise<unknown> =>
      policy.predict({ ...observation(), ...change }, { seed: 0, ...(noise === undefined ? {} : { noise }) });
    const long = await refusal(see({ instruction: "put it there and then ".repeat(20) }));
    expect([long.code, long.fields.expected]).toEqual(["bad-instruction", 48]);
    expect((await refusal(see({ state: new Float32Array(5) }))).message).toContain("6 finite numbers of state; came 5");
    expect((await refusal(see({ state: new Float32Array(6).fill(Number.NaN) }))).code).toBe("bad-argument");
    expect((await refusal(see({}, new Float32Array(9)))).message).toContain("9 rows of 32 numbers; came 9");
    await policy.close();
  });

  test("trained real-time chunking keeps the actions that are under way", async () => {
    const policy = await open();
    const previous = Float32Array.from({ length: 4 * 7 }, (_, i) => Math.cos(i));
    const realTime = {
      mode: "trained",
      delay: 3,
      executionHorizon: 4,
      schedule: "exp",
      maxGuidanceWeight: 1,
      previous,
    } as const;
    const { normalised } = await policy.predict(observation(), { seed: 5, realTime });
    expect(distance(normalised.subarray(0, 21), previous.subarray(0, 21))).toBe(0);
    await policy.close();
  });

  test("ALOHA's joints: mirrored, grippers from opening to angle and back on another scale", () => {
    const state = Float32Array.from({ length: 14 }, (_, i) => (i === 6 || i === 13 ? 0.5 : i / 10));
    const angles = alohaState(state);
    expect([angles[1], angles[2], angles[8], angles[9]].map((x) => Math.fround(x as number))).toEqual(
      [-0.1, -0.2, -0.8, -0.9].map(Math.fround),
    );
    // asin((0.022² + 0.03822² - 0.036²)/(2·0.022·0.03822)) = 0.396...; from 0.4..1.5 to 0..1.
    expect(angles[6]).toBeCloseTo(
      (Math.asin((0.022 ** 2 + 0.03822 ** 2 - 0.036 ** 2) / (2 * 0.022 * 0.03822)) - 0.4) / 1.1,
      5,
    );
    expect(alohaActions(new Float32Array(28))[20]).toBeCloseTo((0.4 + 0.6213) / (1.491 + 0.6213), 6);
  });
});

test("learns: a few steps on one batch lower the loss, and a frozen VLM stays as it is", async () => {
  const checkpoint = await changed({});
  const config = await readConfig(checkpoint);
  const marks = { imageStart: [], imageEnd: [] };
  const layout = layOut(config, { images: [true], tokens: [20, 30], tokenMask: [1, 1], ...marks });
  const n = layout.places.length;
  const graph = new Graph("learn");
  const net = new Net(graph, { trainable: isTrained(config, "head") });
  const inputs = trainInputs(graph, config, 1, layout, { height: 64, width: 64 });
  const { loss } = smolvlaLoss(net, config, inputs, layout);
  const parameters = await bindWeights(checkpoint, [graph], { unused: [/./] }).values();
  const step = buildTrainStep(graph, loss, { schedule: { peak: 3e-3 }, clipNorm: 10 });
  const trainer = await createTrainer(step, parameters, { threads: 1 });
  const turns = turnValues(positionsOf(layout), 8);
  const actionTurns = turnValues(actionPositions(layout, 9), 8);
  const feeds = {
    pixels: floats("b1/image_in.0"),
    tokens: BigInt64Array.of(20n, 30n),
    state: floats("b1/state_in"),
    mask: attentionOf(layout),
    seen: new Uint8Array(n).fill(1),
    ...turns,
    actionCos: actionTurns.cos,
    actionSin: actionTurns.sin,
    actions: floats("rtc/noise"),
    noise: floats("b1/noise"),
    time: Float32Array.of(0.4),
    timeEmbedding: Float32Array.from(embedTime(0.4, 36, config.time)),
    valid: new Float32Array(9).fill(1),
  };
  const losses: number[] = [];
  for (let i = 0; i < 8; i++) losses.push((await trainer.run(feeds)).loss);
  expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] as number));
  const after = trainer.parameters();
  const moved = (name: string): number => {
    const value = after.get(name);
    return value === undefined
      ? 0
      : distance(value.data as Float32Array, (parameters.get(name) as TensorData).data as Float32Array);
  };
  expect(moved("model.vlm_with_expert.lm_expert.layers.1.self_attn.k_proj.weight")).toBeGreaterThan(1e-4);
  expect(moved("model.vlm_with_expert.vlm.model.text_model.layers.0.self_attn.k_proj.weight")).toBe(0);
  await trainer.close();
});

test("fewer bits: the error of the actions is measured, and small in 8", async () => {
  const checkpoint = await changed({});
  const policy = (precision: "fp32" | "fp16" | "int8" | "int4"): Promise<PublishedPolicy> =>
    smolvla.open(checkpoint, engine, { precision });
  const [exact, int8, int4] = await Promise.all([policy("fp32"), policy("int8"), policy("int4")]);
  const half = await policy("fp16");
  expect((await actionError(exact, half, [observation()], [1, 2])).relL2).toBeLessThan(2e-3);
  await half.close();
  const eight = await actionError(exact, int8, [observation()], [1, 2]);
  const four = await actionError(exact, int4, [observation()], [1, 2]);
  expect([eight.chunks, eight.perDim.length]).toEqual([2, 7]);
  expect(eight.relL2).toBeGreaterThan(1e-4);
  expect(eight.relL2).toBeLessThan(0.05);
  expect(four.relL2).toBeGreaterThan(eight.relL2);
  expect(four.relL2).toBeLessThan(0.5);
  await Promise.all([exact.close(), int8.close(), int4.close()]);
});

test("a matrix whose shape is swapped is refused in every precision, not read the other way round", async () => {
  const name = "model.vlm_with_expert.lm_expert.layers.0.mlp.down_proj.weight";
  const stored = tensors.get(name) as TensorData;
  const checkpoint = await changed({
    weights: new Map([...tensors, [name, { ...stored, shape: stored.shape.toReversed() }]]),
  });
  for (const precision of ["fp32", "fp16", "int8"] as const) {
    await expect(smolvla.open(checkpoint, engine, { precision })).rejects.toThrow(/down_proj.*\(swapped\)/);
  }
  // Blocks of 4 bits do not tell how long a row is until it is read.
  const policy = smolvla.open(checkpoint, engine, { precision: "int4" });
  await expect(policy.then((opened) => opened.predict(observation(), { seed: 1 }))).rejects.toThrow(/down_proj/);
});

describe("made checkpoints", () => {
  test("of any size open and act; the same seed gives the same weights", async () => {
    const dims = {
      vlm_layers_kept: 6,
      hidden: 32,
      heads: 4,
      kv_heads: 1,
      expert_layers: 3,
      self_attn_every_n_layers: 0,
      cameras: 1,
    };
    const make = (): Map<string, Uint8Array> => madeFiles(smolvla.make?.({ size: "tiny", dims, seed: 7 }) as never);
    const files = make();
    expect(
      Buffer.compare(make().get("model.safetensors") as Uint8Array, files.get("model.safetensors") as Uint8Array),
    ).toBe(0);
    const checkpoint = await openCheckpoint(memorySource(files));
    expect(smolvla.matches(checkpoint)).toBe(true);
    const info = await smolvla.describe(checkpoint);
    expect([info.variant, info.chunk, info.action.dim, info.cameras.length]).toEqual(["6 layers, expert 3", 9, 7, 1]);
    const policy = await smolvla.open(checkpoint, engine, { steps: 2 });
    const images = { "observation.images.camera1": image(1) };
    const chunk = await policy.predict({ images, state: new Float32Array(6), instruction: "go" }, { seed: 1 });
    expect([chunk.actions.length, chunk.executable]).toEqual([63, true]);
    await policy.close();
  });
});
