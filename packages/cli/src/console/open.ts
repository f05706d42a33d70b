/** `bidden console` from its options to a running page, and down again on Ctrl-C. */
import { createServer } from "node:net";
import { BiddenError } from "@bidden/runtime";
import { openSession } from "../live/session.ts";
import { readPolicyName } from "../policy/load-policy.ts";
import { isLoopback } from "./origin.ts";
import { buildSite } from "./site.ts";
import { listenError, serveConsole } from "./server.ts";
import { mintToken } from "./token.ts";

export type ConsoleOptions = {
  readonly port: string;
  readonly host: string;
  readonly seed: string;
  readonly policy: string;
};

export async function openConsole(options: ConsoleOptions): Promise<void> {
  const policy = readPolicyName(options.policy);
  const port = readWhole(options.port, "--port", 65_535);
  const seed = readWhole(options.seed, "--seed", 2 ** 31 - 1);
  const { host } = options;
  await checkPort(host, port);
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  say(`bidden: setting the table (scene ${seed}) ...`);
  const [session, site] = await Promise.all([openSession({ policy, seed }), buildSite()]);
  const token = mintToken();
  const server = await serveConsole({ session, site, token, host, port });
  say("");
  say(`  ${linkTo(host, server.port, token)}`);
  say("");
  say("Open it in a browser. Whoever has this link may move the arm. Ctrl-C ends it.");
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

function readWhole(text: string, option: string, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new BiddenError(
    "bad-argument",
    `${option} takes a whole number from 0 to ${most}; got "${text.slice(0, 60)}".`,
  );
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
