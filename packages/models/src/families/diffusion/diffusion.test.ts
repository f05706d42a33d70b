import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSafetensors, type TensorData, writeSafetensors } from "@bidden/tensor";
import { expect, test } from "vitest";
import { NoiseSchedule, type NoiseScheduleConfig } from "../../blocks/noise-schedule.ts";
import { openCheckpoint } from "../../checkpoint/checkpoint.ts";
import type { FamilyObservation } from "../../checkpoint/family.ts";
import { GoldenCheck, type GoldenSet, openGolden } from "../../checkpoint/golden.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import type { WrittenFiles } from "../../checkpoint/make.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { madeFiles } from "../made-files.ts";
import { diffusion } from "./diffusion.ts";
import { placeGrid, roundHalfEven } from "./model.ts";
import type { DiffusionPolicy } from "./policy.ts";

const DATA = fileURLToPath(new URL("../../../../../testdata/models/diffusion", import.meta.url));
const engine = nodeEngine({ threads: 1 });
const tensorsOf = (name: string): Map<string, TensorData> =>
  readSafetensors(new Uint8Array(readFileSync(`${DATA}/${name}`))).tensors;

test("every stage of the golden set: encoders, samplers, queue, loss and gradients", async () => {
  const checkpoint = await openCheckpointAt(DATA);
  const check = new GoldenCheck((await openGolden(checkpoint.source)) as GoldenSet);
  await diffusion.checkGolden?.(checkpoint, engine, check);
  await checkpoint.close();
  expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
  expect(check.results.length).toBe(87);
});

function observation(golden: ReadonlyMap<string, TensorData>, name: string): FamilyObservation {
  const image = (i: number): FamilyObservation["images"][string] => {
    const { data, shape } = golden.get(`${name}/image.${i}`) as TensorData;
    return { height: shape[0] as number, width: shape[1] as number, data: data as Uint8Array };
  };
  const state = golden.get(`${name}/state`)?.data as Float32Array;
  return {
    images: { "observation.images.cam0": image(0), "observation.images.cam1": image(1) },
    state,
    instruction: "",
  };
}

test("the policy looks at the last observations, and repeats an episode's first", async () => {
  const golden = tensorsOf("golden.safetensors");
  const checkpoint = await openCheckpointAt(DATA);
  const policy = (await diffusion.open(checkpoint, engine)) as DiffusionPolicy;
  const values = (name: string): Float32Array => (golden.get(name) as TensorData).data as Float32Array;
  const noise = Float32Array.from([...values("b1/ddpm/noise"), ...values("b1/ddpm/step_noise")]);
  policy.observe(observation(golden, "b1/raw/0.0"));
  const chunk = await policy.predict(observation(golden, "b1/raw/0.1"), { seed: 0, noise });
  const expected = values("b1/ddpm/actions");
  chunk.actions.forEach((value, i) => expect(value).toBeCloseTo(expected[i] as number, 4));
  expect(chunk).toMatchObject({ horizon: 5, dim: 4, executable: true });
  policy.reset();
  const alone = await policy.predict(observation(golden, "b1/raw/0.1"), { seed: 0, noise });
  expect(alone.actions).not.toEqual(chunk.actions);
  const short = policy.predict(observation(golden, "b1/raw/0.1"), { seed: 0, noise: new Float32Array(64) });
  await expect(short).rejects.toThrow("Expected 640 numbers of noise");
  // The same seed, the same actions; another, others.
  const drawn = async (seed: number): Promise<Float32Array> => {
    policy.reset();
    return (await policy.predict(observation(golden, "b1/raw/0.1"), { seed })).normalised;
  };
  expect(await drawn(1)).toEqual(await drawn(1));
  expect(await drawn(1)).not.toEqual(await drawn(2));
  await policy.close();
  await checkpoint.close();
});

const SCHEDULE: NoiseScheduleConfig = {
  kind: "DDIM",
  trainSteps: 100,
  betas: "squaredcos_cap_v2",
  betaStart: 1e-4,
  betaEnd: 0.02,
  prediction: "epsilon",
  clip: 1,
};

