/** OpenVLA as a policy: one image and a sentence to one action, decoded greedily id by id. */
import { BiddenError } from "@bidden/runtime";
import type {
  FamilyChunk,
  FamilyInfo,
  FamilyObservation,
  PredictOptions,
  PublishedPolicy,
} from "../../checkpoint/family.ts";
import type { Fields } from "../../checkpoint/json.ts";
import { type ActionBins, isAction, valueOfId } from "./bins.ts";
import { type OpenvlaModel, withImages } from "./model.ts";
import { type ImageForm, planesOf, squareImage } from "./pixels.ts";
import { promptIds, promptOf, type PromptTokenizer } from "./prompt.ts";
import { chooseStatistics, type Range, rangeOf, unnormalise } from "./statistics.ts";

/** What the checkpoint calls its one image. */
export const CAMERA = "full_image";

export type OpenvlaParts = {
  readonly info: FamilyInfo;
  readonly model: OpenvlaModel;
  readonly tokenizer: PromptTokenizer;
  readonly statistics: Fields;
  readonly dataset: string | undefined;
  readonly imageForm: ImageForm;
};

export class OpenvlaPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: OpenvlaParts;

  constructor(parts: OpenvlaParts) {
    this.#parts = parts;
    this.info = parts.info;
  }

  /** The seed is not used: decoding takes the likeliest id. */
  async predict(observation: FamilyObservation, options: PredictOptions): Promise<FamilyChunk> {
    const { model, tokenizer, statistics } = this.#parts;
    const { config } = model;
    const { action } = chooseStatistics(statistics, options.dataset ?? this.#parts.dataset);
    const range = rangeOf(action, "bounds_q99");
    const image = observation.images[CAMERA];
    if (image === undefined) {
      const came = Object.keys(observation.images).join(", ") || "none";
      throw new BiddenError("embodiment-mismatch", `OpenVLA reads one image, "${CAMERA}"; came ${came}.`, {
        field: "cameras",
        expected: CAMERA,
      });
    }
    const began = performance.now();
    const square = squareImage(image, config.pixels, this.#parts.imageForm);
    const pixels = planesOf(square, config.pixels, config.towers.length);
    const prepared = performance.now();
    const ids = promptIds(tokenizer, promptOf(observation.instruction, config.prompt));
    const [{ projected }] = await Promise.all([model.see(pixels), model.prepare()]);
    const seen = performance.now();
    const embeds = withImages(await model.embed(ids), config.llama.width, [projected]);
    const decoded = await model.decode(embeds, range.low.length, tokenizer.eos);
    const stageMs = {
      preprocess: prepared - began,
      vision: seen - prepared,
      sequence: decoded.sequenceMs,
      tokens: performance.now() - seen - decoded.sequenceMs,
    };
    return { ...actionOf(decoded.ids, range, config, tokenizer.eos), horizon: 1, dim: range.low.length, stageMs };
  }

  reset(): void {
    // Nothing is kept between actions.
  }

  close(): Promise<void> {
    return this.#parts.model.close();
  }
}

/**
 * Ids to motion. The reference clips an id that is no action to the nearest bin, an extreme motion: the same numbers come out
 * here, and the chunk says that it must not be executed.
 */
export function actionOf(
  ids: readonly number[],
  range: Range,
  bins: ActionBins,
  eos: number,
): Pick<FamilyChunk, "actions" | "normalised" | "warnings" | "executable"> {
  const dim = range.low.length;
  const strangers = ids.flatMap((id, i) => (isAction(id, bins) ? [] : [`id ${id} at ${i}`]));
  const warnings = [
    ...(strangers.length === 0 ? [] : [`an id outside the action bins won: ${strangers.join(", ")}`]),
    ...(ids.length < dim ? [`the model ended after ${ids.length} of ${dim} ids (id ${eos} ends a text)`] : []),
  ];
  const values = Float64Array.from({ length: dim }, (_, i) => (i < ids.length ? valueOfId(ids[i] as number, bins) : 0));
  return {
    actions: unnormalise(values, range, 0),
    normalised: Float32Array.from(values),
    warnings,
    executable: warnings.length === 0,
  };
}
