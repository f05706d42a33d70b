/** ACT as a policy: an observation in, a chunk of actions out; with temporal ensembling, one averaged action. */
import type { Session } from "@bidden/tensor";
import type { FamilyChunk, FamilyInfo, FamilyObservation, PublishedPolicy } from "../../checkpoint/family.ts";
import { verdictOf } from "../../checkpoint/verdict.ts";
import type { Normalisations } from "../lerobot/normalise.ts";
import { seeObservation } from "../lerobot/observe.ts";
import { ActionQueue, TemporalEnsembler } from "../lerobot/steps.ts";
import type { ActConfig } from "./config.ts";

export type ActParts = {
  readonly info: FamilyInfo;
  readonly config: ActConfig;
  readonly normalisations: Normalisations;
  readonly session: Session;
};

export class ActPolicy implements PublishedPolicy {
  readonly info: FamilyInfo;
  readonly #parts: ActParts;
  readonly #ensemble: TemporalEnsembler | null;
  readonly #queue: ActionQueue;

  constructor(parts: ActParts) {
    const { chunk, actionDim, actionSteps, ensembleCoefficient } = parts.config;
    this.info = parts.info;
    this.#parts = parts;
    this.#queue = new ActionQueue(actionSteps, actionDim);
    this.#ensemble = ensembleCoefficient === null ? null : new TemporalEnsembler(ensembleCoefficient, chunk, actionDim);
  }

  async predict(observation: FamilyObservation): Promise<FamilyChunk> {
    const { config, normalisations, session } = this.#parts;
    const began = performance.now();
    const seen = seeObservation(observation, config, normalisations);
    const feeds = {
      ...Object.fromEntries(seen.images.map((image, i) => [`image.${i}`, image])),
      ...(config.stateDim > 0 ? { state: seen.state } : {}),
      ...(config.environmentDim > 0 ? { environment: seen.environment } : {}),
    };
    const prepared = performance.now();
    const out = await session.run(feeds, ["actions"]);
    const chunk = out.actions?.data as Float32Array;
    const normalised = this.#ensemble === null ? chunk : this.#ensemble.update(chunk);
    const actions = normalisations.action.restore(normalised);
    return {
      actions,
      normalised,
      horizon: normalised.length / config.actionDim,
      dim: config.actionDim,
      stageMs: { preprocess: prepared - began, infer: performance.now() - prepared },
      ...verdictOf(actions),
    };
  }

  /**
   * One action a control step, as LeRobot's `select_action`: the next of the chunk under way, or the ensemble's.
   * @returns float32[actionDim] in the checkpoint's units
   */
  async select(observation: FamilyObservation): Promise<Float32Array> {
    if (this.#queue.empty) this.#queue.fill((await this.predict(observation)).actions);
    return this.#queue.next();
  }

  reset(): void {
    this.#queue.reset();
    this.#ensemble?.reset();
  }

  close(): Promise<void> {
    return this.#parts.session.close();
  }
}
