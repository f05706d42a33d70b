import { createRng, type Image } from "@bidden/runtime";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { openCheckpoint } from "../../checkpoint/checkpoint.ts";
import { GoldenCheck, GoldenSet, openGolden } from "../../checkpoint/golden.ts";
import { Fields, type JsonObject } from "../../checkpoint/json.ts";
import { nodeEngine, openCheckpointAt } from "../../checkpoint/load.node.ts";
import { readPt } from "../../checkpoint/pt/read.ts";
import { joinRows } from "../../checkpoint/floats.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { folderSource } from "../../checkpoint/source.node.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { unpacked } from "../../testdata.test-kit.ts";
import { madeFiles } from "../made-files.ts";
import { plainNet } from "../openvla/model.ts";
import { openvla } from "../openvla/openvla.ts";
import { unnormalise } from "../openvla/statistics.ts";
import { alphasCumprod, ddimStep, ddimTimes, timeEmbedding } from "./ddim.ts";
import { headGraph } from "./graphs.ts";
import { openvlaOft } from "./oft.ts";
import { openOft } from "./open.ts";
import { findParts, openParts, sourceOf } from "./parts.ts";
import { platformOf } from "./platform.ts";

const GOLDEN = `${unpacked("oft")}/`;
const engine = nodeEngine({ threads: 1 });
const makeFiles = (dims: Readonly<Record<string, unknown>>): Map<string, Uint8Array> =>
  madeFiles(openvlaOft.make?.({ size: "tiny", dims, seed: 5 }) ?? { files: new Map(), weights: [] });
const picture = (seed: number): Image => {
  const rng = createRng(seed);
  return { width: 60, height: 50, data: Uint8Array.from({ length: 9000 }, () => rng.below(256)) };
};
const LIBERO = { full_image: picture(1), wrist_image: picture(2) };
type Golden = {
  readonly runs: Readonly<
    Record<
      string,
      { readonly timesteps: readonly number[]; readonly normalized_actions: readonly (readonly number[])[] }
    >
  >;
};
const factsJson = JSON.parse(readFileSync(`${GOLDEN}goldens.json`, "utf8")) as JsonObject;
const facts = factsJson as unknown as Golden;
const folder = folderSource(GOLDEN);
const golden = (await openGolden(folder)) as GoldenSet;
afterAll(() => folder.close());

describe("what the authors' code computed", () => {
  test("L1 head, two images, state, and a FiLM backbone with its LoRA", async () => {
    const checkpoint = await openCheckpointAt(GOLDEN);
    const { source, tensors, facts: all } = golden;
    const runs = { film_l1_full: all.object("runs").raw("film_l1_full") };
    const check = new GoldenCheck(new GoldenSet(source, new Fields({ ...factsJson, runs }, "goldens.json"), tensors));
    await openvlaOft.checkGolden?.(checkpoint, engine, check);
    expect(check.results.filter(({ pass }) => !pass)).toEqual([]);
    expect(check.results.map(({ stage }) => stage)).toContain("film_l1_full.actions");
  });

  test("the diffusion head reads the last step's noise from the recorded hidden states", async () => {
    const { checkpoint } = await openParts(
      await openCheckpointAt(GOLDEN),
      "diffusion",
      (part) => part === "action_head",
    );
    const name = "action_head.noise_predictor.mlp_resnet";
    const graph = headGraph(name, { chunk: 8, actionDim: 7, width: 64, blocks: 2 }, plainNet);
    const session = await bindWeights(checkpoint, [graph], { unused: [/^(projector|language_model)\./] }).open(
      graph,
      engine,
    );
    const hidden = (await golden.float("diffusion_full.actions_hidden_states")) as Float32Array;
    const actions = (await session.run({ hidden })).actions?.data as Float32Array;
    const expected = ((await golden.float("diffusion_full.noise_pred")) as Float32Array).subarray(-56);
    actions.forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThan(2e-5));
  });

  test.each(["diffusion_full", "diffusion_10"])(
    "DDIM turns the recorded noise of %s into the recorded actions",
    async (run) => {
      const { timesteps, normalized_actions } = facts.runs[run] as Golden["runs"][string];
      const noises = (await golden.float(`${run}.noise_pred`)) as Float32Array;
      let x = (await golden.float(`${run}.noise`)) as Float32Array;
      expect(ddimTimes(timesteps.length)).toEqual(timesteps);
      for (const [i, t] of timesteps.entries()) {
        x = ddimStep(x, noises.subarray(i * 56, (i + 1) * 56), t, 50 / timesteps.length, alphasCumprod());
      }
      x.forEach((value, i) => expect(Math.abs(value - (normalized_actions.flat()[i] as number))).toBeLessThan(1e-5));
    },
  );

  test("time embeddings", async () => {
    const expected = (await golden.float("diffusion_10.time_embeddings")) as Float32Array;
    timeEmbedding(45, 64).forEach((value, i) => expect(Math.abs(value - (expected[i] as number))).toBeLessThan(3e-6));
  });
});

