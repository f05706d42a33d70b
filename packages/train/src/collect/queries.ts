/** Sentences for a scene, with what they should make the policy think. Only training templates and words are used. */
import type { Rng } from "@bidden/runtime";
import {
  askQuestion,
  isTelling,
  refer,
  type Question,
  rolesOf,
  type Scene,
  type SceneObject,
  sayOutside,
  sayTask,
  sayUnclear,
  type Task,
  tasksOf,
  type Unclear,
} from "@bidden/sim";
import type { Query } from "./columns.ts";
import { drawSome } from "./draw-some.ts";

const SPLIT = { split: "train" } as const;
/** Places are told more often than people do: relations are what is learned most slowly. */
const COMMAND = { ...SPLIT, placed: 0.35 } as const;

function indicesOf(scene: Scene, ids: readonly string[]): number[] {
  return ids.map((id) => scene.objects.findIndex((object) => object.id === id)).filter((index) => index >= 0);
}

/** What the scene's objects can be told apart by. */
export function thingsOf(scene: Scene): Readonly<Record<string, string>>[] {
  return scene.objects.map(({ colour, kind, size }) => ({ colour, kind, size }));
}

/** An instruction for a task that is possible in the scene. */
function commandQuery(scene: Scene, task: Task, rng: Rng): Query {
  const { act, place } = rolesOf(task);
  const { text, meanings } = sayTask(scene, task, rng, COMMAND);
  return {
    text,
    intent: "task",
    scene: "clear",
    act: indicesOf(scene, [act]),
    place: place === null ? [] : indicesOf(scene, [place]),
    skill: task.skill,
    says: meanings,
    answer: null,
  };
}

function questionQuery(scene: Scene, { text, answer, about }: Question): Query {
  const query: Query = { ...SAID, text, intent: "question", says: { act: about, place: null } };
  switch (answer.kind) {
    case "point":
      return { ...query, act: indicesOf(scene, answer.ids), place: [] };
    case "yes-no":
      return { ...query, answer: [answer.yes ? "yes" : "no"] };
    case "words":
      return { ...query, answer: answer.words.split(" ") };
    default:
      return answer satisfies never;
  }
}

/** What a sentence says without a picture: nothing about what is there. */
const SAID: Omit<Query, "text"> = {
  intent: "task",
  scene: null,
  act: null,
  place: null,
  skill: null,
  says: { act: null, place: null },
  answer: null,
};

type Doubtful = Extract<Unclear, { readonly kind: "ambiguous" | "impossible" }>;

function unclearQuery(scene: Scene, unclear: Doubtful): Query {
  const { text, role, partner, meanings: says } = unclear;
  const other = role === "act" ? "place" : "act";
  const query: Query = { ...SAID, text, says, [other]: partner === null ? [] : indicesOf(scene, [partner]) };
  if (unclear.kind === "ambiguous") {
    return { ...query, scene: "ambiguous", [role]: indicesOf(scene, unclear.candidates) };
  }
  const { object } = unclear;
  if (object === null) return { ...query, scene: "missing", [role]: [] };
  return { ...query, scene: "misuse", [role]: indicesOf(scene, [object]) };
}

/** Sentences that need no picture, so that they are true of any frame. */
function timelessQuery(scene: Scene, rng: Rng): Query {
  const kind = rng.pick(["garbage", "forbidden", "outside"] as const);
  if (kind === "outside") return { ...SAID, text: sayOutside(scene, rng, SPLIT).text, intent: "outside" };
  return { ...SAID, text: (sayUnclear(scene, kind, rng, SPLIT) as Unclear).text, intent: kind };
}

/** *Where is the red block?* of a thing that kind, colour and size tell from all others: true wherever things are by now. */
function whereQuery(scene: Scene, object: SceneObject, rng: Rng): Query {
  const phrase = refer(scene, object.id, rng, { split: "train", bare: true });
  const text = rng.pick(["where is the", "find the", "show me the", "which one is the", "look at the"]);
  const says = { act: phrase.meaning, place: null };
  return {
    ...SAID,
    text: `${text} ${phrase.text}`,
    intent: "question",
    act: indicesOf(scene, [object.id]),
    place: [],
    says,
  };
}

/** Several ways to ask for one task. */
export function commandQueries(scene: Scene, task: Task, rng: Rng, count: number): Query[] {
  return Array.from({ length: count }, () => commandQuery(scene, task, rng));
}

/** Sentences over an episode in which things move: none of them depends on where things are. */
export function movingQueries(scene: Scene, rng: Rng): Query[] {
  const telling = scene.objects.filter((object) => isTelling(scene, object.id));
  const where = telling.length === 0 ? [] : [1, 2, 3].map(() => whereQuery(scene, rng.pick(telling), rng));
  return [...where, timelessQuery(scene, rng), timelessQuery(scene, rng)];
}

/** Sentences about a scene in which everything stands where it started: `count` of seven kinds of things to say. */
export function sceneQueries(scene: Scene, rng: Rng, count: number): Query[] {
  const tasks = tasksOf(scene);
  const command = (): Query => {
    // Skills are asked for about equally often, however many tasks of each the scene allows.
    const skill = rng.pick([...new Set(tasks.map((task) => task.skill))]);
    return commandQuery(scene, rng.pick(tasks.filter((task) => task.skill === skill)), rng);
  };
  const unclear = (kind: "ambiguous" | "impossible"): Query[] => {
    const said = sayUnclear(scene, kind, rng, SPLIT);
    return said?.kind === "ambiguous" || said?.kind === "impossible" ? [unclearQuery(scene, said)] : [];
  };
  const all = [
    command(),
    command(),
    command(),
    questionQuery(scene, askQuestion(scene, rng, SPLIT)),
    ...unclear("ambiguous"),
    ...unclear("impossible"),
    timelessQuery(scene, rng),
  ];
  return drawSome(all, count, rng);
}
