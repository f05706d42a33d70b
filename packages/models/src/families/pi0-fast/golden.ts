/** π0-FAST against what LeRobot computed (layout: the golden set's README). */
import { EXACT, type GoldenCheck } from "../../checkpoint/golden.ts";
import { inputsOf, rawObservation } from "../pi0/golden.ts";
import { checkPrefix, checkRead, type PrefixRun } from "../pi0/golden-prefix.ts";
import { embedPrefix, type ReadObservation } from "../pi0/policy.ts";
import type { FastEncoded } from "../../tokenizers/fast.ts";
import { type ChunkSize, decodeActions } from "./actions.ts";
import type { PiFastParts } from "./policy.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** Ids of padding in what the reference generates after the end. */
const NOTHING = 0;

const CASES: Readonly<Record<string, readonly number[]>> = { b1: [0], b2: [0, 1] };

export async function checkFastGolden(parts: PiFastParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  for (const [name, rows] of Object.entries(CASES)) {
    if (golden.has(`${name}/generated_ids`)) await checkCase(parts, check, name, rows);
  }
  if (golden.has("short_n_action_steps/actions_model")) await checkShort(parts, check);
  if (golden.facts.has("detokenize")) await checkDetokenize(parts, check);
  if (golden.facts.has("fast")) await checkCodec(parts, check);
}

type CaseRun = PrefixRun & {
  readonly ids: readonly number[];
  readonly logits: readonly Float32Array[];
};

async function checkCase(parts: PiFastParts, check: GoldenCheck, name: string, rows: readonly number[]): Promise<void> {
  const runs: CaseRun[] = [];
  for (const row of rows) runs.push(await runCase(parts, await rawObservation(parts, check, row)));
  await checkRead(parts.model, check, name, runs);
  if (check.golden.has(`${name}/prefix_embs`)) {
    await checkPrefix(parts.model, check, name, runs, (read, places) => bosLast(parts, read, places));
    const steps = check.golden.shape(`${name}/step_position_ids`)[0] as number;
    const at = Array.from({ length: steps }, (_, k) => runs.map((run) => run.prefix.tokens + k));
    await check.compare(`${name}/step_position_ids`, at.flat(), EXACT);
  }
  await checkGenerated(parts, check, name, runs);
}

async function runCase(parts: PiFastParts, read: ReadObservation): Promise<CaseRun> {
  const { model, decoder, config, actionWords } = parts;
  const ids = [...read.ids, parts.bos];
  const embeds = await embedPrefix(model, read.pixels, ids);
  const prefix = await model.prefix(embeds, { hidden: true });
  const logits: Float32Array[] = [];
  const generated = await decoder.decode(prefix, {
    maxTokens: config.maxDecoded,
    end: actionWords.end,
    observe: (step) => logits.push(step),
  });
  return { read, embeds, prefix, ids: generated, logits };
}

/** Padding stands before the last BOS, and absent cameras before the words. */
function bosLast({ config, model }: PiFastParts, read: ReadObservation, places: number): boolean[] {
  const patches = model.dims.vision.side ** 2;
  const pictures = config.cameras.length * patches;
  return Array.from({ length: places }, (_, i) => {
    if (i < pictures) return i < read.pixels.length * patches;
    return i - pictures < read.ids.length || i === places - 1;
  });
}

/** Each row until its own end: after that the reference goes on only because other rows of the batch have not ended. */
async function checkGenerated(
  parts: PiFastParts,
  check: GoldenCheck,
  name: string,
  runs: readonly CaseRun[],
): Promise<void> {
  const { golden } = check;
  const { config } = parts;
  const { vocabulary } = parts.model.dims;
  const length = golden.shape(`${name}/generated_ids`)[1] as number;
  const ids = runs.flatMap((run) => Array.from({ length }, (_, i) => run.ids[i] ?? NOTHING));
  const own = runs.flatMap((run) => Array.from({ length }, (_, i) => (i < run.ids.length ? 1 : 0)));
  await check.compare(`${name}/generated_ids`, ids, EXACT, { only: own });
  if (golden.has(`${name}/generated_ids_uncached`))
    await check.compare(`${name}/generated_ids_uncached`, ids, EXACT, { only: own });
  const [steps, batch] = golden.shape(`${name}/logits`) as readonly [number, number, number];
  const expected = await golden.float(`${name}/logits`);
  const row = (step: number, b: number): Float32Array => {
    const at = (step * batch + b) * vocabulary;
    return runs[b]?.logits[step] ?? expected.slice(at, at + vocabulary);
  };
  const logits = Array.from({ length: steps * batch }, (_, i) => row(Math.floor(i / batch), i % batch));
  await check.compare(`${name}/logits`, joinRows(logits));
  const size = { horizon: config.horizon, dim: config.actionDim };
  const decoded = runs.map((run) => decodeActions(run.ids, parts.actionWords, parts.fast, size));
  check.holds(
    `${name}/decoded`,
    decoded.every(({ problems }) => problems.length === 0),
    decoded.flatMap(({ problems }) => problems).join(" "),
  );
  const model = joinRows(decoded.map(({ values }) => values));
  await check.compare(`${name}/actions_model`, model);
  await check.compare(`${name}/actions`, parts.scaling.actionsOut(model), { relL2: 5e-6 });
}

