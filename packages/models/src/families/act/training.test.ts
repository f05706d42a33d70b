import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createRng, type Image } from "@bidden/runtime";
import { gradients, onnxModel, readSafetensors, type Tensor, type TensorData } from "@bidden/tensor";
import { createSession } from "@bidden/tensor/node";
import { expect, test } from "vitest";
import { openCheckpointAt } from "../../checkpoint/load.node.ts";
import type { FamilyTraining, TrainingRow } from "../../checkpoint/training.ts";
import { act } from "./act.ts";

/** What LeRobot computed: see the README there. */
const DATA = fileURLToPath(new URL("../../../../../testdata/models/act", import.meta.url));
const { tensors: golden } = readSafetensors(new Uint8Array(readFileSync(`${DATA}/golden.safetensors`)));
const floats = (name: string): Float32Array => golden.get(name)?.data as Float32Array;

function picture(name: string): Image {
  const { shape, data } = golden.get(name) as TensorData;
  return { width: shape[1] ?? 0, height: shape[0] ?? 0, data: data as Uint8Array };
}

function rows(): TrainingRow[] {
  return [0, 1].map((i) => ({
    images: {
      "observation.images.cam0": picture(`b2/raw/${i}/image.0`),
      "observation.images.cam1": picture(`b2/raw/${i}/image.1`),
    },
    state: floats(`b2/raw/${i}/state`),
    instruction: "",
    actions: floats("train/action").slice(i * 48, (i + 1) * 48),
    isPad: ((golden.get("train/action_is_pad") as TensorData).data as Uint8Array).slice(i * 12, (i + 1) * 12),
  }));
}

test("recorded frames give LeRobot's loss and gradients", async () => {
  const checkpoint = await openCheckpointAt(DATA);
  const options = { batch: 2, instructions: [], seed: 1 };
  const training = (await act.train?.(checkpoint, options)) as FamilyTraining;
  const names = [...golden.keys()].flatMap((name) => /^train\/grad\/(.+)$/.exec(name)?.[1] ?? []);
  expect(names.length).toBeGreaterThan(3);
  const wanted = names.map((name) => training.graph.parameters.get(name) as Tensor);
  gradients(training.loss, wanted).forEach((gradient, i) => training.graph.output(`grad ${names[i]}`, gradient));
  const session = await createSession(onnxModel(training.graph, { parameters: await training.parameters() }));
  const feeds = { ...training.feeds(rows(), createRng(1)), latent_noise: floats("train/latent_noise") };
  const out = await session.run(feeds);
  expect(Number(out.loss?.data[0])).toBeCloseTo(Number(floats("train/loss")[0]), 4);
  const far = names.filter((name) => {
    const [came, expected] = [out[`grad ${name}`]?.data as Float32Array, floats(`train/grad/${name}`)];
    const difference = Math.hypot(...expected.map((value, i) => value - (came[i] as number)));
    return difference > 1e-4 * Math.hypot(...expected);
  });
  expect(far).toEqual([]);
  await session.close();
  await expect(act.train?.(checkpoint, { ...options, lora: { rank: 2, alpha: 2 } })).rejects.toThrow("trained whole");
  await checkpoint.close();
});
