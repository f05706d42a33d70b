/** The tensors of a π checkpoint by their names inside, bound to the graphs that read them. */
import { BiddenError } from "@bidden/runtime";
import type { Graph, Shape } from "@bidden/tensor";
import { quantisedSource } from "../../blocks/quantised.ts";
import type { Checkpoint } from "../../checkpoint/checkpoint.ts";
import { bindWeights, type Weights } from "../../checkpoint/weights.ts";
import { canonicalName, EMBEDDING, HEAD, type PiKind } from "./names.ts";

export type PiTensors = {
  /** Stored names by names inside. */
  readonly stored: ReadonlyMap<string, string>;
  /** Shapes by names inside. */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Stored names of what nothing reads. */
  readonly dead: readonly string[];
};

/** Sorts the stored names; two stored tensors that mean the same one are refused. */
export function piTensors(checkpoint: Checkpoint, kind: PiKind): PiTensors {
  const stored = new Map<string, string>();
  const shapes = new Map<string, Shape>();
  const dead: string[] = [];
  for (const [name, { shape }] of checkpoint.tensors) {
    const inside = canonicalName(name, kind);
    if (inside === null) {
      dead.push(name);
      continue;
    }
    const twin = stored.get(inside);
    if (twin !== undefined) {
      throw new BiddenError(
        "bad-checkpoint",
        `${checkpoint.label}: "${twin}" and "${name}" are the same weight twice.`,
        {
          tensor: name,
          twin,
        },
      );
    }
    stored.set(inside, name);
    shapes.set(inside, shape);
  }
  return { stored, shapes, dead };
}

/**
 * The stored name of the embedding table. Published files often hold it only as the output matrix, to which it is tied; where
 * both are there, they may differ, and this one is what words are read with.
 */
export function embeddingTensor(tensors: PiTensors): string {
  return tensors.stored.get(EMBEDDING) ?? tensors.stored.get(HEAD) ?? EMBEDDING;
}

/** The stored name of the output matrix. */
export function headTensor(tensors: PiTensors): string {
  return tensors.stored.get(HEAD) ?? tensors.stored.get(EMBEDDING) ?? HEAD;
}

/** Binds graphs strictly: an unknown tensor in the file is refused by name. */
export function bindPi(checkpoint: Checkpoint, tensors: PiTensors, graphs: readonly Graph[]): Weights {
  const unread = [...tensors.dead, embeddingTensor(tensors), headTensor(tensors)];
  const storedName = (name: string): string => {
    if (name === HEAD) return headTensor(tensors);
    return name === EMBEDDING ? embeddingTensor(tensors) : (tensors.stored.get(name) ?? name);
  };
  return bindWeights(checkpoint, graphs, {
    source: (parameter, shape) => quantisedSource(parameter, storedName, shape) ?? storedName(parameter),
    unused: unread.map((name) => new RegExp(`^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`)),
  });
}
