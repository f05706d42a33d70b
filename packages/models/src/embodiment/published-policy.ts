/** A published policy as a `Policy` of the contract, on a robot that it was matched with. */
import {
  type ActionChunk,
  BiddenError,
  type Belief,
  type Image,
  type InferRequest,
  type Observation,
  type Policy,
  type PolicyInfo,
} from "@bidden/runtime";
import type { FamilyChunk, PublishedPolicy } from "../checkpoint/family.ts";
import { robotActions } from "./actions.ts";
import type { Match, Robot } from "./match.ts";

export type Facts = {
  readonly robot: Robot;
  /** SHA-256 of the weights, hex. */
  readonly modelDigest: string;
  /** Statistics key, where the checkpoint has several. */
  readonly dataset?: string;
  /** Called when the policy is closed, after its sessions are. */
  readonly release: () => Promise<void>;
};

export function asPolicy(published: PublishedPolicy, match: Match, facts: Facts): Policy {
  return new MatchedPolicy(published, match, facts);
}

class MatchedPolicy implements Policy {
  readonly info: PolicyInfo;
  readonly #published: PublishedPolicy;
  readonly #match: Match;
  readonly #dataset: { readonly dataset?: string };
  readonly #release: () => Promise<void>;
  /** Policies keep state between predictions: one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(published: PublishedPolicy, match: Match, { robot, modelDigest, dataset, release }: Facts) {
    this.#published = published;
    this.#match = match;
    this.#release = release;
    this.#dataset = dataset === undefined ? {} : { dataset };
    const cameras: Record<string, { width: number; height: number }> = {};
    for (const { name, width, height, recorded } of published.info.cameras) {
      const own = match.cameras.get(name);
      if (own !== undefined) cameras[own] = recorded ?? { width, height };
    }
    this.info = {
      name: published.info.family,
      modelDigest,
      space: match.space,
      horizon: published.info.chunk,
      cameras,
      stateNames: robot.stateNames,
      historyLength: 0,
      heads: ["published"],
    };
  }

  async infer(observation: Observation, request: InferRequest): Promise<ActionChunk> {
    const { head = "published", seed } = request;
    if (head !== "published") {
      throw new BiddenError("bad-argument", `A published policy has one head, "published", not "${head}".`, { head });
    }
    const input = {
      images: this.#images(observation),
      state: Float32Array.from(this.#match.state, (index) => observation.state[index] as number),
      instruction: observation.instruction,
    };
    const before = this.#last.catch(() => null);
    const predicted = before.then(() => this.#published.predict(input, { seed, ...this.#dataset }));
    this.#last = predicted;
    const chunk = await predicted;
    return {
      values: robotActions(
        this.#match.action,
        chunk,
        this.#match.joints.map((index) => observation.state[index] ?? Number.NaN),
      ),
      horizon: chunk.horizon,
      space: this.#match.space,
      startNs: observation.captureNs,
      origin: {
        source: `policy:${this.info.name}/published`,
        modelDigest: this.info.modelDigest,
        observationId: observation.id,
        seed,
        stageMs: chunk.stageMs,
      },
      belief: beliefOf(chunk),
    };
  }

  async close(): Promise<void> {
    await this.#published.close();
    await this.#release();
  }

  #images(observation: Observation): Record<string, Image> {
    const images: Record<string, Image> = {};
    for (const [slot, camera] of this.#match.cameras) {
      const view = observation.cameras[camera];
      if (view === undefined) {
        throw new BiddenError("bad-argument", `The policy sees through "${camera}", which this observation lacks.`, {
          camera,
        });
      }
      images[slot] = view.image;
    }
    return images;
  }
}

/** A chunk that must not be executed holds the robot, and says why. */
function beliefOf({ executable, warnings }: FamilyChunk): Belief {
  const reason = warnings.length === 0 ? "The policy gave no usable actions." : warnings.join(" ");
  return { intent: executable ? { kind: "obey" } : { kind: "hold", reason }, done: 0, pointing: [] };
}