test("traps: uneven steps lead to 0, and the network's noise stays where the clean sample was clipped", () => {
  const schedule = new NoiseSchedule(SCHEDULE);
  expect(schedule.times(7)).toEqual([84, 70, 56, 42, 28, 14, 0]);
  expect(() => schedule.times(101)).toThrow("1 to 100 denoising steps");
  const far = Float32Array.of(9);
  const said = Float32Array.of(0.5);
  const [alpha, next] = [schedule.alphasCumulative[84] as number, schedule.alphasCumulative[70] as number];
  expect((9 - Math.sqrt(1 - alpha) * 0.5) / Math.sqrt(alpha)).toBeGreaterThan(1);
  const [stepped] = schedule.step(far, said, 84, 70, null);
  expect(stepped).toBeCloseTo(Math.sqrt(next) * 1 + Math.sqrt(1 - next) * 0.5, 5);
  // DDPM draws after every step but the one at time 0.
  const ddpm = new NoiseSchedule({ ...SCHEDULE, kind: "DDPM" });
  expect([ddpm.draws(10), ddpm.draws(0), schedule.draws(10)]).toEqual([true, false, false]);
});

test("traps: crops round half to even, and places are columns before rows", () => {
  expect([(64 - 57) / 2, (96 - 71) / 2].map(roundHalfEven)).toEqual([4, 12]);
  expect([...placeGrid(2, 3)]).toEqual([-1, -1, 0, -1, 1, -1, -1, 1, 0, 1, 1, 1]);
});

test("traps: what must be refused", async () => {
  const made = (dims: object): Map<string, Uint8Array> =>
    madeFiles(diffusion.make?.({ size: "tiny", dims: { ...dims }, seed: 3 }) as WrittenFiles);
  expect(() => made({ horizon: 18 })).toThrow("a multiple of 4");
  expect(() => made({ n_action_steps: 16 })).toThrow("at most horizon - n_obs_steps + 1 = 15");
  expect(() => made({ crop_shape: [65, 20] })).toThrow("at most the image's 64x96");
  expect(() => made({ noise_scheduler_type: "DPM" })).toThrow("one of DDPM, DDIM");
  const files = made({ crop_shape: [60, 80] });
  const fewer = openCheckpoint(memorySource(files)).then((all) => diffusion.open(all, engine, { precision: "fp16" }));
  await expect(fewer).rejects.toThrow("Diffusion Policy runs in fp32 only, and fp16 was asked for");
  const weights = readSafetensors(files.get("model.safetensors") as Uint8Array).tensors;
  weights.set("diffusion.unet.final_conv.1.extra", { dtype: "float32", shape: [1], data: new Float32Array(1) });
  files.set("model.safetensors", writeSafetensors(weights));
  const opened = openCheckpoint(memorySource(files)).then((checkpoint) => diffusion.open(checkpoint, engine));
  await expect(opened).rejects.toThrow("tensors of unknown name: diffusion.unet.final_conv.1.extra");
});

test("made checkpoints of other sizes and switches open and predict", async () => {
  const variants = [
    { cameras: 1, use_group_norm: true, use_separate_rgb_encoder_per_camera: false, environment_dim: 2 },
    { resize_shape: [48, 60], crop_ratio: 0.9, use_film_scale_modulation: false, down_dims: [16, 32] },
    { vision_backbone: "resnet50", backbone_planes: [4, 4, 8, 8], n_obs_steps: 3, noise_scheduler_type: "DDPM" },
  ];
  for (const dims of variants) {
    const made = diffusion.make?.({ size: "tiny", dims: { ...dims, num_inference_steps: 3 }, seed: 7 }) as WrittenFiles;
    const checkpoint = await openCheckpoint(memorySource(madeFiles(made)));
    expect(diffusion.matches(checkpoint)).toBe(true);
    const policy = await diffusion.open(checkpoint, engine);
    const image = { width: 96, height: 64, data: new Uint8Array(96 * 64 * 3).fill(90) };
    const images = Object.fromEntries(policy.info.cameras.map(({ name }) => [name, image]));
    const state = new Float32Array(policy.info.state.dim);
    const chunk = await policy.predict({ images, state, instruction: "" }, { seed: 0 });
    expect(chunk.actions.length).toBe(5 * 4);
    expect(chunk.actions.every(Number.isFinite)).toBe(true);
    await policy.close();
  }
});
