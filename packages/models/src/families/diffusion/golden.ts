/** Diffusion Policy against what LeRobot computed: encoders, every step of every sampler, the queue, loss and gradients. */
import { gradients, type Session, type TensorData } from "@bidden/tensor";
import { NoiseSchedule } from "../../blocks/noise-schedule.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { EXACT, type GoldenCheck } from "../../checkpoint/golden.ts";
import { Fields, isJsonObject, type JsonObject } from "../../checkpoint/json.ts";
import { bindWeights, type WeightSource } from "../../checkpoint/weights.ts";
import { GoldenInputs } from "../lerobot/golden-inputs.ts";
import { type Seen, seeObservation } from "../lerobot/observe.ts";
import { ActionQueue } from "../lerobot/steps.ts";
import { type DiffusionCheckpoint, FRAMES_UNUSED, readDiffusion, UNET_UNUSED, UNUSED } from "./checkpoint.ts";
import { type DiffusionConfig, diffusionConfig, encodedPixels } from "./config.ts";
import { diffusionLossGraph, frameGraph, unetGraph } from "./graphs.ts";
import { placeGrid, stepSinusoid } from "./model.ts";
import { frameFeeds } from "./policy.ts";
import { denoise } from "./sample.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** Gradients sum many rounded terms, and first convolutions most of them. */
const GRADIENTS = { relL2: 1e-3 };
const LOSS = { relL2: 5e-6 };
/** Ten or more steps through clipping make more of every rounding: single steps are held to the usual bounds. */
const SAMPLED = { relL2: 2e-5, maxAbs: 2e-4 };

type Run = DiffusionCheckpoint & {
  readonly checkpoint: Checkpoint;
  readonly engine: Engine;
  readonly check: GoldenCheck;
  readonly inputs: GoldenInputs;
  /** What is computed once for all samplers: conditions by batch and preprocessing, networks by batch size. */
  readonly encoded: Map<string, Promise<Record<string, TensorData>>>;
  readonly networks: Map<number, Promise<Session>>;
};

export async function checkDiffusionGolden(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const inputs = new GoldenInputs(check);
  const run: Run = {
    ...(await readDiffusion(checkpoint)),
    checkpoint,
    engine,
    check,
    inputs,
    encoded: new Map(),
    networks: new Map(),
  };
  await checkInputs(run);
  const cases = golden
    .names()
    .flatMap((name) => (name.endsWith("/model_output") ? [name.slice(0, -"/model_output".length)] : []));
  for (const name of cases) await checkSampler({ ...run, config: await caseConfig(run, name) }, name);
  for (const name of golden.names("schedule/")) await checkSchedule(run, name);
  if (golden.has("queue/actions_model")) await checkQueue(run);
  if (golden.has("train/loss")) await checkLoss(run);
  for (const network of run.networks.values()) await (await network).close();
}

/** Settings of a case, or of a variant without weights of its own, laid over the checkpoint's. */
async function caseConfig({ check, checkpoint, config }: Run, name: string): Promise<DiffusionConfig> {
  const { facts } = check.golden;
  const own = facts.object("cases", true).raw(name.split("/")[1] ?? "");
  const overrides: Record<string, unknown> = isJsonObject(own) ? { ...own } : {};
  for (const field of ["resize_shape", "crop_ratio", "crop_shape"])
    if (facts.has(field)) overrides[field] = facts.raw(field);
  // A sampler that drew no noise is the deterministic one.
  const silent = !check.golden.has(`${name}/step_noise`);
  if (silent && Object.keys(overrides).length > 0) overrides.noise_scheduler_type = "DDIM";
  const keys = checkpoint.config.keys().map((key) => [key, checkpoint.config.raw(key)]);
  const fields = { ...Object.fromEntries(keys), ...overrides } as JsonObject;
  return diffusionConfig(new Fields(fields, `config.json with ${name}`), () => config.planes);
}

