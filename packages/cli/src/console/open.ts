/** `bidden console` from its options to a running page, and down again on Ctrl-C. */
import { createServer } from "node:net";
import { openSession } from "../live/session.ts";
import { readSeed, readWhole } from "../options.ts";
import { isLoopback } from "./origin.ts";
import { buildSite } from "./site.ts";
import { listenError, serveConsole } from "./server.ts";
import { mintToken } from "./token.ts";

export type ConsoleOptions = {
  /** Options as they were typed. */
  readonly seed: string;
  /** "tabletop", "expert", or the folder of a checkpoint. */
  readonly policy: string;
  readonly port?: string;
  readonly host?: string;
  /** Folder of a dataset. */
  readonly record?: string;
  /** Stands in the page's box, ready to be sent. */
  readonly instruction?: string;
};

export async function openConsole(options: ConsoleOptions): Promise<void> {
  const { policy, host = "127.0.0.1", record = null, instruction = null } = options;
  const port = readWhole("--port", options.port ?? "7070", 0, 65_535);
  const seed = readSeed(options.seed);
  await checkPort(host, port);
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  say(`bidden: setting the table (scene ${seed}) ...`);
  const building = buildSite();
  // Awaited below; until then a failed build must not end the process before the session is closed.
  building.catch(() => undefined);
  const session = await openSession({ policy, seed, record, instruction });
  const token = mintToken();
  const server = await building
    .then((site) => serveConsole({ session, site, token, host, port }))
    .catch(async (thrown: unknown) => {
      await session.close();
      throw thrown;
    });
  say("");
  say(`  ${linkTo(host, server.port, token)}`);
  say("");
  say("Open it in a browser. Whoever has this link may move the arm. Ctrl-C ends it.");
  if (record !== null) say(`Every episode is added to ${record} (LeRobotDataset v3.0).`);
  if (policy === "expert") say("The scripted expert drives, not a policy: it was asked for by name.");
  if (!isLoopback(host))
    say(
      `\nATTENTION: --host ${host} opens this console to the network. Anybody who can reach this machine can watch and stop; with the link above they can move the arm, and nothing on the way is encrypted.`,
    );
  await interrupted();
  say("\nbidden: the arm comes to rest, then everything ends.");
  await server.close();
  await session.close();
}

/** An address that a browser on this machine can open: "0.0.0.0" and "::" are none. */
function linkTo(host: string, port: number, token: string): string {
  const open = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${open.includes(":") ? `[${open}]` : open}:${port}/#token=${token}`;
}

/** Fails early where the port is taken: setting the table takes seconds. */
function checkPort(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port)));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
