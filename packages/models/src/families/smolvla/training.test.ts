import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BiddenError, createRng, type Image } from "@bidden/runtime";
import {
  buildTrainStep,
  type Elements,
  gradients,
  onnxModel,
  readSafetensors,
  type Tensor,
  type TensorData,
  writeSafetensors,
} from "@bidden/tensor";
import { createSession, createTrainer } from "@bidden/tensor/node";
import { beforeAll, describe, expect, test } from "vitest";
import { embedTime } from "../../blocks/flow-matching.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { openCheckpointAt } from "../../checkpoint/load.node.ts";
import { memorySource } from "../../checkpoint/source.ts";
import { openVariant } from "../../checkpoint/overlay.ts";
import { folderSource } from "../../checkpoint/source.node.ts";
import type { FamilyTraining, TrainingOptions, TrainingRow } from "../../checkpoint/training.ts";
import { readConfig } from "./config.ts";
import { smolvla } from "./smolvla.ts";

/** What LeRobot computed: see the README there. */
const DATA = fileURLToPath(new URL("../../../../../testdata/models/smolvla", import.meta.url));

let golden: ReadonlyMap<string, TensorData>;
let prompts: readonly string[];
let checkpoint: Checkpoint;
beforeAll(async () => {
  golden = readSafetensors(new Uint8Array(readFileSync(`${DATA}/golden.safetensors`))).tensors;
  prompts = (JSON.parse(readFileSync(`${DATA}/golden.json`, "utf8")) as { prompts: string[] }).prompts;
  checkpoint = await openCheckpointAt(DATA);
});

const floats = (name: string): Float32Array => golden.get(name)?.data as Float32Array;

function picture(name: string): Image {
  const { shape, data } = golden.get(name) as TensorData;
  const [height = 0, width = 0] = shape;
  return { width, height, data: data as Uint8Array };
}

/** The golden batch as a recording would hold it: pictures, states and actions in the robot's units. */
function rows(): TrainingRow[] {
  const size = floats("train/action").length / 2;
  const pads = golden.get("train/action_is_pad")?.data as Uint8Array;
  return [0, 1].map((i) => ({
    images: {
      "observation.images.top": picture(`raw/${i}/image.0`),
      "observation.images.wrist": picture(`raw/${i}/image.1`),
    },
    state: floats(`raw/${i}/state`),
    instruction: prompts[i] as string,
    actions: floats("train/action").slice(i * size, (i + 1) * size),
    isPad: pads.slice((i * pads.length) / 2, ((i + 1) * pads.length) / 2),
  }));
}

/** The batch with the noise and the times that LeRobot drew. */
async function feedsOf(training: FamilyTraining): Promise<Record<string, Elements>> {
  const config = await readConfig(checkpoint);
  const time = floats("train/time");
  return {
    ...training.feeds(rows(), createRng(1)),
    noise: floats("train/noise"),
    time,
    timeEmbedding: Float32Array.from([...time].flatMap((t) => [...embedTime(t, config.expert.width, config.time)])),
  };
}

function train(options: Partial<TrainingOptions> = {}, from = checkpoint): Promise<FamilyTraining> {
  return smolvla.train?.(from, { batch: 2, instructions: prompts, seed: 1, ...options }) as Promise<FamilyTraining>;
}

async function lossOf(training: FamilyTraining, parameters: ReadonlyMap<string, TensorData>): Promise<number> {
  training.graph.output("loss", training.loss);
  const session = await createSession(onnxModel(training.graph, { parameters }));
  const { loss } = await session.run(await feedsOf(training));
  await session.close();
  return Number(loss?.data[0]);
}

function relative(came: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference += ((came[i] as number) - (expected[i] as number)) ** 2;
    size += (expected[i] as number) ** 2;
  }
  return Math.sqrt(difference / size);
}

test("recorded frames give LeRobot's loss and gradients", async () => {
  const training = await train();
  const names = [...golden.keys()].flatMap((name) => /^train\/all\/grad\/(.+)$/.exec(name)?.[1] ?? []);
  const wanted = names.map((name) => training.graph.parameters.get(name) as Tensor);
  expect(names.length).toBeGreaterThan(5);
  gradients(training.loss, wanted).forEach((gradient, i) => training.graph.output(`grad ${names[i]}`, gradient));
  training.graph.output("loss", training.loss);
  const session = await createSession(onnxModel(training.graph, { parameters: await training.parameters() }));
  const out = await session.run(await feedsOf(training));
  expect(relative(out.loss?.data as Float32Array, floats("train/all/loss"))).toBeLessThan(1e-5);
  const far = names.filter((name) => {
    return relative(out[`grad ${name}`]?.data as Float32Array, floats(`train/all/grad/${name}`)) > 1e-4;
  });
  expect(far).toEqual([]);
  await session.close();
});

describe("LoRA", () => {
  const lora = { rank: 2, alpha: 6 };

  test("begins with the checkpoint's own loss", async () => {
    const training = await train({ lora });
    const loss = await lossOf(training, await training.parameters());
    expect(relative([loss], floats("train/all/loss"))).toBeLessThan(1e-5);
  });

  test("what was trained and worked into the weights has the loss that the additions had", async () => {
    const training = await train({ lora, what: "head" });
    const before = await training.parameters();
    const step = buildTrainStep(training.graph, training.loss, { schedule: { peak: 3e-2 } });
    const trainer = await createTrainer(step, before, { threads: 1 });
    const feeds = await feedsOf(training);
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) losses.push((await trainer.run(feeds)).loss);
    const after = trainer.parameters();
    const last = (await trainer.run(feeds)).loss;
    await trainer.close();
    expect(last).toBeLessThan(0.95 * (losses[0] as number));
    const changed = training.tensors(after);
    // Matrices keep their place and shape, and the language model is left alone.
    expect([...changed.keys()].every((name) => checkpoint.tensors.has(name))).toBe(true);
    expect([...changed.keys()].filter((name) => name.includes(".vlm."))).toEqual([]);
    expect(changed.size).toBeGreaterThan(20);
    const weights = readSafetensors(new Uint8Array(readFileSync(`${DATA}/model.safetensors`))).tensors;
    const files = new Map([["model.safetensors", writeSafetensors(new Map([...weights, ...changed]))]]);
    const merged = await openVariant(memorySource(files), folderSource(DATA));
    const plain = await train({}, merged);
    expect(Math.abs((await lossOf(plain, await plain.parameters())) / last - 1)).toBeLessThan(1e-4);
  });
});

describe("what is refused", () => {
  test("an instruction that was not named, or is too long", async () => {
    const training = await train({ instructions: ["go"] });
    expect(() => training.feeds(rows(), createRng(1))).toThrow("was not named before training began");
    await expect(train({ instructions: ["go ".repeat(80)] })).rejects.toThrow("at most 48 tokens");
  });

  test("rows without a camera, or of another state", async () => {
    const training = await train();
    const [first, second] = rows() as [TrainingRow, TrainingRow];
    const blind = { ...first, images: { "observation.images.top": first.images["observation.images.top"] as Image } };
    expect(() => training.feeds([blind, second], createRng(1))).toThrow(BiddenError);
    expect(() => training.feeds([{ ...first, state: new Float32Array(3) }, second], createRng(1))).toThrow(
      "6 finite numbers of state",
    );
  });
});
