/** π0 and π0.5 against what LeRobot computed (layout: the golden set's README): every stage from the raw observation on. */
import type { Image } from "@bidden/runtime";
import type { FlowTrace } from "../../blocks/flow-matching.ts";
import { flowTimes } from "../../blocks/flow-matching.ts";
import { guidanceWeight, holdPrefix, PREFIX_SCHEDULES, PrefixGuide } from "../../blocks/rtc.ts";
import { EXACT, FP32, type GoldenCheck, type GoldenSet } from "../../checkpoint/golden.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { checkPrefix, checkRead, type PrefixRun } from "./golden-prefix.ts";
import { suffixAllowed } from "./graphs.ts";
import type { StepTrace } from "./model.ts";
import { cutWidth, embedPrefix, type PiParts, type ReadObservation, readObservation } from "./policy.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** README-lerobot.md: fp32 against lerobot's own run in bf16. */
const BF16 = { maxAbs: 5e-2 };

/** Which recorded observations a case batches, and whether the first camera is left out of it. */
const CASES: Readonly<Record<string, { readonly rows: readonly number[]; readonly skip: number }>> = {
  b1: { rows: [0], skip: 0 },
  b2: { rows: [0, 1], skip: 0 },
  one_camera: { rows: [1], skip: 1 },
};

export type GoldenParts = Omit<PiParts, "info">;

export async function checkPiGolden(parts: GoldenParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  for (const name of Object.keys(CASES)) {
    if (golden.has(`${name}/noise`)) await checkCase(parts, check, name, name);
    const same = `${name}_fp32math`;
    if (golden.has(`${same}/noise`)) await checkCase(parts, check, name, same);
    if (golden.has(`${name}_bf16math/actions_model`)) await checkBf16(parts, check, name);
  }
  if (golden.facts.has("rtc")) await checkGuided(parts, check);
  if (golden.facts.has("cases") && golden.has("case0/prev")) await checkTrained(parts, check);
}

/** The recorded observation: in a variant's set, its base's. */
export async function rawObservation(
  { config, model, scaling, words }: GoldenParts,
  check: GoldenCheck,
  row: number,
  skip = 0,
): Promise<ReadObservation> {
  const set = inputsOf(check);
  const images: Record<string, Image> = {};
  for (const [i, name] of config.cameras.entries()) {
    const at = `raw/${row}/image.${i}`;
    if (i < skip || !set.has(at)) continue;
    const [height, width] = set.shape(at) as readonly [number, number];
    images[name] = { width, height, data: await set.bytes(at) };
  }
  const state = await set.float(`raw/${row}/state`);
  const instruction = set.facts.texts("prompts")[row] ?? "";
  return readObservation({ images, state, instruction }, { config, model, scaling, words });
}

export function inputsOf({ golden, base }: GoldenCheck): GoldenSet {
  return golden.has("raw/0/state") || base === null ? golden : base;
}

async function checkCase(parts: GoldenParts, check: GoldenCheck, name: string, prefix: string): Promise<void> {
  const { rows, skip } = CASES[name] as { rows: readonly number[]; skip: number };
  const runs: CaseRun[] = [];
  for (const [at, row] of rows.entries()) {
    runs.push(
      await runCase(parts, check, {
        read: await rawObservation(parts, check, row, skip),
        at,
        prefix,
        rows: rows.length,
      }),
    );
  }
  const { golden } = check;
  if (golden.has(`${prefix}/tokens`)) await checkRead(parts.model, check, prefix, runs);
  if (golden.has(`${prefix}/prefix_embs`)) {
    await checkPrefix(parts.model, check, prefix, runs, (read, places) => wordsLast(parts, read, places));
    await checkSuffix(parts, check, prefix, runs);
  }
  const join = (pick: (trace: FlowTrace) => readonly Float32Array[]): Float32Array =>
    interleaved(runs.map((run) => pick(run.flow)));
  await check.compare(
    `${prefix}/v_t`,
    join((flow) => flow.v),
  );
  await check.compare(
    `${prefix}/x_t`,
    join((flow) => flow.x),
  );
  const model = joinRows(runs.map((run) => run.actions));
  await check.compare(`${prefix}/actions_model`, model);
  await check.compare(`${prefix}/actions`, parts.scaling.actionsOut(model), { relL2: 5e-6 });
}

type CaseRun = PrefixRun & {
  readonly step: StepTrace | null;
  readonly flow: FlowTrace;
  readonly actions: Float32Array;
};

type CasePlace = {
  readonly read: ReadObservation;
  readonly at: number;
  readonly prefix: string;
  readonly rows: number;
};

