/** `bidden console`: the page on which a person tells the arm what to do, watches it, and stops it. */
import type { Command } from "commander";
import type { ConsoleOptions } from "../console/open.ts";

export function registerConsole(program: Command): void {
  program
    .command("console")
    .description("open the console: type a sentence, watch the arm do it, stop it")
    .option("--port <number>", "port to listen on", "7070")
    .option(
      "--host <address>",
      "address to listen on; anything but this machine's own opens it to the network",
      "127.0.0.1",
    )
    .option("--seed <number>", "which scene to begin with", "7")
    .option(
      "--policy <name>",
      "who drives: tabletop (trained), expert (scripted, sees the full state) or a checkpoint's folder",
      "tabletop",
    )
    .option("--record <folder>", "add every episode to the dataset there (LeRobotDataset v3.0)")
    .action(async (options: ConsoleOptions) => {
      const { openConsole } = await import("../console/open.ts");
      await openConsole(options);
    });
}
