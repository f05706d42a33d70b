/**
 * Frames beyond the templates, which the parser understands and the generator never says. `@` is any preposition, `<v>`
 * each verb of the group's list.
 */
import type { Deed } from "./patterns.ts";

type Group = { readonly deed: Deed; readonly verbs?: string; readonly frames: string };

const GRASPS =
  "pick|grab|take|lift|get|grasp|raise|hoist|fetch|snatch|collect|scoop|seize|hold|elevate|retrieve|clutch|grip|catch|gather|bring";
const PUTS =
  "put|place|set|lay|drop|park|deposit|pop|leave|stick|position|rest|move|bring|carry|transfer|transport|relocate|dump|stow|insert|stack|" +
  "pile|balance|perch|heap|get|pick|take|grab|lift|shift|store|sort|plop|release|plonk|slip|tuck|dunk|deliver|add";
const PUSHES = "push|shove|slide|nudge|scoot|shift|drag|sweep|herd|roll|pull|scooch|slip|guide|steer";

const GROUPS: readonly Group[] = [
  {
    deed: "pick",
    verbs: GRASPS,
    frames:
      "<v> {o}|<v> up {o}|<v> {o} up|<v> hold of {o}|<v> me {o}|<v> {o} off the table|<v> {o} from the table|<v> {o} up off the table|" +
      "<v> {o} up from the table|<v> up {o} from the table|<v> {o} and hold it|<v> {o} and hold it up|<v> {o} into the air|" +
      "<v> {o} with the gripper|<v> {o} with your gripper|<v> {o} and lift it|<v> {o} and lift it up|<v> {o} and raise it|" +
      "{o} <v> it|{o} <v> it up|i want {o} <v>|i need {o} <v>|id like {o} <v>|i want {o} <v> up|i need {o} <v> up|id like {o} <v> up|" +
      "can {o} be <v>|could {o} be <v>|can {o} be <v> up|could {o} be <v> up",
  },
  {
    deed: "pick",
    frames:
      "id like to have {o}|i want {o}|i need {o}|id like {o}|i would like {o}|give me {o}|hand me {o}|pass me {o}|i want {o} up|" +
      "i want {o} lift|i want {o} in the air|{o} in the air",
  },
  ...["put", "place", "set", "drop", "lay", "stack", "leave", "move", "park", "bring", "push"].map(
    (second): Group => ({
      deed: second === "push" ? "push" : "put",
      verbs: GRASPS,
      frames: [
        `and ${second} it`,
        `then ${second} it`,
        `and then ${second} it`,
        `and ${second}`,
        `then ${second}`,
        second,
      ]
        .map((rest) => `${rest} @ {t}`)
        .map((rest) => `<v> {o} ${rest}|<v> up {o} ${rest}|<v> {o} up ${rest}`)
        .join("|"),
    }),
  ),
  {
    deed: "put",
    verbs: PUTS,
    frames:
      "<v> {o} @ {t}|<v> {o} down @ {t}|@ {t} <v> {o}|<v> {o} so that it is @ {t}|have {o} <v> @ {t}|i want {o} <v> @ {t}|" +
      "id like {o} <v> @ {t}|i need {o} <v> @ {t}|can {o} be <v> @ {t}|could {o} be <v> @ {t}",
  },
  {
    deed: "put",
    frames:
      "{o} @ {t}|id like to have {o} @ {t}|i want to have {o} @ {t}|{o} has to go @ {t}|{o} must go @ {t}|{o} to be @ {t}|" +
      "id like to see {o} @ {t}|i would like {o} @ {t}|{o} should go @ {t}|{o} should end up @ {t}",
  },
  {
    deed: "push",
    verbs: PUSHES,
    frames:
      "<v> {o} @ {t}|<v> {o} along the table @ {t}|<v> {o} across the table @ {t}|<v> {o} over the table @ {t}|" +
      "<v> {o} until it is @ {t}|<v> {o} until it reaches {t}|i want {o} <v> @ {t}|id like {o} <v> @ {t}|i need {o} <v> @ {t}|@ {t} <v> {o}",
  },
  {
    deed: "open",
    verbs: "open|pull|slide|draw|tug|yank|get|push",
    frames: "<v> {o} open|<v> open {o}|<v> {o} out|<v> out {o}",
  },
  {
    deed: "open",
    frames:
      "open {o}|open {o} up|{o} open|i want {o} open|i want {o} opened|id like {o} opened|keep {o} open|leave {o} open|" +
      "{o} should be opened|open {o} completely",
  },
  {
    deed: "close",
    verbs: "close|shut|push|slide|ease|press|shove|seal|get|pull|move",
    frames: "<v> {o} shut|<v> {o} closed|<v> {o} in|<v> {o} back in|<v> in {o}",
  },
  { deed: "close", frames: "close {o}|shut {o}|seal {o}|{o} shut|i want {o} closed|close {o} up|close {o} completely" },
  {
    deed: "point",
    verbs: "point|gesture|aim|look|hover",
    frames: "<v> at {o}|<v> to {o}|<v> towards {o}|<v> toward {o}|<v> out {o}|<v> over {o}|<v> above {o}",
  },
  {
    deed: "point",
    frames:
      "show {o}|show me {o}|indicate {o}|identify {o}|locate {o}|highlight {o}|find {o}|point your gripper to {o}|" +
      "point your arm at {o}|point the gripper at {o}|point with your gripper at {o}",
  },
];

/** A frame with the verbs that may stand for its `<v>`. */
export type ExtraFrame = { readonly deed: Deed; readonly frame: string; readonly verbs: readonly string[] };

export function extraFrames(): ExtraFrame[] {
  return GROUPS.flatMap(({ deed, verbs, frames }) =>
    frames.split("|").map((frame) => ({ deed, frame, verbs: verbs?.split("|") ?? [] })),
  );
}