async function runCase(
  parts: GoldenParts,
  check: GoldenCheck,
  { read, at, prefix: name, rows }: CasePlace,
): Promise<CaseRun> {
  const { model, config } = parts;
  const embeds = await embedPrefix(model, read.pixels, read.ids);
  const prefix = await model.prefix(embeds, { hidden: true });
  const noise = rowOf(await check.golden.float(`${name}/noise`), at, rows);
  const flow: FlowTrace = { x: [], v: [], guided: [] };
  let step: StepTrace | null = null;
  const inputs = { prefix, noise, steps: config.steps, state: read.state, flow: { trace: flow } };
  const x = await model.sample(inputs, (trace) => {
    step = trace;
  });
  return { read, embeds, prefix, step, flow, actions: cutWidth(x, model.dims.actionWidth, config.actionDim) };
}

/** What the action expert reads and makes in the first step. */
async function checkSuffix(
  parts: GoldenParts,
  check: GoldenCheck,
  prefix: string,
  runs: readonly CaseRun[],
): Promise<void> {
  const { golden } = check;
  const { expert } = parts.model.dims;
  const { steps, horizon } = parts.config;
  const tokens = runs.map((run) => run.prefix.tokens);
  const suffix = golden.shape(`${prefix}/suffix_position_ids`)[1] as number;
  const positions = tokens.flatMap((count) => Array.from({ length: suffix }, (_, i) => count + i));
  await check.compare(`${prefix}/suffix_position_ids`, positions, EXACT);
  const places = golden.shape(`${prefix}/prefix_pad_mask`)[1] as number;
  const between = suffixAllowed(suffix, horizon);
  const rows = runs.map(({ read }) => wordsLast(parts, read, places));
  const allowed = rows.flatMap((row) => between.flatMap((keys) => [...row, ...keys]));
  await check.compare(`${prefix}/suffix_attention_mask`, allowed, EXACT);
  const of = (pick: (step: StepTrace) => Float32Array): Float32Array =>
    joinRows(runs.map(({ step }) => (step === null ? new Float32Array(0) : pick(step))));
  await check.compare(
    `${prefix}/suffix_embs_step0`,
    of((step) => step.suffix),
  );
  await check.compare(
    `${prefix}/suffix_hidden_step0`,
    of((step) => step.hidden),
  );
  await check.compare(`${prefix}/t`, Float32Array.from(flowTimes(steps)), EXACT);
  await check.compare(`${prefix}/time_emb`, parts.model.timeRows(flowTimes(steps)));
  if (expert === null || !golden.has(`${prefix}/adarms_cond`)) return;
  const { condition } = await parts.model.modulations(steps);
  await check.compare(`${prefix}/adarms_cond`, condition.slice(0, steps * expert.width));
}

/** Which places of the reference's prefix hold something: pictures, absent cameras, words, padding. */
function wordsLast({ config, model }: GoldenParts, read: ReadObservation, places: number): boolean[] {
  const patches = model.dims.vision.side ** 2;
  const pictures = config.cameras.length * patches;
  return Array.from({ length: places }, (_, i) =>
    i < pictures ? i < read.pixels.length * patches : i - pictures < read.ids.length,
  );
}

async function checkBf16(parts: GoldenParts, check: GoldenCheck, name: string): Promise<void> {
  const { rows } = CASES[name] as { rows: readonly number[] };
  const actions: Float32Array[] = [];
  for (const [at, row] of rows.entries()) {
    const read = await rawObservation(parts, check, row);
    actions.push((await runCase(parts, check, { read, at, prefix: `${name}_fp32math`, rows: rows.length })).actions);
  }
  await check.compare(`${name}_bf16math/actions_model`, joinRows(actions), BF16);
}

async function checkGuided(parts: GoldenParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const read = await rawObservation(parts, check, 0);
  const prefix = await parts.model.prefix(await embedPrefix(parts.model, read.pixels, read.ids));
  const noise = await golden.float("rtc/noise");
  for (const row of golden.facts.objects("rtc")) {
    const name = `rtc/${row.whole("case")}`;
    const { config, model } = parts;
    const trace: FlowTrace = { x: [], v: [], guided: [] };
    const guide = row.has("prev") ? await guideOf(golden, row, config.horizon, model.dims.actionWidth) : null;
    const x = await model.sample({ prefix, noise, steps: config.steps, state: read.state, flow: { guide, trace } });
    if (guide !== null) {
      await check.compare(`${name}/prefix_weights`, guide.weights);
      const max = row.number("max_guidance_weight");
      const pulls = Array.from(flowTimes(config.steps), (time) => guidanceWeight(time, max));
      check.equal(`${name}/guidance_weight`, pulls, row.numbers("guidance_weight_per_step"), FP32);
      check.equal(`${name}/execution_horizon`, [guide.executionHorizon], [row.whole("effective_execution_horizon")]);
      if (golden.has(`${name}/v_guided`)) await check.compare(`${name}/v_guided`, joinRows(trace.guided));
    }
    if (golden.has(`${name}/v_base`)) await check.compare(`${name}/v_base`, joinRows(trace.v));
    if (golden.has(`${name}/x_t`)) await check.compare(`${name}/x_t`, joinRows(trace.x.slice(0, -1)));
    const actions = cutWidth(x, model.dims.actionWidth, config.actionDim);
    await check.compare(`${name}/actions_model`, actions);
    await check.compare(`${name}/actions`, parts.scaling.actionsOut(actions), { relL2: 5e-6 });
  }
}

