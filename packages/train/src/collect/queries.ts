/** Sentences for a scene, with what they should make the policy think. Only training templates and words are used. */
import type { Rng } from "@bidden/runtime";
import {
  askQuestion,
  type Question,
  rolesOf,
  type Scene,
  sayTask,
  sayUnclear,
  type Task,
  tasksOf,
  type Unclear,
} from "@bidden/sim";
import type { Query } from "./columns.ts";

const SPLIT = { split: "train" } as const;

function indicesOf(scene: Scene, ids: readonly string[]): number[] {
  return ids.map((id) => scene.objects.findIndex((object) => object.id === id)).filter((index) => index >= 0);
}

/** What the scene's objects can be told apart by. */
export function thingsOf(scene: Scene): Readonly<Record<string, string>>[] {
  return scene.objects.map(({ colour, kind, size }) => ({ colour, kind, size }));
}

/** An instruction for a task that is possible in the scene. */
export function commandQuery(scene: Scene, task: Task, rng: Rng): Query {
  const { act, place } = rolesOf(task);
  return {
    text: sayTask(scene, task, rng, SPLIT).text,
    intent: "task",
    scene: "clear",
    act: indicesOf(scene, [act]),
    place: place === null ? [] : indicesOf(scene, [place]),
    skill: task.skill,
    answer: null,
  };
}

function questionQuery(scene: Scene, { text, answer }: Question): Query {
  const query: Query = { text, intent: "question", scene: null, act: null, place: null, skill: null, answer: null };
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

function unclearQuery(scene: Scene, unclear: Unclear): Query {
  const query: Query = {
    text: unclear.text,
    intent: "task",
    scene: null,
    act: null,
    place: null,
    skill: null,
    answer: null,
  };
  switch (unclear.kind) {
    case "garbage":
    case "forbidden":
      return { ...query, intent: unclear.kind };
    case "ambiguous":
      return { ...query, scene: "ambiguous", [unclear.role]: indicesOf(scene, unclear.candidates) };
    case "impossible":
      return { ...query, scene: "missing", [unclear.role]: [] };
    default:
      return unclear satisfies never;
  }
}

/** Sentences that need no picture, so that they are true of any frame. */
export function timelessQueries(scene: Scene, rng: Rng, count: number): Query[] {
  const queries: Query[] = [];
  for (let i = 0; i < count; i++) {
    const unclear = sayUnclear(scene, rng.uniform() < 0.5 ? "garbage" : "forbidden", rng, SPLIT);
    if (unclear !== null) queries.push(unclearQuery(scene, unclear));
  }
  return queries;
}

/** Sentences about a scene in which everything stands where it started. */
export function sceneQueries(scene: Scene, rng: Rng): Query[] {
  const tasks = tasksOf(scene);
  const queries: Query[] = [];
  for (let i = 0; i < 3; i++) queries.push(commandQuery(scene, rng.pick(tasks), rng));
  for (let i = 0; i < 2; i++) queries.push(questionQuery(scene, askQuestion(scene, rng, SPLIT)));
  for (const kind of ["ambiguous", "impossible", rng.uniform() < 0.5 ? "garbage" : "forbidden"] as const) {
    const unclear = sayUnclear(scene, kind, rng, SPLIT);
    if (unclear !== null) queries.push(unclearQuery(scene, unclear));
  }
  return queries;
}
