/** GR00T N1.5 against what Isaac-GR00T computed: every stage from pixels to actions, for every recorded embodiment. */
import type { Image } from "@bidden/runtime";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import type { GoldenCheck } from "../../checkpoint/golden.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { readPng } from "../../image/png.ts";
import { loadTokenizer } from "../../tokenizers/load.ts";
import { readGroot } from "./checkpoint.ts";
import type { GrootConfig } from "./config.ts";
import { grootPixels } from "./pixels.ts";
import { grootPrompt } from "./prompt.ts";
import { type Context, GrootRunner, type GrootTrace } from "./runner.ts";
import { GROOT_MODES, type GrootMode, GrootNormalisation } from "./statistics.ts";
import { grootBuckets } from "./time.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** README-open.md: features, and actions. */
const FEATURES = { relMax: 1e-4 };
const ACTIONS = { maxAbs: 1e-3 };

export async function checkGrootGolden(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck): Promise<void> {
  const { golden } = check;
  const config = readGroot(checkpoint);
  const runs = golden.facts.objects("runs");
  const images: Image[] = [];
  for (let view = 0; checkpoint.has(`view${view}.png`); view++) {
    images.push(readPng((await checkpoint.bytes(`view${view}.png`)) ?? new Uint8Array(0), `view${view}.png`));
  }
  const ids = await checkPrompt(checkpoint, check, config, images.length);
  for (const [i, run] of runs.entries()) {
    const embodiment = run.whole("embodiment_id");
    const runner = await GrootRunner.open(checkpoint, engine, config, embodiment);
    const context = await checkContext(runner, check, images, ids, i === 0);
    await checkSteps(runner, check, context, run);
    await runner.close();
  }
  if (golden.facts.has("normalizer")) checkNormalisers(check);
}

async function checkPrompt(
  checkpoint: Checkpoint,
  check: GoldenCheck,
  config: GrootConfig,
  views: number,
): Promise<readonly number[]> {
  const { facts } = check.golden;
  const recorded = facts.numbers("input_ids");
  const tokenizer = await loadTokenizer(checkpoint);
  const perView = config.vision.side ** 2;
  const ids = tokenizer.encode(grootPrompt(facts.text("instruction"), views, perView));
  check.equal("prompt ids", ids, recorded);
  return recorded;
}

async function checkContext(
  runner: GrootRunner,
  check: GoldenCheck,
  images: readonly Image[],
  ids: readonly number[],
  first: boolean,
): Promise<Context> {
  const { side } = runner.config;
  const pixels = joinRows(images.map(grootPixels));
  const seen = await runner.see(pixels);
  const embedded = await runner.embed(ids, seen.tokens);
  const context = await runner.read(embedded);
  if (!first) return context;
  const every = pixels.filter(
    (_, i) => i % 8 === 0 && Math.floor((i % side ** 2) / side) % 8 === 0 && (i % side) % 8 === 0,
  );
  await check.compare("pixel_values_every_8th", every, FEATURES);
  await check.compare("vision_last_hidden", seen.hidden, FEATURES);
  await check.compare("lm_inputs_embeds", embedded, FEATURES);
  await check.compare("backbone_features", context.features, FEATURES);
  await check.compare("vlln", context.normed, FEATURES);
  await check.compare("vl_embs", context.seen, FEATURES);
  await check.compare("temb", (await runner.times()).temb, FEATURES);
  return context;
}

async function checkSteps(runner: GrootRunner, check: GoldenCheck, context: Context, run: Fields): Promise<void> {
  const { golden } = check;
  const { steps, buckets } = runner.config;
  const of = (stage: string): string => `emb${run.whole("embodiment_id")}.${stage}`;
  check.equal(of("timestep_buckets"), grootBuckets(steps, buckets), run.numbers("timestep_buckets"));
  const trace: GrootTrace = { actions: [], outputs: [] };
  const state = await golden.float("state");
  const actions = await runner.denoise(context, state, await golden.float(of("noise")), trace);
  const values = (i: number, name: string): Float32Array => trace.outputs[i]?.[name]?.data as Float32Array;
  await check.compare(of("state_features"), values(0, "state_features"), FEATURES);
  await check.compare(of("action_features_step0"), values(0, "action_features"), FEATURES);
  for (const name of golden.names(of("dit_step"))) {
    const [, i, block] = /dit_step(\d+)_block(\d+)$/.exec(name) ?? [];
    await check.compare(name, values(Number(i), `block${block}`), FEATURES);
  }
  await check.compare(of("actions_in_all_steps"), joinRows(trace.actions), ACTIONS);
  await check.compare(of("pred_all_steps"), joinRows(trace.outputs.map((_, i) => values(i, "all"))), ACTIONS);
  await check.compare(of("action_pred"), actions, ACTIONS);
}

/** The Normalizer class, degenerate dimensions included. */
function checkNormalisers(check: GoldenCheck): void {
  const facts = check.golden.facts.object("normalizer");
  const statistics = facts.object("statistics");
  for (const row of facts.objects("rows")) {
    const mode = row.text("mode");
    if (!GROOT_MODES.includes(mode as GrootMode)) {
      check.note(`normalizer ${mode} was left out`);
      continue;
    }
    const normalisation = GrootNormalisation.of(mode as GrootMode, statistics);
    const [x, forward, back] = ["x", "forward", "inverse_of_forward"].map((name) => matrix(row.raw(name)));
    const came = normalisation.normalise(Float32Array.from(x ?? []));
    check.equal(`normalizer ${mode}`, came, forward ?? [], { maxAbs: 1e-6 });
    check.equal(`normalizer ${mode} inverse`, normalisation.restore(Float32Array.from(forward ?? [])), back ?? [], {
      maxAbs: 2e-6,
    });
  }
}

function matrix(value: unknown): number[] {
  return Array.isArray(value) ? value.flat().map(Number) : [];
}
