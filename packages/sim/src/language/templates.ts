/**
 * The sentences of each skill, as frames (`frames/`). Slots: {o} what is acted on, {t} where it goes, {-o} and {-t} the same
 * without an article, {in} the preposition that suits the target (in a bowl, on a plate), {into} the one of motion.
 */
import type { Skill } from "../types.ts";
import { CLOSE } from "./frames/close-drawer.ts";
import type { Frames } from "./frames/frames.ts";
import { OPEN } from "./frames/open-drawer.ts";
import { PICK } from "./frames/pick.ts";
import { POINT } from "./frames/point.ts";
import { PUSH } from "./frames/push.ts";
import { PUT } from "./frames/put.ts";
import { STACK } from "./frames/stack.ts";

const FRAMES: Readonly<Record<Skill, Frames>> = {
  pick: PICK,
  put: PUT,
  push: PUSH,
  stack: STACK,
  "open-drawer": OPEN,
  "close-drawer": CLOSE,
  point: POINT,
};

export type Template = {
  /** Such as "pick/07"; held-out ones "pick/held-03". */
  readonly id: string;
  readonly skill: Skill;
  readonly frame: string;
  readonly heldOut: boolean;
};

/** All sentence frames; ids are stable as long as frames are only appended. */
export const TEMPLATES: readonly Template[] = Object.entries(FRAMES).flatMap(([skill, { train, heldOut }]) => {
  const number = (index: number): string => String(index + 1).padStart(2, "0");
  return [
    ...train.map((frame, i) => ({ id: `${skill}/${number(i)}`, skill: skill as Skill, frame, heldOut: false })),
    ...heldOut.map((frame, i) => ({ id: `${skill}/held-${number(i)}`, skill: skill as Skill, frame, heldOut: true })),
  ];
});