/** Observations of a batch, sample by sample and time by time. */
async function framesOf({ inputs, config, normalisations }: Run, name: string): Promise<Seen[]> {
  const rows: Seen[] = [];
  for (let j = 0; inputs.has(`${name}/raw/${j}.0/state`); j++) {
    for (let t = 0; t < config.observations; t++) {
      const observation = await inputs.observation(`${name}/raw/${j}.${t}`, config);
      rows.push(seeObservation(observation, config, normalisations));
    }
  }
  return rows;
}

async function checkInputs(run: Run): Promise<void> {
  const { check } = run;
  for (const name of ["b1", "b2"]) {
    if (!check.golden.has(`${name}/state_normalised`)) continue;
    const rows = await framesOf(run, name);
    await check.compare(`${name}/state_normalised`, joinRows(rows.map((row) => row.state)));
    if (check.golden.has(`${name}/environment_state_in`)) {
      await check.compare(`${name}/environment_state_in`, joinRows(rows.map((row) => row.environment)));
    }
    for (const camera of run.config.cameras.keys()) {
      const stage = `${name}/image_in.${camera}`;
      if (check.golden.has(stage))
        await compareFirst(check, stage, joinRows(rows.map((row) => row.images[camera] as Float32Array)));
    }
  }
}

/** Some stages are recorded for the first images only. */
async function compareFirst(check: GoldenCheck, stage: string, values: Float32Array): Promise<void> {
  const count = check.golden.shape(stage).reduce((a, b) => a * b, 1);
  await check.compare(stage, values.slice(0, count));
}

/** The grid of places belongs to the size of the features, which a case may change. */
function gridSource(
  config: DiffusionConfig,
  recipes: ReadonlyMap<string, WeightSource>,
): (name: string) => WeightSource {
  const [rows, columns] = encodedPixels(config).features;
  const grid: TensorData = { dtype: "float32", shape: [rows * columns, 2], data: placeGrid(rows, columns) };
  return (name) => (name.endsWith("pool.pos_grid") ? grid : (recipes.get(name) ?? name));
}

async function encode(run: Run, rows: readonly Seen[]): Promise<Record<string, TensorData>> {
  const { graph, recipes } = frameGraph(run.config, rows.length);
  const unused = [...FRAMES_UNUSED, /pool\.pos_grid$/];
  const weights = bindWeights(run.checkpoint, [graph], { source: gridSource(run.config, recipes), unused });
  const session = await weights.open(graph, run.engine);
  try {
    return await session.run(frameFeeds(run.config, rows));
  } finally {
    await session.close();
  }
}

function encodeOnce(run: Run, name: string, rows: readonly Seen[]): Promise<Record<string, TensorData>> {
  const key = JSON.stringify([name, run.config.resize, run.config.crop]);
  const known = run.encoded.get(key) ?? encode(run, rows);
  run.encoded.set(key, known);
  return known;
}

function openUnet({ checkpoint, config, engine, networks }: Run, batch: number): Promise<Session> {
  const known = networks.get(batch);
  if (known !== undefined) return known;
  const graph = unetGraph(config, batch);
  const opened = bindWeights(checkpoint, [graph], { unused: UNET_UNUSED }).open(graph, engine);
  networks.set(batch, opened);
  return opened;
}

