import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRng } from "@bidden/runtime";
import { buildTrainStep, readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";
import { createTrainer } from "@bidden/tensor/node";
import { beforeAll, expect, test } from "vitest";
import { type Checkpoint, openCheckpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyObservation } from "../../checkpoint/family.ts";
import { GoldenCheck, type GoldenSet, openGolden } from "../../checkpoint/golden.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { madeFiles } from "../made-files.ts";
import { act } from "./act.ts";
import { actConfig } from "./config.ts";
import { actLossGraph } from "./graphs.ts";
import type { ActPolicy } from "./policy.ts";
import { linePositions } from "./positions.ts";

const DATA = fileURLToPath(new URL("../../../../../testdata/models/act", import.meta.url));
const engine = nodeEngine({ threads: 1 });
const FILES = ["config.json", "policy_preprocessor.json", "policy_postprocessor.json"].concat(
  ["policy_preprocessor_step_3_normalizer", "policy_postprocessor_step_0_unnormalizer"].map(
    (name) => `${name}_processor.safetensors`,
  ),
);
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(`${DATA}/${name}`));

let tensors: ReadonlyMap<string, TensorData>;
let golden: ReadonlyMap<string, TensorData>;
beforeAll(() => {
  tensors = readSafetensors(read("model.safetensors")).tensors;
  golden = readSafetensors(read("golden.safetensors")).tensors;
});

/** The golden checkpoint with other files or weights. */
function variant(
  change: { readonly weights?: Map<string, TensorData>; readonly config?: object; readonly without?: string } = {},
): Promise<Checkpoint> {
  const files = new Map(FILES.filter((name) => name !== change.without).map((name) => [name, read(name)]));
  files.set(
    "model.safetensors",
    change.weights === undefined ? read("model.safetensors") : writeSafetensors(change.weights),
  );
  if (change.config !== undefined) {
    const config = { ...JSON.parse(new TextDecoder().decode(read("config.json"))), ...change.config } as object;
    files.set("config.json", new TextEncoder().encode(JSON.stringify(config)));
  }
  return openCheckpoint(memorySource(files));
}

async function goldenRows(path: string): Promise<GoldenCheck> {
  const checkpoint = await openCheckpointAt(path);
  const check = new GoldenCheck((await openGolden(checkpoint.source)) as GoldenSet);
  await act.checkGolden?.(checkpoint, engine, check);
  await checkpoint.close();
  return check;
}

test("every stage, the queue, the ensembles, loss and gradients of the golden set", async () => {
  const { results } = await goldenRows(DATA);
  expect(results.filter(({ pass }) => !pass)).toEqual([]);
  expect(results.length).toBe(47);
});

test("pre-norm, GELU, two decoder layers, no VAE", async () => {
  // A variant's folder holds what differs; its inputs are the base's.
  const own = `${DATA}/variants/pre_norm_gelu`;
  const files = new Map(FILES.slice(1).map((name) => [name, read(name)]));
  for (const name of ["config.json", "model.safetensors", "golden.json", "golden.safetensors"]) {
    files.set(name, new Uint8Array(readFileSync(`${own}/${name}`)));
  }
  const checkpoint = await openCheckpoint(memorySource(files));
  const base = await openCheckpointAt(DATA);
  const sets = [await openGolden(checkpoint.source), await openGolden(base.source)] as [GoldenSet, GoldenSet];
  const check = new GoldenCheck(...sets);
  await act.checkGolden?.(checkpoint, engine, check);
  await base.close();
  expect(check.results.map(({ stage, pass }) => [stage, pass])).toEqual([
    ["b2/actions_model", true],
    ["b2/actions", true],
  ]);
});

function firstObservation(): FamilyObservation {
  const image = (i: number): FamilyObservation["images"][string] => {
    const { data, shape } = golden.get(`b1/raw/0/image.${i}`) as TensorData;
    return { height: shape[0] as number, width: shape[1] as number, data: data as Uint8Array };
  };
  return {
    images: { "observation.images.cam0": image(0), "observation.images.cam1": image(1) },
    state: golden.get("b1/raw/0/state")?.data as Float32Array,
    instruction: "",
  };
}

