/** π0 and π0.5 against what LeRobot computed (layout: the golden set's README): every stage from the raw observation on. */
import type { Image } from "@bidden/runtime";
import type { FlowTrace } from "../../blocks/flow-matching.ts";
import { flowTimes } from "../../blocks/flow-matching.ts";
import { guidanceWeight, holdPrefix, PREFIX_SCHEDULES, PrefixGuide } from "../../blocks/rtc.ts";
import { EMBEDDINGS, EXACT, FP32, type GoldenCheck, type GoldenSet } from "../../checkpoint/golden.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { joinRows } from "../lerobot/golden-inputs.ts";
import { suffixAllowed } from "./graphs.ts";
import type { Prefix, StepTrace } from "./model.ts";
import { cutWidth, embedPrefix, type PiParts, type ReadObservation, readObservation } from "./policy.ts";

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
  if (golden.has(`${prefix}/tokens`)) await checkInputs(parts, check, prefix, runs);
  if (golden.has(`${prefix}/prefix_embs`)) await checkPrefix(parts, check, prefix, runs);
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

type CaseRun = {
  readonly read: ReadObservation;
  readonly embeds: Float32Array;
  readonly prefix: Prefix;
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

async function checkInputs(
  parts: GoldenParts,
  check: GoldenCheck,
  prefix: string,
  runs: readonly CaseRun[],
): Promise<void> {
  const { golden } = check;
  const places = golden.shape(`${prefix}/tokens`)[1] as number;
  const padded = (run: CaseRun): number[] => Array.from({ length: places }, (_, i) => run.read.ids[i] ?? 0);
  await check.compare(`${prefix}/tokens`, runs.flatMap(padded), EXACT);
  const mask = runs.flatMap((run) => Array.from({ length: places }, (_, i) => (i < run.read.ids.length ? 1 : 0)));
  await check.compare(`${prefix}/token_mask`, mask, EXACT);
  const texts = golden.facts.object("prompt_text_after_processing", true);
  if (texts.has(prefix)) {
    const expected = texts.texts(prefix);
    check.holds(
      `${prefix}/prompt`,
      runs.every((run, i) => run.read.text === expected[i]),
      `prompts differ: ${runs[0]?.read.text ?? ""}`,
    );
  }
  await check.compare(`${prefix}/state_normalised`, joinRows(runs.map((run) => run.read.state)));
  for (let camera = 0; golden.has(`${prefix}/image_in.${camera}`); camera++) {
    const side = parts.model.imageSide;
    const absent = new Float32Array(3 * side * side).fill(-1);
    await check.compare(`${prefix}/image_in.${camera}`, joinRows(runs.map((run) => run.read.pixels[camera] ?? absent)));
    await check.compare(
      `${prefix}/image_mask.${camera}`,
      runs.map((run) => run.read.pixels[camera] !== undefined),
      EXACT,
    );
  }
}

/**
 * What the reference computed for padding is compared nowhere: those places are left out here, and so are absent cameras. The
 * rows that are there stand in the same order.
 */
async function checkPrefix(
  parts: GoldenParts,
  check: GoldenCheck,
  prefix: string,
  runs: readonly CaseRun[],
): Promise<void> {
  const { golden } = check;
  const { text, expert } = parts.model.dims;
  const mask = await golden.float(`${prefix}/prefix_pad_mask`);
  const compare = async (
    name: string,
    came: readonly Float32Array[],
    width: number,
    tolerance = FP32,
  ): Promise<void> => {
    const expected = await golden.float(`${prefix}/${name}`);
    const kept = expected.filter((_, i) => mask[Math.floor(i / width)] !== 0);
    check.equal(`${prefix}/${name}`, joinRows(came), kept, tolerance);
  };
  await compare(
    "prefix_embs",
    runs.map((run) => run.embeds),
    text.width,
    EMBEDDINGS,
  );
  const positions = (await golden.float(`${prefix}/prefix_position_ids`)).filter((_, i) => mask[i] !== 0);
  check.equal(
    `${prefix}/prefix_position_ids`,
    runs.flatMap((run) => Array.from({ length: run.prefix.tokens }, (_, i) => i)),
    positions,
  );
  await compare(
    "prefix_hidden",
    runs.map((run) => run.prefix.hidden ?? new Float32Array(0)),
    text.width,
  );
  for (const [place, layer] of [
    ["first", 0],
    ["last", text.depth - 1],
  ] as const) {
    for (const part of ["key", "value"] as const) {
      const came = runs.map((run) =>
        (run.prefix.past[`${part.charAt(0)}.${layer}`] as Float32Array).slice(
          0,
          run.prefix.tokens * text.kvHeads * text.headDim,
        ),
      );
      await compare(`kv.${place}.${part}`, came, text.kvHeads * text.headDim);
    }
  }
  await checkMasks(parts, check, prefix, runs);
  const tokens = runs.map((run) => run.prefix.tokens);
  const suffix = golden.shape(`${prefix}/suffix_position_ids`)[1] as number;
  await check.compare(
    `${prefix}/suffix_position_ids`,
    tokens.flatMap((count) => Array.from({ length: suffix }, (_, i) => count + i)),
    EXACT,
  );
  await check.compare(
    `${prefix}/suffix_embs_step0`,
    joinRows(runs.map((run) => run.step?.suffix ?? new Float32Array(0))),
  );
  await check.compare(
    `${prefix}/suffix_hidden_step0`,
    joinRows(runs.map((run) => run.step?.hidden ?? new Float32Array(0))),
  );
  const { steps } = parts.config;
  await check.compare(`${prefix}/t`, Float32Array.from(flowTimes(steps)), EXACT);
  await check.compare(`${prefix}/time_emb`, parts.model.timeRows(flowTimes(steps)));
  if (expert !== null && golden.has(`${prefix}/adarms_cond`)) {
    const { condition } = await parts.model.modulations(steps);
    await check.compare(`${prefix}/adarms_cond`, condition.slice(0, steps * expert.width));
  }
}

/** The masks that leaving padding and absent cameras out stands for: pictures, absent cameras, words, padding. */
async function checkMasks(
  parts: GoldenParts,
  check: GoldenCheck,
  prefix: string,
  runs: readonly CaseRun[],
): Promise<void> {
  const { golden } = check;
  const patches = parts.model.dims.vision.side ** 2;
  const places = golden.shape(`${prefix}/prefix_pad_mask`)[1] as number;
  const words = places - parts.config.cameras.length * patches;
  const rows = runs.map(({ read }) => {
    const seen = Array.from({ length: places - words }, (_, i) => i < read.pixels.length * patches);
    return [...seen, ...Array.from({ length: words }, (_, i) => i < read.ids.length)];
  });
  await check.compare(`${prefix}/prefix_pad_mask`, rows.flat(), EXACT);
  await check.compare(
    `${prefix}/prefix_attention_mask`,
    rows.flatMap((row) => row.flatMap((query) => row.map((key) => query && key))),
    EXACT,
  );
  const suffix = golden.shape(`${prefix}/suffix_position_ids`)[1] as number;
  const between = suffixAllowed(suffix, parts.config.horizon);
  const allowed = rows.flatMap((row) => between.flatMap((keys) => [...row, ...keys]));
  await check.compare(`${prefix}/suffix_attention_mask`, allowed, EXACT);
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
      await check.compare(`${name}/v_guided`, joinRows(trace.guided));
    }
    await check.compare(`${name}/v_base`, joinRows(trace.v));
    await check.compare(`${name}/x_t`, joinRows(trace.x.slice(0, -1)));
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
