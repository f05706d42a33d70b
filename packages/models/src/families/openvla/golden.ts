/** OpenVLA against what the authors' code computed (layout: README of the golden set): every stage, every id, every prompt. */
import { BiddenError } from "@bidden/runtime";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import type { Engine } from "../../checkpoint/engine.ts";
import { EXACT, type GoldenCheck, type Tolerance } from "../../checkpoint/golden.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { readPng } from "../../image/png.ts";
import { idOfValue, valueOfId } from "./bins.ts";
import { type OpenvlaConfig, patchesOf } from "./config.ts";
import { floats, type OpenvlaModel, withImages } from "./model.ts";
import { openModel, statisticsOf } from "./open.ts";
import { planesOf, squareImage } from "./pixels.ts";
import { actionOf } from "./policy.ts";
import { promptIds, promptOf, type PromptTokenizer } from "./prompt.ts";
import { chooseStatistics, rangeOf } from "./statistics.ts";
import { joinRows } from "../../checkpoint/floats.ts";

export const HIDDEN: Tolerance = { relL2: 5e-6, relMax: 1e-4 };
const LOGITS: Tolerance = { relL2: 5e-6, maxAbs: 1e-3 };
export const ACTIONS: Tolerance = { relL2: 5e-6, maxAbs: 1e-3 };
/** Bins are float64 in the reference and float32 here. */
const ROUNDED: Tolerance = { maxAbs: 1e-7 };

type Run = {
  readonly checkpoint: Checkpoint;
  readonly check: GoldenCheck;
  readonly config: OpenvlaConfig;
  readonly model: OpenvlaModel;
  readonly tokenizer: PromptTokenizer;
};

export async function checkOpenvlaGolden(checkpoint: Checkpoint, engine: Engine, check: GoldenCheck): Promise<void> {
  const run: Run = { checkpoint, check, ...(await openModel(checkpoint, engine)) };
  try {
    const { facts } = check.golden;
    checkBins(run);
    for (const [i, prompt] of facts.objects("prompts").entries()) {
      const text = prompt.text("prompt");
      check.equal(`prompts.${i}.ids`, run.tokenizer.encode(text), prompt.numbers("ids"));
      check.equal(`prompts.${i}.final_ids`, promptIds(run.tokenizer, text), prompt.numbers("final_ids"));
    }
    for (const [i, facts] of check.golden.facts.objects("cases").entries()) await checkCase(run, `case${i}`, facts);
  } finally {
    await run.model.close();
  }
}

function checkBins({ check, config }: Run): void {
  const { facts } = check.golden;
  const expected = facts.numbers("detokenise_all_ids");
  const values = expected.map((_, id) => valueOfId(id, config));
  check.equal("detokenise_all_ids", values, expected, { maxAbs: 1e-12 });
  const pairs = facts.raw("action_tokenizer_value_to_id") as readonly (readonly [number, number])[];
  const ids = pairs.map(([value]) => idOfValue(value, config));
  check.equal(
    "action_tokenizer_value_to_id",
    ids,
    pairs.map(([, id]) => id),
  );
}

/** float32[3·towers, side, side] of an image that lies beside the weights. */
export async function goldenPixels(
  checkpoint: Checkpoint,
  config: OpenvlaConfig,
  file: string,
): Promise<{ readonly square: Uint8Array; readonly pixels: Float32Array }> {
  const bytes = await checkpoint.bytes(file);
  if (bytes === null) throw new BiddenError("not-found", `${checkpoint.label} has no file "${file}".`, { file });
  const square = squareImage(readPng(bytes, file), config.pixels);
  return { square: square.data, pixels: planesOf(square, config.pixels, config.towers.length) };
}

