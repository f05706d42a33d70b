/** `bidden data view`: an episode in the browser, cameras in step with plots. */

import type { Command } from "commander";
import { readWhole } from "../options.ts";

export function registerView(data: Command): void {
  data
    .command("view")
    .argument("<path>", "folder, file, http(s):// or hf://OWNER/NAME")
    .description("opens a page on an episode: cameras in step with plots of state and action, tasks, lint findings")
    .option("--episode <n>", "which episode to begin with", "0")
    .option("--port <number>", "port to listen on", "7071")
    .option(
      "--host <address>",
      "address to listen on; anything but this machine's own opens the dataset to the network",
      "127.0.0.1",
    )
    .action(view);
}

type Options = { episode: string; port: string; host: string };

async function view(path: string, { episode, port, host }: Options): Promise<void> {
  const wanted = { episode: readWhole("--episode", episode, 0, 1e9), port: readWhole("--port", port, 0, 65_535) };
  const { openDataset } = await import("@bidden/data/look");
  const dataset = await openDataset(path);
  try {
    const { buildSite } = await import("../console/site.ts");
    const { ViewAnswers } = await import("../view/answers.ts");
    const { serveView } = await import("../view/server.ts");
    const { isLoopback } = await import("../console/origin.ts");
    const server = await serveView({
      answers: new ViewAnswers(dataset, path),
      site: await buildSite(),
      host,
      port: wanted.port,
    });
    const open = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
    const address = `http://${open.includes(":") ? `[${open}]` : open}:${server.port}/#episode=${wanted.episode}`;
    process.stdout.write(`\n  ${address}\n\nOpen it in a browser. Ctrl-C ends it.\n`);
    if (!isLoopback(host))
      process.stdout.write(`\nATTENTION: --host ${host} shows this dataset to anybody who can reach this machine.\n`);
    await new Promise<void>((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    });
    await server.close();
  } finally {
    await dataset.close();
  }
}
