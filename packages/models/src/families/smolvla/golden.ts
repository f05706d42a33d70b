/**
 * Compares SmolVLA with what LeRobot computed: masks and places in the reference's layout, then every stage, computed without
 * padding and without masked cameras and compared where the reference's padding mask is true.
 */
import type { TensorData } from "@bidden/tensor";
import { type FlowTrace, flowTimes } from "../../blocks/flow-matching.ts";
import { PREFIX_SCHEDULES, PrefixGuide } from "../../blocks/rtc.ts";
import { EMBEDDINGS, EXACT, FP32, type GoldenCheck, type Tolerance } from "../../checkpoint/golden.ts";
import type { Fields, JsonObject } from "../../checkpoint/json.ts";
import type { SmolVlaMemory } from "./engine.ts";
import { checkInputs, type GoldenRow, goldenRows } from "./golden-inputs.ts";
import { checkTraining } from "./golden-train.ts";
import { modelActions, restoreActions, type SmolVlaParts } from "./policy.ts";
import { actionAttention, actionPositions, attentionOf, positionsOf } from "./prefix.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** README-lerobot.md: how far a run in bfloat16 may be from one in float32. */
const BFLOAT16 = 5e-2;

/** Opens the parts of a policy with fields in place of config.json's. */
export type OpenParts = (changes: JsonObject) => Promise<SmolVlaParts>;

/** Runs every case that the golden set holds. */
export async function checkSmolVla(check: GoldenCheck, openParts: OpenParts): Promise<void> {
  const { golden } = check;
  const parts = await openParts({});
  const switches = golden.facts.object("switches", true);
  const cases = golden.names().filter((name) => /^[^/]+\/v_t$/.test(name));
  for (const name of cases.map((full) => full.slice(0, -"/v_t".length))) {
    const changed = switches.has(name) ? await openParts(changesOf(switches.object(name))) : parts;
    await checkCase(check, changed, name);
    if (changed !== parts) await changed.engine.close();
  }
  if (golden.has("rtc/noise")) await checkRtc(check, parts);
  if (golden.has("queue/noise")) await checkQueue(check, parts);
  if (golden.has("train/noise")) await checkTraining(check, parts);
  await parts.engine.close();
}

function changesOf(fields: Fields): JsonObject {
  return Object.fromEntries(fields.keys().map((key) => [key, fields.raw(key)]));
}

/** What a row of a case left behind. */
type RowRun = {
  readonly row: GoldenRow;
  readonly memory: SmolVlaMemory;
  readonly trace: FlowTrace;
  readonly firstStep: Readonly<Record<string, TensorData>>;
  /** float32[chunk, actionDim], in the network's units. */
  readonly actions: Float32Array;
};

async function runRow(
  parts: SmolVlaParts,
  row: GoldenRow,
  noise: Float32Array,
  guide: PrefixGuide | null = null,
): Promise<RowRun> {
  const { engine } = parts;
  const memory = await engine.read(row);
  const trace: FlowTrace = { x: [], v: [], guided: [] };
  let firstStep: RowRun["firstStep"] = {};
  const inspect = (step: number, outputs: RowRun["firstStep"]): void => {
    if (step === 0) firstStep = outputs;
  };
  const x = await engine.act(memory, noise, { guide, trace, inspect });
  return { row, memory, trace, firstStep, actions: modelActions(engine.config, x) };
}

async function checkCase(check: GoldenCheck, parts: SmolVlaParts, name: string): Promise<void> {
  const { golden } = check;
  const rows = await goldenRows(check, parts, name);
  await checkInputs(check, parts, name, rows);
  if (golden.has(`${name}/prefix_pad_mask`)) await compareLayout(check, parts, name, rows);
  const noise = await golden.float(`${name}/noise`);
  const size = noise.length / rows.length;
  const runs: RowRun[] = [];
  for (const [i, row] of rows.entries()) runs.push(await runRow(parts, row, noise.slice(i * size, (i + 1) * size)));
  if (golden.has(`${name}/prefix_embs`)) await comparePrefix(check, parts, name, runs);
  await compareSteps(check, parts, name, runs);
  const actions = joinRows(runs.map((run) => run.actions));
  await check.compare(`${name}/actions_model`, actions);
  await check.compare(`${name}/actions`, restoreActions(parts, actions));
  if (name.endsWith("_fp32math")) await compareLoosely(check, name, actions);
}

