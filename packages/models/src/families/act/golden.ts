/** ACT against what LeRobot computed (layout: the golden set's README): every stage, the queue, the ensemble, loss and gradients. */
import { gradients, type TensorData } from "@bidden/tensor";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { GoldenCheck } from "../../checkpoint/golden.ts";
import { bindWeights } from "../../checkpoint/weights.ts";
import { GoldenInputs } from "../lerobot/golden-inputs.ts";
import { NORM_BUFFERS } from "../lerobot/normalise.ts";
import { type Seen, seeObservation } from "../lerobot/observe.ts";
import { ActionQueue, TemporalEnsembler } from "../lerobot/steps.ts";
import { type ActCheckpoint, readAct, UNUSED } from "./checkpoint.ts";
import type { ActConfig } from "./config.ts";
import { actGraph, actLossGraph } from "./graphs.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** Gradients sum many rounded terms: those of the first convolution differ by 5e-5. */
const GRADIENTS = { relL2: 1e-3 };
const LOSS = { relL2: 5e-6 };

type Run = ActCheckpoint & {
  readonly checkpoint: Checkpoint;
  readonly engine: Engine;
  readonly check: GoldenCheck;
  readonly inputs: GoldenInputs;
};

export async function checkActGolden(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const inputs = new GoldenInputs(check);
  const run: Run = { ...(await readAct(checkpoint)), checkpoint, engine, check, inputs };
  for (const name of ["b1", "b2"]) if (golden.has(`${name}/actions_model`)) await checkBatch(run, name);
  if (golden.has("queue/actions_model")) await checkQueue(run);
  if (golden.has("ensemble/chunks")) await checkEnsemble(run);
  if (golden.has("ensembler_alone/chunks")) await checkEnsembler(run);
  if (golden.has("train/loss")) await checkLoss(run);
}

export function actFeeds(config: ActConfig, rows: readonly Seen[]): Record<string, Float32Array> {
  const image = (i: number): Float32Array => joinRows(rows.map((row) => row.images[i] as Float32Array));
  return {
    ...Object.fromEntries(config.cameras.map((_, i) => [`image.${i}`, image(i)])),
    ...(config.stateDim > 0 ? { state: joinRows(rows.map((row) => row.state)) } : {}),
    ...(config.environmentDim > 0 ? { environment: joinRows(rows.map((row) => row.environment)) } : {}),
  };
}

/** The observations of a case, normalised. */
async function rowsOf({ inputs, config, normalisations }: Run, name: string): Promise<Seen[]> {
  const rows: Seen[] = [];
  for (let j = 0; inputs.has(`${name}/raw/${j}/image.0`) || inputs.has(`${name}/raw/${j}/state`); j++) {
    rows.push(seeObservation(await inputs.observation(`${name}/raw/${j}`, config), config, normalisations));
  }
  return rows;
}

async function runRows(run: Run, rows: readonly Seen[]): Promise<Record<string, TensorData>> {
  const { graph, recipes } = actGraph(run.config, rows.length);
  const source = (name: string) => recipes.get(name) ?? name;
  const session = await bindWeights(run.checkpoint, [graph], { source, unused: UNUSED }).open(graph, run.engine);
  try {
    return await session.run(actFeeds(run.config, rows));
  } finally {
    await session.close();
  }
}

async function checkBatch(run: Run, name: string): Promise<void> {
  const { check, config, normalisations } = run;
  const rows = await rowsOf(run, name);
  for (const camera of config.cameras.keys()) {
    const stage = `${name}/image_in.${camera}`;
    if (check.golden.has(stage))
      await check.compare(stage, joinRows(rows.map((row) => row.images[camera] as Float32Array)));
  }
  if (check.golden.has(`${name}/state_normalised`)) {
    await check.compare(`${name}/state_normalised`, joinRows(rows.map((row) => row.state)));
  }
  const out = await runRows(run, rows);
  const actions = out.actions?.data as Float32Array;
  for (const [stage, value] of Object.entries(out)) {
    if (check.golden.has(`${name}/${stage}`) && stage !== "actions") {
      await check.compare(`${name}/${stage}`, value.data);
    }
  }
  await check.compare(`${name}/actions_model`, actions);
  await check.compare(`${name}/actions`, normalisations.action.restore(actions));
}

