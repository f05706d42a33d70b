/** Compares the training objective and its gradients with LeRobot's, in the two ways in which it trains. */
import { gradients, Graph, type TensorData } from "@bidden/tensor";
import { embedTime } from "../../blocks/flow-matching.ts";
import { Net } from "../../blocks/net.ts";
import { turnValues } from "../../blocks/rope.ts";
import { FP32, type GoldenCheck, type Tolerance } from "../../checkpoint/golden.ts";
import { ACTION } from "../lerobot/features.ts";
import { type GoldenRow, goldenRows } from "./golden-inputs.ts";
import { padded } from "./inputs.ts";
import type { SmolVlaParts } from "./policy.ts";
import { actionPositions, attentionOf, positionsOf } from "./prefix.ts";
import { smolvlaLoss, trainInputs } from "./train.ts";

/** README-lerobot.md: gradients. */
const GRADIENTS: Tolerance = { relL2: 1e-4 };

export async function checkTraining(check: GoldenCheck, parts: SmolVlaParts): Promise<void> {
  const { golden } = check;
  const { engine, normalisations } = parts;
  const { config } = engine;
  const rows = await goldenRows(check, parts, "b2");
  const normalise = normalisations.inputs.get(ACTION);
  const actions = await golden.float("train/action");
  await check.compare("train/action_normalised", normalise?.normalise(actions) ?? actions);
  const wanted = golden.names("train/").flatMap((name) => /^train\/[^/]+\/grad\/(.+)$/.exec(name)?.[1] ?? []);
  const graph = new Graph("smolvla-train");
  const net = new Net(graph);
  const { layout, images } = rows[0] as GoldenRow;
  const image = images.find((pixels) => pixels !== null) as { height: number; width: number };
  const inputs = trainInputs(graph, config, rows.length, layout, image);
  const { loss, perSample } = smolvlaLoss(net, config, inputs, layout);
  graph.output("loss", loss);
  graph.output("perSample", perSample);
  const names = [...new Set(wanted)];
  const parameters = names.map((name) => graph.parameters.get(name));
  const known = names.filter((_, i) => parameters[i] !== undefined);
  const wrt = parameters.flatMap((tensor) => tensor ?? []);
  gradients(loss, wrt).forEach((gradient, i) => graph.output(`grad ${known[i]}`, gradient));
  const out = await engine.runOnce(graph, await feeds(check, parts, rows, image));
  const values = (name: string): Float32Array => (out[name] as TensorData).data as Float32Array;
  for (const mode of ["expert_only", "all"]) {
    await check.compare(`train/${mode}/loss`, values("loss"), FP32);
    await check.compare(`train/${mode}/loss_per_sample`, values("perSample"), FP32);
    for (const name of known) {
      const stored = `train/${mode}/grad/${name}`;
      if (golden.has(stored)) await check.compare(stored, values(`grad ${name}`), GRADIENTS);
    }
  }
}

async function feeds(
  check: GoldenCheck,
  parts: SmolVlaParts,
  rows: readonly GoldenRow[],
  image: { readonly height: number; readonly width: number },
): Promise<Record<string, TensorData["data"]>> {
  const { golden } = check;
  const { config } = parts.engine;
  const { chunk, actionDim, actionWidth, text, expert } = config;
  const all = (of: (row: GoldenRow) => ArrayLike<number>): number[] => rows.flatMap((row) => Array.from(of(row)));
  const turns = rows.map(({ layout }) => turnValues(positionsOf(layout), text.headWidth));
  const actionTurns = rows.map(({ layout }) => turnValues(actionPositions(layout, chunk), expert.headWidth));
  const black = new Float32Array(3 * image.height * image.width).fill(-1);
  const slots = rows[0]?.images.map((_, slot) => slot) ?? [];
  const actions = await golden.float("train/action_normalised");
  const wide = Array.from({ length: rows.length * chunk }, (_, i) =>
    padded(actions.subarray(i * actionDim, (i + 1) * actionDim), actionWidth),
  );
  const time = await golden.float("train/time");
  const ended = await golden.float("train/action_is_pad");
  return {
    pixels: Float32Array.from(slots.flatMap((slot) => all(({ images }) => images[slot]?.data ?? black))),
    tokens: BigInt64Array.from(
      all(({ tokens }) => tokens),
      BigInt,
    ),
    state: Float32Array.from(all(({ state }) => state)),
    mask: Uint8Array.from(all(({ layout }) => attentionOf(layout))),
    seen: Uint8Array.from(all(({ layout }) => layout.valid)),
    cos: Float32Array.from(turns.flatMap(({ cos }) => [...cos])),
    sin: Float32Array.from(turns.flatMap(({ sin }) => [...sin])),
    actionCos: Float32Array.from(actionTurns.flatMap(({ cos }) => [...cos])),
    actionSin: Float32Array.from(actionTurns.flatMap(({ sin }) => [...sin])),
    actions: Float32Array.from(wide.flatMap((row) => [...row])),
    noise: await golden.float("train/noise"),
    time,
    timeEmbedding: Float32Array.from([...time].flatMap((t) => [...embedTime(t, expert.width, config.time)])),
    valid: ended.map((is) => 1 - is),
  };
}