async function checkCase(run: Run, name: string, facts: Fields): Promise<void> {
  const { check, config, model, tokenizer, checkpoint } = run;
  const { golden } = check;
  const prompt = facts.text("prompt");
  const forms = (["v01", "v02"] as const).map((form) => promptOf(facts.text("instruction"), form));
  check.holds(`${name}.prompt`, forms.includes(prompt.trimEnd()), "the instruction in neither of the two frames");
  check.equal(`${name}.processor_input_ids`, tokenizer.encode(prompt), facts.numbers("processor_input_ids"));
  const ids = promptIds(tokenizer, prompt);
  check.equal(`${name}.model_input_ids`, ids, facts.numbers("model_input_ids"));

  const { square, pixels } = await goldenPixels(checkpoint, config, facts.text("image"));
  if (golden.has(`${name}.resized_uint8`)) await check.compare(`${name}.resized_uint8`, square, EXACT);
  const sparse = `${name}.pixel_values_every_16th`;
  if (golden.has(sparse)) await check.compare(sparse, everyNth(pixels, config.pixels.side, 16), { maxAbs: 1e-6 });
  const seen = await model.see(pixels);
  if (golden.has(`${name}.vision_features`)) await checkVision(run, name, seen.features, seen.projected);
  const embeds = withImages(await model.embed(ids), config.llama.width, [seen.projected]);
  if (golden.has(`${name}.inputs_embeds`)) await check.compare(`${name}.inputs_embeds`, embeds, HIDDEN);
  if (golden.has(`${name}.hidden_states.0`)) await checkHidden(run, name, embeds);

  const decoded = await model.decode(embeds, facts.whole("action_dim"), tokenizer.eos);
  const logits = joinRows(decoded.logits);
  await check.compare(`${name}.logits`, logits, LOGITS);
  const first = `${name}.logits_bf16_step0`;
  if (golden.has(first)) await check.compare(first, logits.subarray(0, config.vocabulary), { relMax: 3e-2 });
  check.equal(`${name}.generated_ids`, decoded.ids, facts.numbers("generated_ids"));
  const { action } = chooseStatistics(await statisticsOf(checkpoint), facts.text("unnorm_key"));
  const came = actionOf(decoded.ids, rangeOf(action, "bounds_q99"), config, tokenizer.eos);
  check.equal(`${name}.normalized_actions`, came.normalised, facts.numbers("normalized_actions"), ROUNDED);
  check.equal(`${name}.actions`, came.actions, facts.numbers("actions"), ACTIONS);
}

async function checkVision(
  { check, config }: Run,
  name: string,
  features: Float32Array,
  projected: Float32Array,
): Promise<void> {
  await check.compare(`${name}.vision_features`, features, HIDDEN);
  await check.compare(`${name}.projected`, projected, HIDDEN);
  const all = config.towers.reduce((sum, { width }) => sum + width, 0);
  let from = 0;
  for (const [i, { width }] of config.towers.entries()) {
    const stage = `${name}.${config.towers.length === 2 && i === 0 ? "dino" : "siglip"}_features`;
    const own = new Float32Array(patchesOf(config) * width);
    for (let p = 0; p < patchesOf(config); p++)
      own.set(features.subarray(p * all + from, p * all + from + width), p * width);
    if (check.golden.has(stage)) await check.compare(stage, own, HIDDEN);
    from += width;
  }
}

/** 0 is the embeddings, then what every layer puts out; the last one is after the final norm. */
async function checkHidden({ check, config, model }: Run, name: string, embeds: Float32Array): Promise<void> {
  const { layers } = config.llama;
  const outputs = [...Array.from({ length: layers - 1 }, (_, i) => `layer.${i}`), "last"];
  const values = await model.run(embeds, { read: [0], outputs });
  await check.compare(`${name}.hidden_states.0`, embeds, HIDDEN);
  for (const [i, output] of outputs.entries()) {
    await check.compare(`${name}.hidden_states.${i + 1}`, floats(values, output).subarray(0, embeds.length), HIDDEN);
  }
}

function everyNth(pixels: Float32Array, side: number, step: number): Float32Array {
  const kept = Math.ceil(side / step);
  const channels = pixels.length / (side * side);
  return Float32Array.from({ length: channels * kept * kept }, (_, i) => {
    const channel = Math.floor(i / (kept * kept));
    const [row, column] = [Math.floor(i / kept) % kept, i % kept];
    return pixels[channel * side * side + row * step * side + column * step] as number;
  });
}
