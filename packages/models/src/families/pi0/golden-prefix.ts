/** What π models read and what their prefix becomes, against LeRobot's values; the same for π0, π0.5 and π0-FAST. */
import { EMBEDDINGS, EXACT, FP32, type GoldenCheck } from "../../checkpoint/golden.ts";
import type { PiModel, Prefix } from "./model.ts";
import type { ReadObservation } from "./policy.ts";
import { joinRows } from "../../checkpoint/floats.ts";

/** One observation of a case, read. */
export type PrefixRun = {
  readonly read: ReadObservation;
  readonly embeds: Float32Array;
  readonly prefix: Prefix;
};

/** Prompt, ids, state and pictures of a case. */
export async function checkRead(
  model: PiModel,
  check: GoldenCheck,
  name: string,
  runs: readonly PrefixRun[],
): Promise<void> {
  const { golden } = check;
  const places = golden.shape(`${name}/tokens`)[1] as number;
  const row = <T>(make: (run: PrefixRun, place: number) => T): T[] =>
    runs.flatMap((run) => Array.from({ length: places }, (_, place) => make(run, place)));
  const tokens = row(({ read }, place) => read.ids[place] ?? 0);
  await check.compare(`${name}/tokens`, tokens, EXACT);
  const mask = row(({ read }, place) => place < read.ids.length);
  await check.compare(`${name}/token_mask`, mask, EXACT);
  const texts = golden.facts.object("prompt_text_after_processing", true);
  if (texts.has(name)) {
    const [came, expected] = [runs.map(({ read }) => read.text), texts.texts(name)];
    const problem = `expected ${JSON.stringify(expected)}; came ${JSON.stringify(came)}`;
    check.holds(`${name}/prompt`, JSON.stringify(came) === JSON.stringify(expected), problem);
  }
  await check.compare(`${name}/state_normalised`, joinRows(runs.map(({ read }) => read.state)));
  const absent = new Float32Array(3 * model.imageSide ** 2).fill(-1);
  for (let camera = 0; golden.has(`${name}/image_in.${camera}`); camera++) {
    const pixels = runs.map(({ read }) => read.pixels[camera]);
    await check.compare(`${name}/image_in.${camera}`, joinRows(pixels.map((picture) => picture ?? absent)));
    const there = pixels.map((picture) => picture !== undefined);
    await check.compare(`${name}/image_mask.${camera}`, there, EXACT);
  }
}

/**
 * Embeddings, masks, places, hidden values, keys and values. What the reference computed for padding and absent cameras is
 * compared nowhere: here they are left out, and the rows that are there stand in the same order.
 * @param present which places of the reference's prefix hold something
 */
export async function checkPrefix(
  model: PiModel,
  check: GoldenCheck,
  name: string,
  runs: readonly PrefixRun[],
  present: (read: ReadObservation, places: number) => readonly boolean[],
): Promise<void> {
  const { golden } = check;
  const { text } = model.dims;
  const places = golden.shape(`${name}/prefix_pad_mask`)[1] as number;
  const masks = runs.map(({ read }) => present(read, places));
  await check.compare(`${name}/prefix_pad_mask`, masks.flat(), EXACT);
  const pairs = masks.flatMap((mask) => mask.flatMap((query) => mask.map((key) => query && key)));
  await check.compare(`${name}/prefix_attention_mask`, pairs, EXACT);
  /** Rows [batch, heads, places, width] of the reference that hold something. */
  const compare = async (part: string, came: readonly Float32Array[], width: number, heads = 1): Promise<void> => {
    const expected = await golden.float(`${name}/${part}`);
    const kept = expected.filter((_, i) => {
      const at = Math.floor(i / width);
      return masks[Math.floor(at / (heads * places))]?.[at % places] === true;
    });
    check.equal(`${name}/${part}`, joinRows(came), kept, part === "prefix_embs" ? EMBEDDINGS : FP32);
  };
  const embeds = runs.map((run) => run.embeds);
  await compare("prefix_embs", embeds, text.width);
  const positions = runs.flatMap(({ prefix }) => Array.from({ length: prefix.tokens }, (_, i) => i));
  await compare("prefix_position_ids", [Float32Array.from(positions)], 1);
  const hidden = runs.map(({ prefix }) => prefix.hidden ?? new Float32Array(0));
  await compare("prefix_hidden", hidden, text.width);
  const layers = { first: 0, last: text.depth - 1 };
  for (const [place, layer] of Object.entries(layers)) {
    for (const part of ["key", "value"]) {
      const came = runs.map(({ prefix }) => tokensOf(prefix, `${part.charAt(0)}.${layer}`, text.headDim));
      await compare(`kv.${place}.${part}`, came, text.headDim, text.kvHeads);
    }
  }
}

/** Keys or values without those of padding: float32[heads, tokens, width]. */
function tokensOf({ past, places, tokens }: Prefix, name: string, width: number): Float32Array {
  const values = past[name] ?? new Float32Array(0);
  return values.filter((_, i) => Math.floor(i / width) % places < tokens);
}