/** The first actions of a chunk, then those of the next one, here from the same observation. */
async function checkQueue(run: Run): Promise<void> {
  const { check, config } = run;
  const { actions } = await runRows(run, await rowsOf(run, "b1"));
  const queue = new ActionQueue(config.actionSteps, config.actionDim);
  const [calls] = check.golden.shape("queue/actions_model");
  const taken: Float32Array[] = [];
  for (let call = 0; call < (calls as number); call++) {
    if (queue.empty) queue.fill(actions?.data as Float32Array);
    taken.push(queue.next());
  }
  await check.compare("queue/actions_model", joinRows(taken));
}

async function checkEnsemble({ check, config, normalisations }: Run): Promise<void> {
  const { golden } = check;
  const chunks = await golden.float("ensemble/chunks");
  const [calls] = golden.shape("ensemble/chunks");
  const coefficient = golden.facts.object("ensemble").number("coeff");
  const ensemble = new TemporalEnsembler(coefficient, config.chunk, config.actionDim);
  const each = config.chunk * config.actionDim;
  const taken = Array.from({ length: calls as number }, (_, i) =>
    ensemble.update(chunks.slice(i * each, (i + 1) * each)),
  );
  await check.compare("ensemble/actions_model", joinRows(taken));
  await check.compare("ensemble/actions", normalisations.action.restore(joinRows(taken)));
}

/** The ensembler alone, a batch of rows beside each other, with several coefficients. */
async function checkEnsembler({ check }: Run): Promise<void> {
  const { golden } = check;
  const chunks = await golden.float("ensembler_alone/chunks");
  const [calls, batch, horizon, dim] = golden.shape("ensembler_alone/chunks") as readonly [
    number,
    number,
    number,
    number,
  ];
  const each = horizon * dim;
  for (const name of golden.names("ensembler_alone/coeff_")) {
    const coefficient = Number(name.slice("ensembler_alone/coeff_".length));
    const ensembles = Array.from({ length: batch }, () => new TemporalEnsembler(coefficient, horizon, dim));
    const taken: Float32Array[] = [];
    for (let call = 0; call < calls; call++) {
      for (const [row, ensemble] of ensembles.entries()) {
        const at = (call * batch + row) * each;
        taken.push(ensemble.update(chunks.slice(at, at + each)));
      }
    }
    await check.compare(name, joinRows(taken));
  }
}

/** The loss of a batch and the gradients that the set holds. */
async function checkLoss(run: Run): Promise<void> {
  const { check, config, checkpoint, engine, normalisations } = run;
  const { golden } = check;
  const rows = await rowsOf(run, golden.facts.object("train", true).text("observations", "b2"));
  const actions = normalisations.action.normalise(await golden.float("train/action"));
  await check.compare("train/action_normalised", actions);
  const { graph, loss } = actLossGraph(config, rows.length);
  const names = golden.names("train/grad/").map((name) => name.slice("train/grad/".length));
  const wanted = names.map((name) => graph.parameters.get(name)).filter((tensor) => tensor !== undefined);
  gradients(loss, wanted).forEach((gradient, i) => {
    if (gradient !== null) graph.output(`grad/${wanted[i]?.name}`, gradient);
  });
  const session = await bindWeights(checkpoint, [graph], { unused: [NORM_BUFFERS] }).open(graph, engine);
  const out = await session.run({
    ...actFeeds(config, rows),
    action: actions,
    action_is_pad: await golden.bytes("train/action_is_pad"),
    ...(config.vae ? { latent_noise: await golden.float("train/latent_noise") } : {}),
  });
  await session.close();
  for (const [stage, value] of Object.entries(out)) {
    const name = `train/${stage}`;
    const tolerance = stage.startsWith("grad/") ? GRADIENTS : stage === "loss" ? LOSS : undefined;
    if (golden.has(name)) await check.compare(name, value.data, tolerance);
  }
}
