/** π0-FAST's objective against LeRobot's: the loss, and gradients of the parameters that the golden set names. */
import { Graph } from "@bidden/tensor";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import type { GoldenCheck } from "../../checkpoint/golden.ts";
import { rawObservation } from "../pi0/golden.ts";
import {
  batchSize,
  GRADIENTS,
  gradientOutputs,
  LOSS,
  paddedTokens,
  runLoss,
  type TrainParts,
} from "../pi0/golden-train.ts";
import { GEMMA_TURNS } from "../pi0/model.ts";
import { headTensor, embeddingTensor, piTensors } from "../pi0/tensors.ts";
import type { PiFastParts } from "./policy.ts";
import { answerBias, answerLoss, UNCOUNTED } from "./train.ts";
import { joinRows } from "../../checkpoint/floats.ts";

export async function checkAnswerLoss(parts: PiFastParts, train: TrainParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const { dims } = parts.model;
  const reads = [await rawObservation(parts, check, 0), await rawObservation(parts, check, 1)];
  const ids = await golden.float("train/action_tokens");
  const counted = await golden.float("train/action_token_mask");
  const answer = golden.shape("train/action_tokens")[1] as number;
  const size = { ...batchSize(reads), answer };
  const graph = new Graph("pi-fast-loss");
  const tensors = piTensors(train.checkpoint, dims.kind);
  const loss = answerLoss(new Net(graph), dims, size, headTensor(tensors) === embeddingTensor(tensors));
  graph.output("loss", loss);
  const wanted = gradientOutputs(graph, loss, golden.names("train/grad/"), dims.kind);
  const rows = reads.map((read, row) => {
    const pictures = read.pixels.length * dims.vision.side ** 2;
    const said = Array.from({ length: answer }, (_, i) => counted[row * answer + i] === 1);
    const asked = Array.from({ length: pictures + size.words }, (_, i) => i < pictures + read.ids.length);
    const present = [...asked, ...said];
    let place = -1;
    const places = present.map((there) => (there ? ++place : Math.max(place, 0)));
    return {
      bias: answerBias(present, pictures + size.words),
      turns: turnValues(places, dims.text.headDim, GEMMA_TURNS),
    };
  });
  const labels = Array.from({ length: ids.length }, (_, i) => (counted[i] === 1 ? (ids[i] as number) : UNCOUNTED));
  const run = await runLoss(graph, train, dims.kind, {
    pixels: joinRows(reads.flatMap(({ pixels }) => pixels)),
    tokens: paddedTokens(reads, size.words),
    answer: BigInt64Array.from(ids, BigInt),
    labels: BigInt64Array.from(labels.flatMap((label, i) => (i % answer === 0 ? [] : [BigInt(label)]))),
    bias: joinRows(rows.map(({ bias }) => bias)),
    "all.cos": joinRows(rows.map(({ turns }) => turns.cos)),
    "all.sin": joinRows(rows.map(({ turns }) => turns.sin)),
  });
  await check.compare("train/loss", run.loss as Float32Array, LOSS);
  for (const [name, output] of wanted) await check.compare(name, run[output] as Float32Array, GRADIENTS);
}
