/** The inputs of a golden case: stored with it, shared with another case, or made from the raw observations. */
import type { GoldenCheck, GoldenSet } from "../../checkpoint/golden.ts";
import type { Pixels } from "./engine.ts";
import { promptOf, toPixels } from "./inputs.ts";
import { imageMarks, prepareState, type SmolVlaParts } from "./policy.ts";
import { layOut, type PrefixLayout } from "./prefix.ts";

/** One sample of a case. */
export type GoldenRow = {
  /** Number of the raw observation that it shows; -1 where none fits. */
  readonly observation: number;
  readonly layout: PrefixLayout;
  /** By slot; null where masked. */
  readonly images: readonly (Pixels | null)[];
  /** float32[stateWidth]. */
  readonly state: Float32Array;
  readonly tokens: readonly number[];
  readonly tokenMask: readonly number[];
};

/** The set in which a case's inputs stand, and under which name. */
function inputsOf(check: GoldenCheck, name: string): readonly [GoldenSet, string] {
  const plain = name.replace(/_(fp32|bf16)math$/, "");
  const { golden, base } = check;
  return [base === null || golden.has(`${plain}/state_in`) ? golden : base, plain];
}

/** Where the raw observations stand. */
function rawOf(check: GoldenCheck): GoldenSet {
  return check.golden.names("raw/").length > 0 || check.base === null ? check.golden : check.base;
}

export async function goldenRows(check: GoldenCheck, parts: SmolVlaParts, name: string): Promise<GoldenRow[]> {
  const [set, plain] = inputsOf(check, name);
  const { config } = parts.engine;
  const states = chunksOf(await set.float(`${plain}/state_in`), config.stateWidth);
  const [tokens, tokenMask] = await tokensOf(set, plain, states);
  const slots = set.names(`${plain}/image_mask.`);
  const masks = await Promise.all(slots.map((slot) => set.float(slot)));
  const words = tokens.length / states.length;
  return Promise.all(
    states.map(async (state, row) => {
      const observation = await matching(rawOf(check), parts, state);
      const present = masks.map((mask) => mask[row] === 1);
      const images = await Promise.all(
        present.map((is, slot) =>
          is ? goldenImage(check, parts, { set, plain, slot, row, observation }) : Promise.resolve(null),
        ),
      );
      const ids = tokens.slice(row * words, (row + 1) * words);
      const mask = tokenMask.slice(row * words, (row + 1) * words);
      const marks = imageMarks(config, parts.words);
      const layout = layOut(config, { images: present, tokens: ids, tokenMask: mask, ...marks });
      return { observation, layout, images, state, tokens: ids, tokenMask: mask };
    }),
  );
}

/** Ids and their mask; a case without its own has those of the one with the same states. */
async function tokensOf(
  set: GoldenSet,
  plain: string,
  states: readonly Float32Array[],
): Promise<readonly [number[], number[]]> {
  const read = async (name: string): Promise<readonly [number[], number[]]> => [
    [...(await set.float(`${name}/tokens`))],
    [...(await set.float(`${name}/token_mask`))],
  ];
  if (set.has(`${plain}/tokens`)) return read(plain);
  const own = states.flatMap((state) => [...state]).join();
  for (const other of set.names().filter((name) => name.endsWith("/tokens"))) {
    const name = other.slice(0, -"/tokens".length);
    if (set.has(`${name}/state_in`) && (await set.float(`${name}/state_in`)).join() === own) return read(name);
  }
  return read(plain);
}

function known({ engine, normalisations }: SmolVlaParts): Parameters<typeof prepareState>[0] {
  return { config: engine.config, normalisations };
}

/** The raw observation whose state becomes this one. */
async function matching(raw: GoldenSet, parts: SmolVlaParts, state: Float32Array): Promise<number> {
  for (let i = 0; raw.has(`raw/${i}/state`); i++) {
    const prepared = prepareState(known(parts), await raw.float(`raw/${i}/state`));
    if (prepared.every((value, j) => Math.abs(value - (state[j] as number)) < 1e-4)) return i;
  }
  return -1;
}

type ImagePlace = {
  readonly set: GoldenSet;
  readonly plain: string;
  readonly slot: number;
  readonly row: number;
  readonly observation: number;
};

async function goldenImage(check: GoldenCheck, parts: SmolVlaParts, place: ImagePlace): Promise<Pixels> {
  const { set, plain, slot, row, observation } = place;
  const name = `${plain}/image_in.${slot}`;
  if (!set.has(name)) return rawPixels(rawOf(check), parts, observation, slot);
  const [, , height, width] = set.shape(name) as readonly [number, number, number, number];
  const data = chunksOf(await set.float(name), 3 * height * width)[row] as Float32Array;
  return { data, height, width };
}

/** A camera of a raw observation as the network sees it. */
export async function rawPixels(
  raw: GoldenSet,
  { engine }: SmolVlaParts,
  observation: number,
  camera: number,
): Promise<Pixels> {
  const name = `raw/${observation}/image.${camera}`;
  const [height, width] = raw.shape(name) as readonly [number, number, number];
  return toPixels(engine.config, { width, height, data: await raw.bytes(name) });
}

/** Compares what is made of the raw observations with what the reference made of them. */
export async function checkInputs(
  check: GoldenCheck,
  parts: SmolVlaParts,
  name: string,
  rows: readonly GoldenRow[],
): Promise<void> {
  const { golden } = check;
  const raw = rawOf(check);
  const prompts = (raw.facts.has("prompts") ? raw : golden).facts.texts("prompts", []);
  for (const [i, row] of rows.entries()) {
    if (row.observation < 0) continue;
    const prepared = prepareState(known(parts), await raw.float(`raw/${row.observation}/state`));
    check.equal(`${name}/state_in (row ${i}, from raw)`, prepared, row.state, { relL2: 5e-6, maxAbs: 5e-5 });
    const prompt = prompts[row.observation];
    if (prompt !== undefined) {
      const ids = row.tokens.filter((_, at) => row.tokenMask[at] === 1);
      // The reference cuts what is too long; a policy that is asked refuses it.
      const own = parts.words.encode(promptOf(prompt)).slice(0, parts.engine.config.maxTokens);
      check.equal(`${name}/tokens (row ${i}, from text)`, own, ids);
    }
    for (const [slot, image] of row.images.entries()) {
      if (image === null || !golden.has(`${name}/image_in.${slot}`)) continue;
      const cameras = raw.names(`raw/${row.observation}/image.`).map((_, camera) => camera);
      const seen = await Promise.all(cameras.map((camera) => rawPixels(raw, parts, row.observation, camera)));
      const closest = seen.reduce((a, b) => (distance(a, image) <= distance(b, image) ? a : b));
      check.equal(`${name}/image_in.${slot} (row ${i}, from raw)`, closest.data, image.data, {
        relL2: 5e-6,
        maxAbs: 5e-5,
      });
    }
  }
}

function distance(a: Pixels, b: Pixels): number {
  if (a.data.length !== b.data.length) return Infinity;
  return a.data.reduce((sum, value, i) => sum + (value - (b.data[i] as number)) ** 2, 0);
}

/** Pieces of equal length. */
export function chunksOf(values: Float32Array, length: number): Float32Array[] {
  return Array.from({ length: values.length / length }, (_, i) => values.slice(i * length, (i + 1) * length));
}
