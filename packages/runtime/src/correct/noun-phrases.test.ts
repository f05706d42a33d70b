import { expect, test } from "vitest";
import { nounPhrases } from "./noun-phrases.ts";

test.each([
  ["pick up the purple ball", { act: "purple ball" }],
  ["Could you put the Red block on the blue plate, please?", { act: "Red block", place: "blue plate" }],
  ["in the bowl, put the green can", { act: "green can", place: "bowl" }],
  ["push the block left of the bowl onto the pink square", { act: "block left of the bowl", place: "pink square" }],
  ["stack the red cube on top of the green brick", { act: "red cube", place: "green brick" }],
  ["put the banana in the big white bowl", { act: "banana", place: "big white bowl" }],
  ["pick up the frobnicator now", { act: "frobnicator" }],
  ["can you pick up the can", { act: "can" }],
  ["pick up the yelow blcok", { act: "yelow blcok" }],
  ["point to the violet orb", { act: "violet orb" }],
  ["open the drawer", { act: "drawer" }],
  ["red cube up", { act: "red cube" }],
  ["throw it", {}],
  ["", {}],
])("%j names %j", (text, phrases) => expect(nounPhrases(text)).toEqual(phrases));
