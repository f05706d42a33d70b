/** Three sentences to try on a table: of different skills where it allows them, each plain and meaning one thing only. */
import { createRng, type Rng } from "@bidden/runtime";
import { type Scene, type Skill, type Task, tasksOf } from "@bidden/sim";

/** What a newcomer should see first. */
const ORDER: readonly Skill[] = ["put", "pick", "push", "stack", "open-drawer", "close-drawer", "point"];

export function sentencesToTry(scene: Scene, count = 3): string[] {
  const rng = createRng(scene.seed).fork("tries");
  const bySkill = new Map(ORDER.map((skill) => [skill, sentencesOf(scene, skill, rng)]));
  const chosen: string[] = [];
  while (chosen.length < count) {
    const round = ORDER.flatMap((skill) => bySkill.get(skill)?.shift() ?? []);
    if (round.length === 0) break;
    chosen.push(...round);
  }
  return chosen.slice(0, count);
}

/** Every task of a skill that can be said plainly, in an order that the seed decides. */
function sentencesOf(scene: Scene, skill: Skill, rng: Rng): string[] {
  return tasksOf(scene)
    .filter((task) => task.skill === skill)
    .map((task) => ({ text: sentenceOf(scene, task), order: rng.uniform() }))
    .filter(({ text }) => text !== null)
    .sort((a, b) => a.order - b.order)
    .map(({ text }) => text ?? "");
}

function sentenceOf(scene: Scene, task: Task): string | null {
  const thing = nameOf(scene, task.object);
  const place = "target" in task ? nameOf(scene, task.target) : "";
  if (thing === null || place === null) return null;
  switch (task.skill) {
    case "put":
      return `put the ${thing} ${isBowl(scene, task.target) ? "in" : "on"} the ${place}`;
    case "pick":
      return `pick up the ${thing}`;
    case "push":
      return `push the ${thing} to the ${place}`;
    case "stack":
      return `stack the ${thing} on the ${place}`;
    case "open-drawer":
      return "open the drawer";
    case "close-drawer":
      return "close the drawer";
    case "point":
      return `point at the ${thing}`;
    default:
      return task satisfies never;
  }
}

/** Colour and kind, with the size where it is needed; null where not even that tells it from the others. */
function nameOf(scene: Scene, id: string): string | null {
  const object = scene.objects.find((candidate) => candidate.id === id);
  if (object === undefined) return null;
  const alike = scene.objects.filter(({ kind, colour }) => kind === object.kind && colour === object.colour);
  if (alike.length === 1) return `${object.colour} ${object.kind}`;
  return alike.filter(({ size }) => size === object.size).length === 1
    ? `${object.size} ${object.colour} ${object.kind}`
    : null;
}

function isBowl(scene: Scene, id: string): boolean {
  return scene.objects.some((object) => object.id === id && object.kind === "bowl");
}
