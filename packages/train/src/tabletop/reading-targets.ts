/** What a sentence's words teach, whatever picture it is said about. Pure functions over plain arrays. */
import {
  DESCRIBED,
  type Int8Rows,
  PLACINGS,
  SKILLS,
  STRANGE,
  type TabletopConfig,
  TEXT_INTENTS,
  UNSAID,
  unpackRow,
} from "@bidden/models";
import { BiddenError } from "@bidden/runtime";
import type { Meaning } from "@bidden/sim";
import type { Query } from "../collect/columns.ts";
import { type ReadingArrays, row } from "./batch.ts";
import type { AttributeNames } from "./targets.ts";

/** Writes row `at` of `rows`, which is zero before. */
export function readingTarget(
  arrays: Omit<ReadingArrays, "text" | "textMask">,
  { at, rows }: { readonly at: number; readonly rows: number },
  { intent, skill, says }: Query,
  { attributes }: Pick<TabletopConfig, "attributes">,
): void {
  mark(row(arrays.textIntentTarget, at, rows), TEXT_INTENTS, intent);
  if (skill !== null) mark(row(arrays.skillTarget, at, rows), SKILLS, skill);
  const described = [says.act, says.place, says.act?.landmark ?? null, says.place?.landmark ?? null];
  described.forEach((meaning, index) => {
    if (meaning === null) return;
    const [slot, slots] = [at * DESCRIBED.length + index, rows * DESCRIBED.length];
    askedTarget(meaning, attributes, row(arrays.askedTarget, slot, slots));
    excludedTarget(meaning, attributes, row(arrays.excludedTarget, slot, slots));
  });
  [says.act, says.place].forEach((meaning, channel) => {
    if (meaning === null) return;
    const target = row(arrays.placingTarget, at * 2 + channel, rows * 2);
    if (meaning.placing === null) target[PLACINGS.length] = 1;
    else mark(target, PLACINGS, meaning.placing);
  });
}

/** What is asked for by attribute: one of its values, nothing, or something that nothing here is. */
export function askedTarget(meaning: Meaning, attributes: AttributeNames, out: Float32Array): void {
  let start = 0;
  for (const { name, values } of attributes) {
    const said = meaning[name as keyof Meaning] as string | null;
    const own = out.subarray(start, start + values.length + 2);
    if (said === null) own[values.length + UNSAID] = 1;
    else if (said === "strange") own[values.length + STRANGE] = 1;
    else mark(own, values, said);
    start += own.length;
  }
}

/** The value that it must not have, among all of them side by side, or last: none. */
export function excludedTarget({ notColour }: Meaning, attributes: AttributeNames, out: Float32Array): void {
  if (notColour === null) out[out.length - 1] = 1;
  else
    mark(
      out,
      attributes.flatMap(({ values }) => values),
      notColour,
    );
}

/** Writes sentence `at`'s tokens and their mask, which is zero before. */
export function readText(
  { text, textMask }: Pick<ReadingArrays, "text" | "textMask">,
  at: number,
  tokens: Int8Rows,
  { textTokens, textWidth }: TabletopConfig,
): void {
  for (let token = 0; token < tokens.rows; token++)
    unpackRow(tokens, token, text, (at * textTokens + token) * textWidth);
  textMask.fill(-10_000, at * textTokens + tokens.rows, (at + 1) * textTokens);
}

/** Sets the place of a name to 1. */
export function mark(target: Float32Array, names: readonly string[], name: string): void {
  const index = names.indexOf(name);
  if (index < 0) {
    throw new BiddenError("bad-dataset", `The data speak of "${name}"; this policy knows ${names.join(", ")}.`, {
      name,
    });
  }
  target[index] = 1;
}
