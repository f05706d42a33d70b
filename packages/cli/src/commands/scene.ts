/** `bidden scene`: what stands on the table of a seed, and what one might ask for. */
import type { Command } from "commander";
import { readSeed } from "../options.ts";

export function registerScene(program: Command): void {
  program
    .command("scene")
    .description("list what stands on the table of a seed, with three sentences to try")
    .option("--seed <number>", "which scene; `bidden run --seed` uses exactly this one", "7")
    .option("--json", "print one line of JSON and nothing else")
    .action(showScene);
}

async function showScene(flags: { readonly seed: string; readonly json?: boolean }): Promise<void> {
  const seed = readSeed(flags.seed);
  const { createScene } = await import("@bidden/sim");
  const { sentencesToTry } = await import("../live/tries.ts");
  const scene = createScene(seed);
  const objects = scene.objects.map(({ id, kind, colour, size, start }) => {
    return { id, kind, colour, size, position: start.map((metres) => Math.round(metres * 1e4) / 1e4 + 0) };
  });
  const drawerM = Math.round(scene.drawerStartM * 1e4) / 1e4;
  const sentences = sentencesToTry(scene);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ seed, objects, drawerM, sentences })}\n`);
    return;
  }
  const { tableMap } = await import("../headless/table-map.ts");
  const rows = objects.map(
    ({ id, kind, colour, size, position }, i) =>
      `${String(i + 1).padStart(2)}  ${id.padEnd(18)} ${kind.padEnd(7)} ${colour.padEnd(7)} ${size.padEnd(6)} ` +
      position.map((metres) => metres.toFixed(3).padStart(7)).join(" "),
  );
  const open = drawerM > 0 ? `\nThe drawer stands ${(drawerM * 100).toFixed(0)} cm open.` : "";
  const tries = sentences.map((sentence) => `  npx bidden run "${sentence}" --seed ${seed} --headless`);
  const head = ` #  ${"id".padEnd(18)} ${"kind".padEnd(7)} ${"colour".padEnd(7)} ${"size".padEnd(6)} x, y, z (m): away from the robot, to your right, up`;
  process.stdout.write(
    `Scene ${seed}\n\n${tableMap(scene)}\n\n${head}\n${rows.join("\n")}${open}\n\nTry:\n${tries.join("\n")}\n`,
  );
}