test("statistics among the weights, as files before October 2025 have them", async () => {
  const statistics = readSafetensors(read(FILES[3] as string)).tensors;
  const weights = new Map(tensors);
  for (const [name, value] of statistics) {
    const [, feature, statistic] = /^(.*)\.(mean|std)$/.exec(name) ?? [];
    if (feature === undefined) continue;
    const place = feature === "action" ? "unnormalize_outputs" : "normalize_inputs";
    weights.set(`${place}.buffer_${feature.replaceAll(".", "_")}.${statistic}`, value);
  }
  const files = new Map([
    ["config.json", read("config.json")],
    ["model.safetensors", writeSafetensors(weights)],
  ]);
  const policy = await act.open(await openCheckpoint(memorySource(files)), engine);
  const chunk = await policy.predict(firstObservation(), { seed: 0 });
  const expected = golden.get("b1/actions")?.data as Float32Array;
  const worst = chunk.actions.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
  expect(worst).toBeLessThan(2e-5);
  expect(chunk).toMatchObject({ horizon: 12, dim: 4, executable: true });
  expect(policy.info.state.normalisation).toBe("mean_std of buffers among the weights");
  await policy.close();
});

test("one action a step: the first five of a chunk, or the ensemble's", async () => {
  const expected = golden.get("b1/actions")?.data as Float32Array;
  const queued = (await act.open(await variant(), engine)) as ActPolicy;
  const ensembled = (await act.open(
    await variant({ config: { temporal_ensemble_coeff: 0.01, n_action_steps: 1 } }),
    engine,
  )) as ActPolicy;
  for (let step = 0; step < 7; step++) {
    const action = await queued.select(firstObservation());
    expect(action[0]).toBeCloseTo(expected[4 * (step % 5)] as number, 4);
  }
  // The same observation again and again: step t averages what t + 1 predictions said of it.
  await ensembled.select(firstObservation());
  const second = await ensembled.select(firstObservation());
  const [older, newer] = [1, Math.exp(-0.01)];
  const [first, now] = [expected[4] as number, expected[0] as number];
  expect(second[0]).toBeCloseTo((older * first + newer * now) / (older + newer), 4);
  expect(ensembled.info).toMatchObject({ chunk: 1, executed: 1 });
  ensembled.reset();
  expect((await ensembled.select(firstObservation()))[0]).toBeCloseTo(now, 4);
  await queued.close();
  await ensembled.close();
});

test("traps: what must be refused", async () => {
  const refused = async (checkpoint: Promise<Checkpoint>): Promise<string> => {
    const policy = await act.open(await checkpoint, engine).catch((error: unknown) => String(error));
    return typeof policy === "string" ? policy : "opened";
  };
  const changed = (change: (weights: Map<string, TensorData>) => void): Promise<Checkpoint> => {
    const weights = new Map(tensors);
    change(weights);
    return variant({ weights });
  };
  const head = tensors.get("model.action_head.weight") as TensorData;
  expect(await refused(changed((w) => w.set("model.stranger", head)))).toContain("model.stranger");
  expect(await refused(changed((w) => w.delete("model.decoder.norm.bias")))).toContain(
    "missing tensors: model.decoder.norm.bias",
  );
  expect(await refused(changed((w) => w.set("model.action_head.weight", { ...head, shape: [32, 4] })))).toContain(
    "swapped",
  );
  expect(await refused(variant({ config: { replace_final_stride_with_dilation: true } }))).toContain("dilated");
  expect(await refused(variant({ config: { n_action_steps: 13 } }))).toContain("at most the chunk_size of 12");
  expect(await refused(variant({ config: { temporal_ensemble_coeff: 0.01 } }))).toContain("n_action_steps");
  expect(await refused(variant({ config: { n_encoder_layers: 1e9 } }))).toContain("at most 1024");
  expect(await refused(variant({ config: { latent_dim: 1e12 } }))).toContain("at most 65536");
  const huge = { "observation.images.cam0": { type: "VISUAL", shape: [3, 60_000, 60_000] } };
  expect(await refused(variant({ config: { input_features: huge } }))).toContain("at most 16777216 pixels");
  expect(await refused(variant({ config: { feedforward_activation: "glu" } }))).toContain("relu or gelu");
  expect(await refused(variant({ without: "policy_preprocessor.json" }))).toContain('expected its "mean"');
});

test("traps: an observation that does not fit", async () => {
  const policy = await act.open(await variant(), engine);
  const good = firstObservation();
  const tell = (change: Partial<FamilyObservation>): Promise<string> =>
    policy.predict({ ...good, ...change }, { seed: 0 }).then(() => "predicted", String);
  expect(await tell({ state: new Float32Array(6) })).toContain("reads 5 finite numbers of state; came 6");
  expect(await tell({ state: new Float32Array(5).fill(Number.NaN) })).toContain("not finite");
  expect(await tell({ images: {} })).toContain('96x64 pixels from "observation.images.cam0"; came none');
  const small = { width: 8, height: 8, data: new Uint8Array(192) };
  expect(await tell({ images: { ...good.images, "observation.images.cam1": small } })).toContain("came 8x8");
  await policy.close();
});