describe("platforms", () => {
  test("the data set's name tells the chunk and the bounds; settings decide otherwise", () => {
    expect(platformOf({}, "libero_10_no_noops", 7)).toMatchObject({ chunk: 8, bounds: "bounds_q99" });
    expect(platformOf({}, "fold_shirt", 14)).toMatchObject({ name: "aloha", chunk: 25, bounds: "bounds" });
    expect(platformOf({ platform: "bridge", chunk: "6" }, "x", 7)).toMatchObject({ chunk: 6, cameras: ["full_image"] });
    expect(platformOf({ chunk: "4", bounds: "bounds", cameras: "2" }, "mine", 7)).toMatchObject({
      chunk: 4,
      cameras: ["full_image", "image_1"],
    });
  });

  test("what nothing tells is asked for, never guessed", () => {
    expect(() => platformOf({}, "my_robot", 7)).toThrow("set platform to libero, aloha, bridge, or chunk and bounds");
    expect(() => platformOf({ platform: "mars" }, "libero", 7)).toThrow('came platform "mars"');
  });

  test("OFT adds 1e-8 to every range, which shows where a dimension never moved", () => {
    const still = { low: [0], high: [0], mask: [true] };
    expect(unnormalise([1], still, 1e-8)[0]).toBeCloseTo(1e-8, 12);
    expect(unnormalise([1], still, 0)[0]).toBe(0);
  });
});

describe("parts", () => {
  test("the latest training step of each part, in the folder asked for first", () => {
    const files = [
      "action_head--50000_checkpoint.pt",
      "action_head--150000_checkpoint.pt",
      "diffusion/action_head--100_checkpoint.pt",
      "proprio_projector--latest_checkpoint.pt",
      "proprio_projector--150000_checkpoint.pt",
    ];
    expect([...findParts(files).values()]).toEqual([
      "action_head--150000_checkpoint.pt",
      "proprio_projector--latest_checkpoint.pt",
    ]);
    expect(findParts(files, "diffusion").get("action_head")).toBe("diffusion/action_head--100_checkpoint.pt");
  });

  test("LoRA is merged as W + min(r, 16)/r·B·A, kernels of convolutions too", async () => {
    const files = makeFiles({ film: true, lora_rank: 20 });
    const { checkpoint } = await openParts(await openCheckpoint(memorySource(files)), "");
    const weight = "vision_backbone.featurizer.patch_embed.proj.weight";
    const recipe = sourceOf(checkpoint)(weight);
    if (typeof recipe === "string" || !("compute" in recipe)) throw new TypeError("no recipe");
    const [w, a, b] = await Promise.all(recipe.from.map((name) => checkpoint.float(name)));
    const merged = recipe.compute(
      [w, a, b] as Float32Array[],
      recipe.from.map((name) => checkpoint.info(name)),
    );
    const inner = 3 * 14 * 14;
    let expected = (w as Float32Array)[2 * inner + 7] as number;
    for (let r = 0; r < 20; r++) {
      expected += 0.8 * ((b as Float32Array)[2 * 20 + r] as number) * ((a as Float32Array)[r * inner + 7] as number);
    }
    expect(merged[2 * inner + 7]).toBeCloseTo(expected, 6);
    expect(sourceOf(checkpoint)("language_model.lm_head.weight")).toBe("language_model.lm_head.weight");
  });

  test("a damaged head is refused when the policy is opened", async () => {
    const files = makeFiles({});
    const name = "action_head--150000_checkpoint.pt";
    const damaged = (files.get(name) as Uint8Array).slice();
    const at = Math.floor(damaged.length / 2);
    damaged[at] = (damaged[at] as number) ^ 1;
    files.set(name, damaged);
    await expect(openvlaOft.open(await openCheckpoint(memorySource(files)), engine)).rejects.toThrow(
      "the file is damaged",
    );
  });

  test("written heads carry the prefix of distributed training, read heads do not", async () => {
    const head = makeFiles({}).get("action_head--150000_checkpoint.pt") as Uint8Array;
    expect(new TextDecoder("latin1").decode(head)).toContain("module.model.fc1.weight");
    expect([...(await readPt(head)).keys()]).toContain("model.fc1.weight");
  });
});