async function guideOf(golden: GoldenSet, row: Fields, horizon: number, width: number): Promise<PrefixGuide> {
  const previous = `rtc/${row.text("prev")}`;
  const schedule = PREFIX_SCHEDULES.find((known) => known === row.text("schedule"));
  if (schedule === undefined) throw row.bad("schedule", PREFIX_SCHEDULES.join(", "));
  const leftover = { values: await golden.float(previous), dim: golden.shape(previous).at(-1) as number };
  return new PrefixGuide(
    {
      leftover,
      delay: row.whole("inference_delay"),
      executionHorizon: row.whole("execution_horizon"),
      schedule,
      maxGuidanceWeight: row.number("max_guidance_weight"),
    },
    horizon,
    width,
  );
}

async function checkTrained(parts: GoldenParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const { config, model } = parts;
  const shape = { horizon: config.horizon, width: model.dims.actionWidth };
  for (const row of golden.facts.objects("cases")) {
    const name = `case${row.whole("case")}`;
    const observations = row.numbers("observations");
    const delay = row.whole("inference_delay");
    const previous = await golden.float(`${name}/prev`);
    const [batch, , dim] = golden.shape(`${name}/prev`) as readonly [number, number, number];
    await checkTokenTimes(parts, check, name, delay);
    const traces: FlowTrace[] = [];
    const actions: Float32Array[] = [];
    for (const [at, observation] of observations.entries()) {
      const read = await rawObservation(parts, check, observation);
      const prefix = await model.prefix(await embedPrefix(model, read.pixels, read.ids));
      const noise = rowOf(await golden.float(`${name}/noise`), at, observations.length);
      const trace: FlowTrace = { x: [], v: [], guided: [] };
      const own = rowOf(previous, Math.min(at, batch - 1), batch);
      const hold = delay === 0 ? null : holdPrefix({ values: own, dim }, delay, shape.horizon, shape.width);
      const inputs = { prefix, noise, steps: config.steps, state: read.state, fixed: delay, flow: { hold, trace } };
      actions.push(cutWidth(await model.sample(inputs), shape.width, config.actionDim));
      traces.push(trace);
    }
    await check.compare(`${name}/x_t`, interleaved(traces.map((trace) => trace.x.slice(0, -1))));
    await check.compare(`${name}/v_t`, interleaved(traces.map((trace) => trace.v)));
    await check.compare(`${name}/actions_model`, joinRows(actions));
    await check.compare(`${name}/actions`, parts.scaling.actionsOut(joinRows(actions)), { relL2: 5e-6 });
  }
}

/** Time 0 for actions that are held, the step's time for the others; and the condition that follows from it. */
async function checkTokenTimes(
  { config, model }: GoldenParts,
  check: GoldenCheck,
  name: string,
  delay: number,
): Promise<void> {
  const { golden } = check;
  const [steps, batch, tokens = 1] = golden.shape(`${name}/time`) as readonly [number, number, number?];
  const times = Array.from(flowTimes(steps), Math.fround);
  const rows = times.flatMap((time) =>
    Array.from({ length: batch * tokens }, (_, i) => (i % tokens < delay ? 0 : time)),
  );
  await check.compare(`${name}/time`, rows, EXACT);
  const { condition } = await model.modulations(config.steps);
  const width = condition.length / (config.steps + 1);
  const [first, zero] = [condition.subarray(0, width), condition.subarray(config.steps * width)];
  const step0 = Array.from({ length: batch * tokens }, (_, i) => (i % tokens < delay ? zero : first));
  await check.compare(`${name}/adarms_cond_step0`, joinRows(step0));
}

/** Row `at` of a batch of `rows`. */
export function rowOf(values: Float32Array, at: number, rows: number): Float32Array {
  const size = values.length / rows;
  return values.slice(at * size, (at + 1) * size);
}

/** Lists of steps, one for each of a batch, as [step, batch, ...]. */
function interleaved(lists: readonly (readonly Float32Array[])[]): Float32Array {
  const [first = []] = lists;
  return joinRows(first.flatMap((_, step) => lists.map((list) => list[step] as Float32Array)));
}
