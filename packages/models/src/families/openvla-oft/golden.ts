/** OpenVLA-OFT against what the authors' code computed: every head, with and without state and FiLM. */
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { GoldenCheck, Tolerance } from "../../checkpoint/golden.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { ACTIONS, goldenPixels, HIDDEN } from "../openvla/golden.ts";
import { promptIds, promptOf } from "../openvla/prompt.ts";
import { normalise, rangeOf, unnormalise } from "../openvla/statistics.ts";
import { alphasCumprod, ddimStep, ddimTimes, timeEmbedding, TRAIN_STEPS } from "./ddim.ts";

import type { OftContext, OftModel, OftResult } from "./model.ts";
import { openOft, type OftFacts } from "./open.ts";
import { findParts, openParts } from "./parts.ts";
import { joinRows } from "../../checkpoint/floats.ts";

const NORMALISED: Tolerance = { relL2: 5e-6, maxAbs: 1e-3 };

export async function checkOftGolden(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck): Promise<void> {
  const { facts } = check.golden;
  checkPrompt(check);
  for (const name of facts.object("runs").keys()) await checkRun(checkpoint, engine, check, name);
  await checkUnwrapped(checkpoint, check);
}

function checkPrompt(check: GoldenCheck): void {
  const { facts } = check.golden;
  const prompt = promptOf(facts.text("instruction"), "v02");
  check.holds("prompt", prompt === facts.text("prompt"), `came ${JSON.stringify(prompt)}`);
}

/** The folder beside the shared weights in which the parts of a run lie. */
function folderOf(name: string): string {
  return name.startsWith("diffusion") ? "diffusion" : name.startsWith("film") ? "film" : "";
}

async function checkRun(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck, name: string): Promise<void> {
  const { golden } = check;
  const { facts: all } = golden;
  const run = all.object("runs").object(name);
  const { facts, model } = await openOft(checkpoint, engine, {
    dataset: all.text("unnorm_key"),
    settings: {
      platform: all.text("platform"),
      parts: folderOf(name),
      cameras: String(run.whole("num_images")),
      proprio: String(run.flag("proprio")),
      film: String(run.flag("film")),
      ...(run.has("token_ids") ? { head: "discrete" } : {}),
    },
  });
  try {
    check.equal(
      `${name}.chunk`,
      [facts.platform.chunk, facts.actionDim],
      [all.whole("chunk"), all.whole("action_dim")],
    );
    check.holds(`${name}.normalization`, facts.platform.bounds === all.text("normalization"), facts.platform.bounds);
    const ids = promptIds(model.tokenizer, all.text("prompt"));
    check.equal(`${name}.prompt_ids`, ids, run.numbers("prompt_ids"));
    const images = [];
    for (const file of all.texts("images").slice(0, run.whole("num_images"))) {
      images.push((await goldenPixels(checkpoint, model.base.config, file)).pixels);
    }
    const context = await model.context({ images, state: stateOf(check, facts, run), ids });
    await checkContext(check, name, context);
    const result = await runModel(check, name, run, model, context);
    await checkResult(check, name, run, facts, result);
  } finally {
    await model.close();
  }
}

function stateOf(check: GoldenCheck, facts: OftFacts, run: Fields): Float32Array | null {
  const { proprio } = facts.statistics;
  if (!run.flag("proprio") || proprio === null) return null;
  const all = check.golden.facts;
  const state = normalise(all.numbers("state"), rangeOf(proprio, facts.platform.bounds));
  check.equal("normalized_state", state, all.numbers("normalized_state"), { maxAbs: 1e-6 });
  return state;
}

async function checkContext(check: GoldenCheck, name: string, { language, features }: OftContext): Promise<void> {
  const average = `${name}.average_language_embedding`;
  if (check.golden.has(average)) await check.compare(average, language, HIDDEN);
  const vision = `${name}.vision_features`;
  if (check.golden.has(vision)) await check.compare(vision, features, HIDDEN);
}