describe("made checkpoints", () => {
  const cases = [
    [{ head: "l1" }, "l1", 8, 7],
    [{ head: "l1", film: true }, "l1 + FiLM", 8, 7],
    [{ head: "discrete" }, "discrete", 8, 7],
    [{ head: "diffusion", proprio_dim: 0 }, "diffusion", 8, 7],
  ] as const;

  test.each(cases)("%j", async (dims, variant, horizon, dim) => {
    const checkpoint = await openCheckpoint(memorySource(makeFiles(dims)));
    expect([openvlaOft.matches(checkpoint), openvla.matches(checkpoint)]).toEqual([true, false]);
    const policy = await openvlaOft.open(checkpoint, engine, { steps: 5 });
    expect(policy.info).toMatchObject({ family: "openvla-oft", variant, chunk: horizon });
    await expect(openvlaOft.open(checkpoint, engine, { settings: { steps: "51" } })).rejects.toThrow("1 to 50");
    const state = new Float32Array(policy.info.state.dim).fill(0.1);
    const observation = { images: LIBERO, state, instruction: "put the bowl on the plate" };
    const chunk = await policy.predict(observation, { seed: 1 });
    expect(chunk).toMatchObject({ horizon, dim });
    expect(chunk.actions.every(Number.isFinite)).toBe(true);
    expect([...(await policy.predict(observation, { seed: 1 })).actions]).toEqual([...chunk.actions]);
    await policy.close();
  });

  test("what is merged of low rank is merged first, then held in fewer bits", async () => {
    const checkpoint = await openCheckpoint(memorySource(makeFiles({ head: "l1", film: true })));
    const actionsIn = async (precision: "fp32" | "int8"): Promise<Float32Array[]> => {
      const policy = await openvlaOft.open(checkpoint, engine, { precision });
      const state = new Float32Array(policy.info.state.dim).fill(0.1);
      const actions: Float32Array[] = [];
      for (const instruction of ["put it there", "open the drawer", "zip", "lift the red cube", "stop"]) {
        actions.push((await policy.predict({ images: LIBERO, state, instruction }, { seed: 1 })).normalised);
      }
      await policy.close();
      return actions;
    };
    const [exact, came] = [joinRows(await actionsIn("fp32")), joinRows(await actionsIn("int8"))];
    const error = Math.hypot(...exact.map((value, i) => value - (came[i] as number))) / Math.hypot(...exact);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.1);
  });

  test("three cameras and two arms", async () => {
    const checkpoint = await openCheckpoint(memorySource(makeFiles({ platform: "aloha" })));
    const { facts: read, model } = await openOft(checkpoint, engine);
    expect(read).toMatchObject({ actionDim: 14, proprioDim: 14, platform: { chunk: 25, bounds: "bounds" } });
    await model.close();
  });

  test("a missing camera or a state of another length stops with the field's name", async () => {
    const policy = await openvlaOft.open(await openCheckpoint(memorySource(makeFiles({}))), engine);
    const { wrist_image: _, ...one } = LIBERO;
    const state = new Float32Array(8);
    await expect(policy.predict({ images: one, state, instruction: "x" }, { seed: 1 })).rejects.toThrow(
      "missing: wrist_image",
    );
    await expect(
      policy.predict({ images: LIBERO, state: new Float32Array(7), instruction: "x" }, { seed: 1 }),
    ).rejects.toThrow("a state of 8 numbers; came 7");
    await policy.close();
  });

  test("statistics of another robot, or a state that is no number, are refused", async () => {
    const files = makeFiles({});
    const statistics = makeFiles({ platform: "aloha" }).get("dataset_statistics.json") as Uint8Array;
    files.set("dataset_statistics.json", statistics);
    const other = await openCheckpoint(memorySource(files));
    await expect(openvlaOft.open(other, engine)).rejects.toThrow("expected the range of 7 numbers");
    const policy = await openvlaOft.open(await openCheckpoint(memorySource(makeFiles({}))), engine);
    const state = new Float32Array(8).fill(Number.NaN, 3);
    await expect(policy.predict({ images: LIBERO, state, instruction: "x" }, { seed: 1 })).rejects.toThrow(
      "number 3 is NaN",
    );
    await policy.close();
  });

  test("every token sees every other: the first place changes with the last", async () => {
    const { model } = await openOft(await openCheckpoint(memorySource(makeFiles({}))), engine);
    const embeds = Float32Array.from({ length: 48 * 80 }, (_, i) => Math.sin(i));
    const before = await model.lastHidden(embeds);
    const changed = embeds.slice();
    changed.fill(0.5, -48);
    const after = await model.lastHidden(changed);
    expect(Math.abs((before[0] as number) - (after[0] as number))).toBeGreaterThan(1e-6);
    await model.close();
  });
});
