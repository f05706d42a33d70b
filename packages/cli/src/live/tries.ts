/** Three sentences to try on a table: of different skills where it allows them, the plainest first. */
import { createRng } from "@bidden/runtime";
import { sayTask, type Scene, type Skill, type Task, tasksOf } from "@bidden/sim";

/** What a newcomer should see first. */
const ORDER: readonly Skill[] = ["put", "pick", "push", "stack", "open-drawer", "close-drawer", "point"];

export function sentencesToTry(scene: Scene, count = 3): string[] {
  const rng = createRng(scene.seed).fork("tries");
  const bySkill = ORDER.map((skill) => tasksOf(scene).filter((task) => task.skill === skill)).filter(
    ({ length }) => length > 0,
  );
  const chosen: Task[] = [];
  for (let round = 0; chosen.length < count && round < count; round++) {
    for (const tasks of bySkill) {
      const fresh = tasks.filter((task) => !chosen.includes(task));
      if (fresh.length > 0 && chosen.length < count) chosen.push(rng.pick(fresh));
    }
  }
  return chosen.map((task) => plainest(scene, task, rng));
}

/** Of several ways to say it, the shortest: a sentence to try should read at a glance. */
function plainest(scene: Scene, task: Task, rng: ReturnType<typeof createRng>): string {
  const ways = Array.from({ length: 24 }, () => sayTask(scene, task, rng, { split: "train" }).text);
  const tidy = ways.filter((text) => /^[a-z][a-z ]*$/.test(text) && text.split(" ").length >= 4);
  return (tidy.length > 0 ? tidy : ways).reduce((best, text) => (text.length < best.length ? text : best));
}