/** The reference's run in bfloat16: as far from ours as from its own in float32. */
async function compareLoosely(check: GoldenCheck, name: string, actions: Float32Array): Promise<void> {
  const rounded = `${name.replace(/_fp32math$/, "_bf16math")}/actions_model`;
  if (!check.golden.has(rounded)) return;
  const [own, other] = [await check.golden.float(`${name}/actions_model`), await check.golden.float(rounded)];
  const apart = own.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] as number))), 0);
  await check.compare(rounded, actions, { maxAbs: Math.max(BFLOAT16, 1.1 * apart) });
}

async function compareLayout(
  check: GoldenCheck,
  { engine }: SmolVlaParts,
  name: string,
  rows: readonly GoldenRow[],
): Promise<void> {
  const { chunk } = engine.config;
  const all = (of: (row: GoldenRow) => ArrayLike<number>): number[] => rows.flatMap((row) => Array.from(of(row)));
  await check.compare(
    `${name}/prefix_pad_mask`,
    all(({ layout }) => layout.valid),
    EXACT,
  );
  await check.compare(
    `${name}/prefix_position_ids`,
    all(({ layout }) => positionsOf(layout)),
    EXACT,
  );
  await check.compare(
    `${name}/prefix_attention_mask`,
    all(({ layout }) => attentionOf(layout)),
    EXACT,
  );
  await check.compare(
    `${name}/suffix_position_ids`,
    all(({ layout }) => actionPositions(layout, chunk)),
    EXACT,
  );
  await check.compare(
    `${name}/suffix_attention_mask`,
    all(({ layout }) => actionAttention(layout, chunk)),
    EXACT,
  );
}

/** Values of computed tokens back in the places of the reference's layout, and 1 where there is a value. */
class Scattered {
  readonly values: Float32Array;
  readonly only: Uint8Array;

  /** @param width numbers a token; `heads` arrays of tokens stand after each other */
  constructor({ row, memory }: RowRun, data: Float32Array, width: number, heads = 1) {
    const places = row.layout.valid.length;
    const computed = memory.seen.length;
    this.values = new Float32Array(heads * places * width);
    this.only = new Uint8Array(this.values.length);
    for (let head = 0; head < heads; head++) {
      for (const [i, place] of memory.kept.entries()) {
        const from = (head * computed + i) * width;
        const to = (head * places + place) * width;
        this.values.set(data.subarray(from, from + width), to);
        this.only.fill(1, to, to + width);
      }
    }
  }
}

async function comparePrefix(
  check: GoldenCheck,
  { engine }: SmolVlaParts,
  name: string,
  runs: readonly RowRun[],
): Promise<void> {
  const { text } = engine.config;
  const compare = async (
    tensor: string,
    of: (run: RowRun) => Scattered,
    tolerance: Tolerance = FP32,
  ): Promise<void> => {
    if (!check.golden.has(`${name}/${tensor}`)) return;
    const placed = runs.map(of);
    const only = Uint8Array.from(placed.flatMap((scattered) => [...scattered.only]));
    await check.compare(`${name}/${tensor}`, joinRows(placed.map(({ values }) => values)), tolerance, { only });
  };
  await compare("prefix_embs", (run) => new Scattered(run, run.memory.embeds, text.width), EMBEDDINGS);
  await compare("prefix_hidden", (run) => new Scattered(run, inspected(run, "hidden"), text.width));
  for (const [end, layer] of [
    ["first", 0],
    ["last", text.layers - 1],
  ] as const) {
    for (const part of ["key", "value"] as const) {
      await compare(`kv.${end}.${part}`, (run) => {
        const all = inspected(run, `vlm.${part}s`);
        const size = all.length / text.layers;
        return new Scattered(run, all.subarray(layer * size, (layer + 1) * size), text.headWidth, text.kvHeads);
      });
    }
  }
  const kvWidth = text.kvHeads * text.headWidth;
  for (const part of ["k_proj", "v_proj"]) {
    for (const end of ["in", "out"]) {
      const tensor = `expert.1.${part}.${end}`;
      if (runs.every(({ memory }) => tensor in memory.inspected))
        await compare(tensor, (run) => new Scattered(run, inspected(run, tensor), kvWidth));
    }
  }
}

function inspected({ memory }: RowRun, name: string): Float32Array {
  return (memory.inspected[name] as TensorData).data as Float32Array;
}

