/** Carries out the recipes: an RLDS episode to actions of the 7-D contract. Arithmetic is float32, as in the references. */

import { BiddenError } from "@bidden/runtime";
import { elementsOf } from "../dataset/columns.ts";
import type { EpisodeData } from "../dataset/types.ts";
import { standardGripper } from "./gripper.ts";
import { PROPRIO, type ProprioTerm } from "./proprio.ts";
import { OCTO_DIFFERENCES, RECIPES, type Slice, type Term } from "./recipes.ts";
import { eulerFromQuaternion } from "./rotations.ts";

/** Whose conventions: the same name means different things in the two. */
export type OxeProject = "openvla" | "octo";

export type NumberTable = { readonly width: number; readonly values: Float32Array };

export type StandardEpisode = {
  /** float32[length, 7] (or as wide as the recipe says). */
  readonly actions: NumberTable;
  /** float32[length, n]: openvla's with its padding, Octo's without; null where neither says what it is. */
  readonly proprio: NumberTable | null;
  readonly instructions: readonly string[];
  /** Steps [from, to) of the episode that are left. */
  readonly from: number;
  readonly to: number;
};

/** Columns of an episode: numbers by name, and the sentences. */
export type OxeColumns = {
  readonly length: number;
  numbers(key: string): NumberTable;
  texts(key: string): readonly string[] | null;
};

export function standardise(dataset: string, columns: OxeColumns, project: OxeProject): StandardEpisode {
  const recipe = RECIPES[dataset];
  if (recipe === undefined) {
    throw new BiddenError("unsupported", `No recipe for "${dataset}"; there are ${Object.keys(RECIPES).join(", ")}.`, {
      dataset,
    });
  }
  const differences = project === "octo" ? OCTO_DIFFERENCES[dataset] : undefined;
  const from = recipe.dropFirst === true && differences?.dropFirst !== false ? 1 : 0;
  const to = recipe.relabelFrom === undefined ? columns.length : columns.length - 1;
  const parts = recipe.action.map((term) => termValues(term, columns, from));
  const actions = joinColumns(parts, columns.length - from);
  if (recipe.relabelFrom !== undefined) relabel(actions, columns.numbers(recipe.relabelFrom), from);
  const texts = columns.texts(recipe.instruction ?? "language_instruction");
  const blank = differences?.blankInstruction === true || texts === null;
  const kept = Math.max(0, to - from);
  const terms = PROPRIO[dataset];
  const proprio = terms === undefined ? null : proprioOf(terms, columns, from, project);
  return {
    proprio: proprio === null ? null : firstRows(proprio, kept),
    actions: firstRows(actions, kept),
    instructions: blank ? Array.from({ length: kept }, () => "") : texts.slice(from, to),
    from,
    to: from + kept,
  };
}

function firstRows({ width, values }: NumberTable, rows: number): NumberTable {
  return { width, values: values.subarray(0, rows * width) };
}

function proprioOf(terms: readonly ProprioTerm[], columns: OxeColumns, drop: number, project: OxeProject): NumberTable {
  const filled = terms.map((term): Term => ("pad" in term ? { fill: 0, count: term.pad } : term));
  const bare = terms.filter((term): term is Term => !("pad" in term));
  const own = project === "openvla" ? filled : bare.length > 0 ? bare : [{ fill: 0, count: 1 }];
  return joinColumns(
    own.map((term) => termValues(term, columns, drop)),
    columns.length - drop,
  );
}

/** The columns of an episode that the RLDS reader gave. */
export function oxeColumns(episode: EpisodeData): OxeColumns {
  return {
    length: episode.length,
    numbers: (key) => {
      const column = episode.columns[key];
      if (column?.kind !== "numbers") {
        throw new BiddenError(
          "bad-dataset",
          `Column "${key}" is missing or holds no numbers; there are ${Object.keys(episode.columns).join(", ")}.`,
        );
      }
      return {
        width: elementsOf(column.shape),
        values: Float32Array.from(column.values as ArrayLike<number | bigint>, Number),
      };
    },
    texts: (key) => {
      const column = episode.columns[key];
      return column?.kind === "text" ? column.values : column?.kind === "numbers" ? episode.tasks : null;
    },
  };
}

function termValues(term: Term, columns: OxeColumns, drop: number): NumberTable {
  const frames = columns.length - drop;
  if ("fill" in term) return { width: term.count, values: new Float32Array(frames * term.count).fill(term.fill) };
  if ("take" in term) return sliced(columns, term.take, drop);
  if ("gripper" in term) {
    const { values } = sliced(columns, term.gripper, drop);
    return { width: 1, values: standardGripper(values, term.rule) };
  }
  const { values } = sliced(columns, term.euler, drop);
  const out = new Float32Array(frames * 3);
  for (let i = 0; i < frames; i++) {
    const [x, y, z, w] = values.subarray(i * 4, i * 4 + 4) as unknown as [number, number, number, number];
    out.set(eulerFromQuaternion([x, y, z, w]), i * 3);
  }
  return { width: 3, values: out };
}

/** Numbers [from, to) of a column, like Python's slices. */
function sliced(columns: OxeColumns, [key, from = 0, to]: Slice, drop: number): NumberTable {
  const { width, values } = columns.numbers(key);
  const at = (index: number): number => (index < 0 ? Math.max(0, width + index) : Math.min(width, index));
  const first = at(from);
  const last = to === undefined ? width : at(to);
  const size = Math.max(0, last - first);
  const frames = columns.length - drop;
  const out = new Float32Array(frames * size);
  for (let i = 0; i < frames; i++)
    out.set(values.subarray((i + drop) * width + first, (i + drop) * width + last), i * size);
  return { width: size, values: out };
}

function joinColumns(parts: readonly NumberTable[], frames: number): NumberTable {
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const values = new Float32Array(frames * width);
  let at = 0;
  for (const part of parts) {
    for (let i = 0; i < frames; i++)
      values.set(part.values.subarray(i * part.width, (i + 1) * part.width), i * width + at);
    at += part.width;
  }
  return { width, values };
}

/** Actions 0..5 become what the state did. */
function relabel(actions: NumberTable, states: NumberTable, drop: number): void {
  const frames = actions.values.length / actions.width;
  for (let i = 0; i + 1 < frames; i++) {
    for (let d = 0; d < 6; d++) {
      const now = states.values[(i + drop) * states.width + d] as number;
      actions.values[i * actions.width + d] = (states.values[(i + drop + 1) * states.width + d] as number) - now;
    }
  }
}