async function runModel(
  check: GoldenCheck,
  name: string,
  run: Fields,
  model: OftModel,
  context: OftContext,
): Promise<OftResult> {
  const { golden } = check;
  const { width } = model.base.config.llama;
  const places = model.sizes.chunk * model.sizes.actionDim;
  if (model.kind !== "diffusion") {
    const embeds = model.sequence(context, new Float32Array(places * width), null);
    await checkSequence(check, name, run, embeds, width);
    const last = `${name}.last_hidden`;
    if (golden.has(last)) await check.compare(last, await model.lastHidden(embeds), HIDDEN);
    return model.predict(context);
  }
  const times = run.numbers("timesteps");
  check.equal(`${name}.timesteps`, ddimTimes(times.length), times);
  check.equal(`${name}.alphas_cumprod`, alphasCumprod(), run.numbers("alphas_cumprod"), { relL2: 1e-6 });
  const noise = await golden.float(`${name}.noise`);
  await checkSequence(check, name, run, await model.noisySequence(context, noise, times[0] as number), width);
  const embeddings = joinRows(times.map((t) => timeEmbedding(t, width)));
  await check.compare(`${name}.time_embeddings`, embeddings, { relL2: 1e-6 });
  return followed(check, name, model, context, { noise, times });
}

/**
 * Every step from where the reference stood: the noise is compared at each, and the actions come from the last. With random
 * weights a rounding error of the first step grows two- to threefold at each of the following ones, so that two right
 * implementations that run freely end far apart; how far is noted.
 */
async function followed(
  check: GoldenCheck,
  name: string,
  model: OftModel,
  context: OftContext,
  { noise, times }: { readonly noise: Float32Array; readonly times: readonly number[] },
): Promise<OftResult> {
  const recorded = await check.golden.float(`${name}.noise_pred`);
  const alphas = alphasCumprod();
  const gap = Math.floor(TRAIN_STEPS / times.length);
  const noises: Float32Array[] = [];
  let [x, hidden] = [noise, null as Float32Array | null];
  for (const [i, t] of times.entries()) {
    const found = await model.noiseIn(context, x, t);
    hidden = found.hidden;
    noises.push(found.noise);
    const theirs = recorded.subarray(i * noise.length, (i + 1) * noise.length);
    x = ddimStep(x, i + 1 < times.length ? theirs : found.noise, t, gap, alphas);
  }
  const free = (await model.denoise(context, noise, times.length)).actions;
  const apart = Math.max(...free.map((value, i) => Math.abs(value - (x[i] as number))));
  check.note(
    `${name}: ${times.length} steps run freely end ${apart.toExponential(1)} from the reference's (model units)`,
  );
  return { actions: x, hidden, ids: [], noises };
}

async function checkSequence(
  check: GoldenCheck,
  name: string,
  run: Fields,
  embeds: Float32Array,
  width: number,
): Promise<void> {
  check.equal(`${name}.sequence_length`, [embeds.length / width], [run.whole("sequence_length")]);
  const stage = `${name}.inputs_embeds`;
  if (check.golden.has(stage)) await check.compare(stage, embeds, HIDDEN);
}

async function checkResult(
  check: GoldenCheck,
  name: string,
  run: Fields,
  facts: OftFacts,
  { actions, hidden, ids, noises }: OftResult,
): Promise<void> {
  const stage = `${name}.actions_hidden_states`;
  if (hidden !== null && check.golden.has(stage)) await check.compare(stage, hidden, HIDDEN);
  if (noises.length > 0) await check.compare(`${name}.noise_pred`, joinRows(noises), HIDDEN);
  if (run.has("token_ids")) check.equal(`${name}.token_ids`, ids, run.numbers("token_ids"));
  check.equal(`${name}.normalized_actions`, actions, rowsOf(run, "normalized_actions"), NORMALISED);
  const range = rangeOf(facts.statistics.action, facts.platform.bounds);
  check.equal(`${name}.actions`, unnormalise(actions, range, 1e-8), rowsOf(run, "actions"), ACTIONS);
}

function rowsOf(run: Fields, key: string): number[] {
  const rows = run.raw(key);
  if (!Array.isArray(rows)) throw run.bad(key, "rows of numbers");
  return (rows as readonly (readonly number[])[]).flat();
}

/** A part that was saved without the wrapper of distributed training holds the same tensors. */
async function checkUnwrapped(checkpoint: Checkpoint, check: GoldenCheck): Promise<void> {
  const plain = findParts(checkpoint.files, "no_prefix");
  if ([...plain.values()].every((file) => !file.startsWith("no_prefix/"))) return;
  const [wrapped, unwrapped] = [await openParts(checkpoint, ""), await openParts(checkpoint, "no_prefix")];
  for (const [part, file] of plain) {
    if (!file.startsWith("no_prefix/")) continue;
    for (const name of unwrapped.checkpoint.tensors.keys()) {
      if (!name.startsWith(`${part}.`)) continue;
      check.equal(`no_prefix.${name}`, await unwrapped.checkpoint.float(name), await wrapped.checkpoint.float(name));
    }
  }
}