async function checkSampler(run: Run, name: string): Promise<void> {
  const { check, config, normalisations } = run;
  const { golden } = check;
  const schedule = new NoiseSchedule(config.schedule);
  const times = schedule.times(config.steps);
  check.equal(`${name}/timesteps`, times, await golden.float(`${name}/timesteps`), EXACT);
  const { condition, batch } = await checkEncoders(run, name);
  const unet = await openUnet(run, batch);
  const evaluate = (
    x: Float32Array,
    time: number,
    outputs?: readonly string[],
  ): Promise<Record<string, TensorData>> => {
    const sinusoid = stepSinusoid(time, config.stepWidth);
    const step = joinRows(Array.from({ length: batch }, () => sinusoid));
    return unet.run({ x, step, condition }, outputs);
  };
  const size = batch * config.horizon * config.actionDim;
  const fresh = golden.has(`${name}/step_noise`) ? await golden.float(`${name}/step_noise`) : new Float32Array(0);
  const draw = (step: number): Float32Array => fresh.slice(step * size, (step + 1) * size);
  const noise = await golden.float(`${name}/noise`);
  // Step by step from the recorded samples: the errors of one step, and not what later ones make of them.
  const recorded = await golden.float(`${name}/x_t`);
  const [samples, outputs]: [Float32Array[], Float32Array[]] = [[noise], []];
  for (const [i, time] of times.entries()) {
    const x = recorded.slice(i * size, (i + 1) * size);
    const out = await evaluate(x, time);
    const output = out.model_output?.data as Float32Array;
    outputs.push(output);
    samples.push(schedule.step(x, output, time, times[i + 1] ?? -1, schedule.draws(time) ? draw(i) : null));
    if (i === 0) await checkParts(check, name, out);
  }
  await check.compare(`${name}/x_t`, joinRows(samples.slice(0, -1)));
  await check.compare(`${name}/model_output`, joinRows(outputs));
  const denoised = await denoise(schedule, config.steps, noise, draw, async (x, time) => {
    return (await evaluate(x, time, ["model_output"])).model_output?.data as Float32Array;
  });
  const actions = usedActions(config, denoised, batch);
  await check.compare(`${name}/actions_model`, actions, SAMPLED);
  await check.compare(`${name}/actions`, normalisations.action.restore(actions), SAMPLED);
}

/** The pieces of the U-Net, as the first step leaves them. */
async function checkParts(check: GoldenCheck, name: string, out: Readonly<Record<string, TensorData>>): Promise<void> {
  for (const [part, value] of Object.entries(out)) {
    if (part !== "model_output" && check.golden.has(`${name}/${part}`))
      await check.compare(`${name}/${part}`, value.data);
  }
}

/** The condition of a case's observations, and what the first encoder computes on the way. */
async function checkEncoders(
  run: Run,
  name: string,
): Promise<{ readonly condition: Float32Array; readonly batch: number }> {
  const { check, config } = run;
  const { golden } = check;
  const rows = await framesOf(run, name.split("/")[0] as string);
  const encoded = await encodeOnce(run, name.split("/")[0] as string, rows);
  const condition = encoded.condition?.data as Float32Array;
  await check.compare(`${name}/global_cond`, condition);
  for (const stage of ["encoder0.cropped", "encoder0.feature_map", "pool", "out"]) {
    const value = encoded[stage]?.data as Float32Array;
    if (golden.has(`${name}/${stage}`)) await compareFirst(check, `${name}/${stage}`, value);
  }
  if (golden.has(`${name}/backbone`)) {
    await compareFirst(check, `${name}/backbone`, encoded["encoder0.feature_map"]?.data as Float32Array);
  }
  if (golden.has("pos_grid")) await check.compare("pos_grid", placeGrid(...encodedPixels(config).features));
  return { condition, batch: rows.length / config.observations };
}

/** The actions from the present observation on. */
function usedActions(config: DiffusionConfig, denoised: Float32Array, batch: number): Float32Array {
  const { horizon, actionDim, actionSteps, observations } = config;
  const row = (i: number): Float32Array => {
    const start = (i * horizon + observations - 1) * actionDim;
    return denoised.slice(start, start + actionSteps * actionDim);
  };
  return joinRows(Array.from({ length: batch }, (_, i) => row(i)));
}

async function checkSchedule(run: Run, name: string): Promise<void> {
  const [, what, of] = /^schedule\/([a-z_]+)(?:\.(.+))?$/.exec(name) ?? [];
  const { schedule } = of === undefined ? run.config : await caseConfig(run, `b1/${of}`);
  const { betas, alphasCumulative } = new NoiseSchedule(schedule);
  await run.check.compare(name, what === "betas" ? betas : alphasCumulative);
}