/** The reference decodes `n_action_steps` rows instead of `chunk_size`, which gives other actions; here as a statement of that. */
async function checkShort(parts: PiFastParts, check: GoldenCheck): Promise<void> {
  const name = "short_n_action_steps/actions_model";
  const [, horizon, dim] = check.golden.shape(name) as readonly [number, number, number];
  const run = await runCase(parts, await rawObservation(parts, check, 0));
  const { values, problems } = decodeActions(run.ids, parts.actionWords, parts.fast, { horizon, dim });
  await check.compare(name, values);
  check.holds("short_n_action_steps/reported", problems.length > 0, "cut coefficients were not reported");
}

async function checkDetokenize(parts: PiFastParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const cases = golden.facts.object("detokenize");
  for (const name of cases.keys()) {
    const row = cases.object(name);
    const stage = golden.has(`detokenize/${name}`) ? `detokenize/${name}` : `detokenize/${name}_unchecked`;
    const [, horizon, dim] = golden.shape(stage) as readonly [number, number, number];
    const { values, problems } = decodeActions(row.numbers("ids"), parts.actionWords, parts.fast, { horizon, dim });
    await check.compare(stage, values);
    const refused = row.has("error");
    check.holds(
      `${stage} reported`,
      !refused || problems.length > 0,
      "the reference refuses it; no problem was reported",
    );
  }
}

async function encodedChunks(
  { fast }: PiFastParts,
  { golden }: GoldenCheck,
  chunks: number,
  { horizon, dim }: ChunkSize,
): Promise<FastEncoded[]> {
  const values = await golden.float("fast/chunks");
  return Array.from({ length: chunks }, (_, i) =>
    fast.encode(values.slice(i * horizon * dim, (i + 1) * horizon * dim), horizon, dim),
  );
}

async function checkCodec(parts: PiFastParts, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const facts = golden.facts.object("fast");
  const [chunks, horizon, dim] = golden.shape("fast/chunks") as readonly [number, number, number];
  const size: ChunkSize = { horizon, dim };
  const [ids, texts] = [facts.raw("ids"), facts.raw("text_ids")] as [number[][], number[][]];
  const decoded = texts.slice(0, chunks).map((row) => {
    const whole = [...parts.actionWords.prefix, ...row, parts.actionWords.end];
    return decodeActions(whole, parts.actionWords, parts.fast, size).values;
  });
  const encoded = await encodedChunks(parts, check, chunks, size);
  check.equal(
    "fast/ids",
    encoded.flatMap((row) => row.ids),
    ids.flat(),
  );
  await check.compare(
    "fast/quantised",
    encoded.flatMap((row) => row.coefficients),
    EXACT,
  );
  await check.compare("fast/decoded", joinRows(decoded), { relL2: 1e-6, maxAbs: 1e-6 });
  const mirror = ids.flat().map((id) => parts.model.dims.vocabulary - 1 - parts.actionWords.skipped - id);
  check.equal("fast/text_ids", mirror, texts.flat());
  const known = inputsOf(check).facts.object("ids", true);
  if (known.has("pipe")) {
    const expected = [known.whole("pipe"), known.whole("bos"), ...known.numbers("action_prefix")];
    check.equal("ids", [parts.actionWords.end, parts.bos, ...parts.actionWords.prefix], expected);
  }
}