test("the stored positions of the VAE encoder are the computed ones", () => {
  const stored = tensors.get("model.vae_encoder_pos_enc") as TensorData;
  expect(stored.shape).toEqual([1, 14, 32]);
  const computed = linePositions(14, 32);
  computed.forEach((value, i) => expect(value).toBeCloseTo(stored.data[i] as number, 6));
});

test("made checkpoints of other sizes open and predict", async () => {
  const dims = { cameras: 1, image: [70, 33], environment_dim: 3, backbone_planes: [4, 4, 8, 8], n_decoder_layers: 2 };
  for (const extra of [{}, { vision_backbone: "resnet50", pre_norm: true }, { state_dim: 0, use_vae: false }]) {
    const made = madeFiles(act.make?.({ size: "tiny", dims: { ...dims, ...extra }, seed: 7 }) as WrittenFiles);
    const checkpoint = await openCheckpoint(memorySource(made));
    expect(act.matches(checkpoint)).toBe(true);
    const policy = await act.open(checkpoint, engine);
    // Trap: LeRobot's usual map does not name the environment's state, which is then taken as it comes.
    expect(policy.info.state.normalisation).toContain("identity");
    const image = { width: 33, height: 70, data: new Uint8Array(33 * 70 * 3).fill(100) };
    const state = new Float32Array(policy.info.state.dim);
    const chunk = await policy.predict(
      { images: { "observation.images.cam0": image }, state, instruction: "" },
      { seed: 0 },
    );
    expect(chunk.actions.length).toBe(12 * 4);
    expect(chunk.actions.every(Number.isFinite)).toBe(true);
    await policy.close();
  }
});

test("fewer bits are refused, not overlooked", async () => {
  const opened = act.open(await variant({}), engine, { precision: "int8" });
  await expect(opened).rejects.toThrow("ACT runs in fp32 only, and int8 was asked for");
});

test("statistics of batch normalisation that are too short are refused by name, not folded", async () => {
  const name = "model.backbone.layer3.1.bn1.running_mean";
  const short = { dtype: "float32", shape: [15], data: new Float32Array(15) } as const;
  const checkpoint = await variant({ weights: new Map([...tensors, [name, short]]) });
  await expect(act.open(checkpoint, engine)).rejects.toThrow(
    new RegExp(`"${name}": expected shape \\[16\\]; came \\[15\\]`),
  );
});

test("weights that are no numbers give a chunk that must not be executed", async () => {
  const name = "model.action_head.bias";
  const stored = tensors.get(name) as TensorData;
  const spoilt = { ...stored, data: (stored.data as Float32Array).slice().fill(Number.NaN) };
  const policy = await act.open(await variant({ weights: new Map([...tensors, [name, spoilt]]) }), engine);
  const { executable, warnings } = await policy.predict(firstObservation(), { seed: 0 });
  expect([executable, warnings]).toEqual([false, ["The network gave actions that are not finite."]]);
  await policy.close();
});

test("the loss falls when it is trained, and what was trained opens as a checkpoint", async () => {
  const files = madeFiles(act.make?.({ size: "tiny", dims: { cameras: 1, image: [32, 32] }, seed: 2 }) as WrittenFiles);
  const weights = readSafetensors(files.get("model.safetensors") as Uint8Array).tensors;
  const config = actConfig((await openCheckpoint(memorySource(files))).config, () => [8, 12, 16, 24]);
  const { graph, loss } = actLossGraph(config, 2);
  const step = buildTrainStep(graph, loss, {
    schedule: { peak: 1e-3, warmupSteps: 2, decay: { kind: "cosine" }, totalSteps: 40, final: 0.5 },
    clipNorm: 10,
  });
  const trainer = await createTrainer(step, weights, { threads: 1 });
  const rng = createRng(4);
  const draw = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.normal());
  const batch = {
    "image.0": draw(2 * 3 * 32 * 32),
    state: draw(2 * 5),
    action: draw(2 * 12 * 4),
    action_is_pad: new Uint8Array(24),
    latent_noise: draw(2 * 6),
  };
  const losses: number[] = [];
  for (let i = 0; i < 25; i++) losses.push((await trainer.run(batch)).loss);
  expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] as number));
  const trained = new Map([...weights, ...trainer.parameters()]);
  files.set("model.safetensors", writeSafetensors(trained));
  const policy = await act.open(await openCheckpoint(memorySource(files)), engine);
  expect(policy.info.chunk).toBe(12);
  await policy.close();
  const moving = "model.backbone.bn1.running_mean";
  expect(trained.get(moving)?.data).toEqual(weights.get(moving)?.data);
});