/** A new observation a call; the history begins as copies of the first, and a chunk is asked for when the queue is empty. */
async function checkQueue(run: Run): Promise<void> {
  const { check, inputs, normalisations } = run;
  const { golden } = check;
  const config: DiffusionConfig = { ...run.config, schedule: { ...run.config.schedule, kind: "DDIM" } };
  const noise = await golden.float("queue/noise");
  const queue = new ActionQueue(config.actionSteps, config.actionDim);
  const schedule = new NoiseSchedule(config.schedule);
  const unet = await openUnet(run, 1);
  const taken: Float32Array[] = [];
  let history: Seen[] = [];
  const [calls] = golden.shape("queue/actions_model");
  for (let call = 0; call < (calls as number); call++) {
    const name = call < config.observations ? `b1/raw/0.${call}` : `queue/raw/${call}`;
    // Observations that fall out of the history before a chunk is asked for need not be recorded.
    if (inputs.has(`${name}/state`)) {
      const seen = seeObservation(await inputs.observation(name, config), config, normalisations);
      history =
        history.length === 0 ? Array.from({ length: config.observations }, () => seen) : [...history.slice(1), seen];
    }
    if (queue.empty) {
      const condition = (await encode(run, history)).condition?.data as Float32Array;
      const network = async (x: Float32Array, time: number): Promise<Float32Array> => {
        const step = stepSinusoid(time, config.stepWidth);
        return (await unet.run({ x, step, condition }, ["model_output"])).model_output?.data as Float32Array;
      };
      const denoised = await denoise(schedule, config.steps, noise, () => noise, network);
      queue.fill(usedActions(config, denoised, 1));
    }
    taken.push(queue.next());
  }
  await check.compare("queue/actions_model", joinRows(taken), SAMPLED);
}

/** The loss of a batch, with and without padding, and the gradients that the set holds. */
async function checkLoss(run: Run): Promise<void> {
  const { check, config, checkpoint, engine, normalisations } = run;
  const { golden } = check;
  const rows = await framesOf(run, "b2");
  const batch = rows.length / config.observations;
  const action = normalisations.action.normalise(await golden.float("train/action"));
  await check.compare("train/action_normalised", action);
  const { graph } = diffusionLossGraph(config, batch);
  const names = golden.names("train/grad/").map((name) => name.slice("train/grad/".length));
  const wanted = names.flatMap((name) => graph.parameters.get(name) ?? []);
  gradients(graph.outputs.get("loss") as NonNullable<ReturnType<typeof graph.outputs.get>>, wanted).forEach(
    (gradient, i) => {
      if (gradient !== null) graph.output(`grad/${wanted[i]?.name}`, gradient);
    },
  );
  const session = await bindWeights(checkpoint, [graph], { unused: UNUSED }).open(graph, engine);
  const schedule = new NoiseSchedule(config.schedule);
  const times = Array.from(await golden.float("train/timesteps"));
  const mixtures = times.map((time) => schedule.mixture(time));
  const out = await session.run({
    ...frameFeeds(config, rows),
    action,
    noise: await golden.float("train/noise"),
    clean: Float32Array.from(mixtures, ({ clean }) => clean),
    noisy: Float32Array.from(mixtures, ({ noise }) => noise),
    step: joinRows(times.map((time) => stepSinusoid(time, config.stepWidth))),
    action_is_pad: await golden.bytes("train/action_is_pad"),
  });
  await session.close();
  for (const [stage, value] of Object.entries(out)) {
    const tolerance = stage.startsWith("grad/") ? GRADIENTS : LOSS;
    if (golden.has(`train/${stage}`)) await check.compare(`train/${stage}`, value.data, tolerance);
  }
}