async function compareSteps(
  check: GoldenCheck,
  { engine }: SmolVlaParts,
  name: string,
  runs: readonly RowRun[],
): Promise<void> {
  const { golden } = check;
  const compare = async (tensor: string, values: ArrayLike<number>): Promise<void> => {
    if (golden.has(`${name}/${tensor}`)) await check.compare(`${name}/${tensor}`, values);
  };
  const first = (output: string): Float32Array =>
    joinRows(runs.map(({ firstStep }) => (firstStep[output] as TensorData).data as Float32Array));
  await compare("t", flowTimes(engine.config.steps));
  await compare(
    "time_emb",
    engine.embedTimes().flatMap((row) => [...row]),
  );
  await compare("suffix_embs_step0", first("embeds"));
  await compare("suffix_hidden_step0", first("hidden"));
  const watched = Object.keys(runs[0]?.firstStep ?? {}).filter((output) => output.startsWith("expert."));
  for (const output of watched) await compare(output, first(output));
  await compare("v_t", bySteps(runs.map(({ trace }) => trace.v)));
  await compare("x_t", bySteps(runs.map(({ trace }) => trace.x)));
}

/** Steps of every row to float32[steps, rows, ...]. */
function bySteps(rows: readonly (readonly Float32Array[])[]): Float32Array {
  return joinRows(
    (rows[0] as readonly Float32Array[]).flatMap((_, step) => rows.map((row) => row[step] as Float32Array)),
  );
}

/** Guided real-time chunking, on the inputs of the first case. */
async function checkRtc(check: GoldenCheck, parts: SmolVlaParts): Promise<void> {
  const { golden } = check;
  const { chunk, actionWidth } = parts.engine.config;
  const [row] = (await goldenRows(check, parts, "b1")) as [GoldenRow];
  const noise = await golden.float("rtc/noise");
  for (const [i, facts] of golden.facts.objects("rtc").entries()) {
    const guide = facts.has("prev") ? await guideOf(check, facts, chunk, actionWidth) : null;
    const run = await runRow(parts, row, noise, guide);
    const name = `rtc/${i}`;
    if (guide !== null) {
      await check.compare(`${name}/prefix_weights`, guide.weights);
      if (golden.has(`${name}/v_guided`)) await check.compare(`${name}/v_guided`, joinRows(run.trace.guided));
      check.equal(`${name} execution horizon`, [guide.executionHorizon], [facts.number("effective_execution_horizon")]);
    }
    if (golden.has(`${name}/v_base`)) await check.compare(`${name}/v_base`, joinRows(run.trace.v));
    if (golden.has(`${name}/x_t`)) await check.compare(`${name}/x_t`, joinRows(run.trace.x.slice(0, -1)));
    await check.compare(`${name}/actions_model`, run.actions);
    await check.compare(`${name}/actions`, restoreActions(parts, run.actions));
  }
}

async function guideOf(check: GoldenCheck, facts: Fields, chunk: number, actionWidth: number): Promise<PrefixGuide> {
  const previous = `rtc/${facts.text("prev")}`;
  const schedule = PREFIX_SCHEDULES.find((known) => known === facts.text("schedule"));
  if (schedule === undefined) throw facts.bad("schedule", `one of ${PREFIX_SCHEDULES.join(", ")}`);
  const options = {
    leftover: { values: await check.golden.float(previous), dim: check.golden.shape(previous)[2] as number },
    delay: facts.whole("inference_delay"),
    executionHorizon: facts.whole("execution_horizon"),
    schedule,
    maxGuidanceWeight: facts.number("max_guidance_weight"),
  };
  return new PrefixGuide(options, chunk, actionWidth);
}

/** One action at a time: a chunk is asked for again when as many actions as the configuration says are used up. */
async function checkQueue(check: GoldenCheck, parts: SmolVlaParts): Promise<void> {
  const { executed, actionDim } = parts.engine.config;
  const [row] = (await goldenRows(check, parts, "b1")) as [GoldenRow];
  const { actions } = await runRow(parts, row, await check.golden.float("queue/noise"));
  const calls = check.golden.shape("queue/actions_model")[0] as number;
  const given = Array.from({ length: calls }, (_, call) => {
    const at = (call % executed) * actionDim;
    return actions.subarray(at, at + actionDim);
  });
  await check.compare("queue/actions_model", joinRows(given));
}
