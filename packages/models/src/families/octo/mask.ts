/**
 * Octo's block-wise attention (Octo Model Team 2024, arXiv:2405.12213; octo/model/components/block_transformer.py): groups of
 * tokens say by name which groups they attend to, and when.
 */
import { BiddenError } from "@bidden/runtime";

/** When tokens of a group may be attended to, by their time step; a prefix stands before all steps. */
export type AttentionRule = "never" | "causal" | "current" | "strict-past";

export type TokenGroup = {
  readonly name: string;
  /** "prefix" once (a task), "timestep" in every step of the window. */
  readonly kind: "prefix" | "timestep";
  /** Tokens of the group, in each step where it is a timestep group. */
  readonly tokens: number;
  /** By pattern of names ("obs_*"), the first that fits counts; none: never. */
  readonly rules: Readonly<Record<string, AttentionRule>>;
};

export type MaskOptions = {
  /** Steps of the window. */
  readonly window: number;
  /**
   * `use_correct_attention` of the configuration. Without it (the default, and all models of December 2023) the position lookup
   * is off by one at the borders of groups: the first token of each but the first group of a step counts as the group before.
   */
  readonly correct: boolean;
};

/** uint8[n, n]: 1 where the row's token attends to the column's. Prefix groups first, then the timestep groups of every step. */
export function blockMask(groups: readonly TokenGroup[], options: MaskOptions): Uint8Array {
  const places = tokenPlaces(groups, options);
  const mask = new Uint8Array(places.length ** 2);
  places.forEach((row, i) => {
    places.forEach((column, j) => {
      if (attends(row, column)) mask[i * places.length + j] = 1;
    });
  });
  return mask;
}

/**
 * The mask of a batch: a token that is padding is attended to by none.
 * @param valid uint8[batch, n], 0 for padding
 * @returns uint8[batch, n, n]
 */
export function batchMask(mask: Uint8Array, valid: Uint8Array): Uint8Array {
  const n = Math.round(Math.sqrt(mask.length));
  if (valid.length % n !== 0) {
    throw new BiddenError("bad-shape", `expected validity for rows of ${n} tokens; came ${valid.length} values.`);
  }
  const out = new Uint8Array((valid.length / n) * mask.length);
  for (let at = 0; at < out.length; at++) {
    const sample = Math.floor(at / mask.length);
    out[at] = (mask[at % mask.length] as number) & (valid[sample * n + (at % n)] as number);
  }
  return out;
}

/** What a token counts as. */
type Place = { readonly group: TokenGroup; readonly step: number };

const PREFIX_STEP = -1;

function tokenPlaces(groups: readonly TokenGroup[], { window, correct }: MaskOptions): Place[] {
  const prefix = groups.filter(({ kind }) => kind === "prefix");
  const timestep = groups.filter(({ kind }) => kind === "timestep");
  const once = (list: readonly TokenGroup[], step: number): Place[] =>
    Array.from({ length: list.reduce((sum, { tokens }) => sum + tokens, 0) }, (_, i) => ({
      group: groupAt(list, i, correct),
      step,
    }));
  const steps = Array.from({ length: window }, (_, step) => once(timestep, step));
  return [...once(prefix, PREFIX_STEP), ...steps.flat()];
}

/** The first group whose end lies behind the token; with the old lookup, behind or at it. */
function groupAt(groups: readonly TokenGroup[], token: number, correct: boolean): TokenGroup {
  let end = 0;
  for (const group of groups) {
    end += group.tokens;
    if (correct ? end > token : end >= token) return group;
  }
  throw new BiddenError("internal", "internal: a token behind the last group");
}

function attends(row: Place, column: Place): boolean {
  const rule = Object.entries(row.group.rules).find(([pattern]) => fits(pattern, column.group.name))?.[1] ?? "never";
  switch (rule) {
    case "never":
      return false;
    case "causal":
      return column.step <= row.step;
    case "current":
      return column.step === row.step;
    case "strict-past":
      return column.step < row.step;
    default:
      return rule satisfies never;
  }
}

/** Python's fnmatch, of which Octo uses the star alone. */
function fits(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return name === pattern;
  const last = rest.pop() ?? "";
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}

/** Octo's own rules: tasks see tasks, observations tasks and observations so far, readouts those too; nobody sees readouts. */
export function octoRules(name: string): Readonly<Record<string, AttentionRule>> {
  if (name.startsWith("task_")) return { "task_*": "causal" };
  if (name.startsWith("obs_")) return { "task_*": "causal", "obs_*": "causal" };
  return { "task_*": "causal", "obs_*": "causal", [name]: "causal" };
}
