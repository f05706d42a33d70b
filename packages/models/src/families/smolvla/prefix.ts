/**
 * The prefix as a list of places: images in their order, the instruction, the state, and padding. Laid out as the reference does
 * it, masks and positions included; then everything that nobody may attend to is dropped, which changes no result.
 */
import type { SmolVlaConfig } from "./config.ts";

export type Place =
  /** Token `index` of the image in slot `slot`. */
  | { readonly kind: "image"; readonly slot: number; readonly index: number }
  /** A special token around an image, not scaled. */
  | { readonly kind: "special"; readonly id: number }
  | { readonly kind: "word"; readonly id: number }
  | { readonly kind: "state" }
  | { readonly kind: "padding" };

export type PrefixLayout = {
  readonly places: readonly Place[];
  /** 1 where the place is no padding: uint8[places]. */
  readonly valid: Uint8Array;
  /** Running number of the block of places that see each other; a place sees blocks up to its own. */
  readonly block: Int32Array;
};

export type PrefixInputs = {
  /** Whether the image of each slot is there. */
  readonly images: readonly boolean[];
  /** Ids of the instruction, padding included, and which of them are no padding. */
  readonly tokens: ArrayLike<number>;
  readonly tokenMask: ArrayLike<number>;
  /** Ids that stand before and after every image; empty without special tokens. */
  readonly imageStart: readonly number[];
  readonly imageEnd: readonly number[];
};

/** Tokens of one image. */
export function tokensPerImage(config: SmolVlaConfig): number {
  const { vision, imageSize, shuffle } = config;
  const width = imageSize?.width ?? vision.side * vision.patch;
  const height = imageSize?.height ?? vision.side * vision.patch;
  return (Math.floor(width / vision.patch) * Math.floor(height / vision.patch)) / shuffle ** 2;
}

/** The reference's layout. Special tokens stay valid around an image that is masked. */
export function layOut(config: SmolVlaConfig, inputs: PrefixInputs): PrefixLayout {
  const places: Place[] = [];
  const valid: number[] = [];
  const put = (place: Place, isValid: boolean): void => {
    places.push(place);
    valid.push(isValid ? 1 : 0);
  };
  inputs.images.forEach((present, slot) => {
    for (const id of inputs.imageStart) put({ kind: "special", id }, true);
    for (let index = 0; index < tokensPerImage(config); index++) put({ kind: "image", slot, index }, present);
    for (const id of inputs.imageEnd) put({ kind: "special", id }, true);
  });
  for (let i = 0; i < inputs.tokens.length; i++) {
    put({ kind: "word", id: inputs.tokens[i] as number }, inputs.tokenMask[i] === 1);
  }
  put({ kind: "state" }, true);
  while (places.length < config.prefixLength) put({ kind: "padding" }, false);
  let block = 0;
  const blocks = places.map(({ kind }) => (kind === "state" ? ++block : block));
  return { places, valid: Uint8Array.from(valid), block: Int32Array.from(blocks) };
}

/** Number of valid places before each, itself included, less 1: padding repeats the last one's. */
export function positionsOf({ valid }: PrefixLayout): Int32Array {
  let count = -1;
  return Int32Array.from(valid, (isValid) => (count += isValid));
}

export function countValid({ valid }: PrefixLayout): number {
  return valid.reduce((sum, isValid) => sum + isValid, 0);
}

/** uint8[places, places]: 1 where the place of the row may attend to that of the column. */
export function attentionOf({ valid, block }: PrefixLayout): Uint8Array {
  const n = valid.length;
  const mask = new Uint8Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const allowed = valid[i] === 1 && valid[j] === 1 && (block[j] as number) <= (block[i] as number);
      mask[i * n + j] = allowed ? 1 : 0;
    }
  }
  return mask;
}

/** Places of the actions after the prefix. */
export function actionPositions(layout: PrefixLayout, chunk: number): Int32Array {
  const offset = countValid(layout);
  return Int32Array.from({ length: chunk }, (_, i) => offset + i);
}

/** uint8[chunk, places + chunk]: what each action may attend to. */
export function actionAttention({ valid }: PrefixLayout, chunk: number): Uint8Array {
  const n = valid.length;
  const mask = new Uint8Array(chunk * (n + chunk));
  for (let i = 0; i < chunk; i++) {
    mask.set(valid, i * (n + chunk));
    mask.fill(1, i * (n + chunk) + n, i * (n + chunk) + n + i + 1);
  }
  return mask;
}

/**
 * Only the places that are attended to, then padding up to a multiple of `grain`: few lengths, so that few graphs serve all
 * instructions. @returns the layout, and the old number of every place that stayed
 */
export function compact(
  layout: PrefixLayout,
  grain: number,
): { readonly layout: PrefixLayout; readonly kept: Int32Array } {
  const kept = Int32Array.from(layout.places.keys()).filter((i) => layout.valid[i] === 1);
  const length = Math.ceil(kept.length / grain) * grain;
  const places = Array.from({ length }, (_, i): Place => {
    return i < kept.length ? (layout.places[kept[i] as number] as Place) : { kind: "padding" };
  });
  const last = layout.block[kept.at(-1) as number] as number;
  return {
    kept,
    layout: {
      places,
      valid: Uint8Array.from(places, (_, i) => (i < kept.length ? 1 : 0)),
      block: Int32Array.from(places, (_, i) => (i < kept.length ? (layout.block[kept[i] as number] as number) : last)),
    },
  };
}
