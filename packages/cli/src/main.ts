/**
 * The `bidden` command: names and helps of everything it can do. A command's code is loaded when it is asked for, so
 * that `bidden --help` answers at once and a laptop without one room can still use the others.
 */
import { type BiddenError, messageOf } from "@bidden/runtime";
import { Command, CommanderError } from "commander";
import { closestOf } from "./closest.ts";

/** What a process that could not do its work ends with (0 done, 1 tried and failed, 2 did not move). */
export const EXIT_ERROR = 3;

type CommandEntry = {
  readonly name: string;
  readonly summary: string;
  /** Adds the command, with options and action, to the program. */
  readonly register: (program: Command) => Promise<void>;
};

const COMMANDS: readonly CommandEntry[] = [
  {
    name: "console",
    summary: "open the console: type a sentence, watch the arm do it, stop it (what `npm start` runs)",
    register: async (program) => (await import("./commands/console.ts")).registerConsole(program),
  },
  {
    name: "run",
    summary: "do one sentence without a browser and say how it went",
    register: async (program) => (await import("./commands/run.ts")).registerRun(program),
  },
  {
    name: "scene",
    summary: "list what stands on the table of a seed, with three sentences to try",
    register: async (program) => (await import("./commands/scene.ts")).registerScene(program),
  },
  {
    name: "eval",
    summary: "measure a policy over many episodes: success by skill and by kind of instruction",
    register: async (program) => (await import("./commands/eval.ts")).registerEval(program),
  },
  {
    name: "compare",
    summary: "two evaluations of the same episodes in one table",
    register: async (program) => (await import("./commands/compare.ts")).registerCompare(program),
  },
  {
    name: "demo",
    summary: "collect demonstrations and corrections by the scripted expert",
    register: async (program) => (await import("./commands/demo.ts")).registerDemo(program),
  },
  {
    name: "train",
    summary: "train the tabletop policy, resuming where it was left",
    register: async (program) => (await import("./commands/train.ts")).registerTrain(program),
  },
  {
    name: "policy",
    summary: "published policies: fetch, look into, compare with recorded values, make with random weights",
    register: async (program) => (await import("./commands/policy.ts")).registerPolicy(program),
  },
  {
    name: "data",
    summary: "look into and check recorded episodes",
    register: async (program) => (await import("./commands/data.ts")).registerData(program),
  },
];

/** Runs one command line and sets `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("bidden")
    .description("From word to deed - and nothing moves unbidden.")
    .version("0.1.0")
    .exitOverride()
    .configureHelp({ showGlobalOptions: true });
  try {
    await addCommands(program, argv);
    await program.parseAsync([...argv], { from: "user" });
  } catch (thrown) {
    process.exitCode = exitCodeOf(thrown);
    if (!(thrown instanceof CommanderError)) process.stderr.write(`${sentenceOf(thrown)}\n`);
  }
}

/** Adds the wanted command whole, and the others by name and summary only. */
async function addCommands(program: Command, argv: readonly string[]): Promise<void> {
  const words = argv.filter((word) => !word.startsWith("-"));
  const wanted = words[0] === "help" ? words[1] : words[0];
  if (wanted !== undefined && wanted !== "help" && !COMMANDS.some((entry) => entry.name === wanted)) {
    program.error(unknownCommand(wanted), { exitCode: EXIT_ERROR });
  }
  for (const entry of COMMANDS) {
    if (entry.name === wanted) await entry.register(program);
    else program.command(entry.name).description(entry.summary);
  }
  for (const command of program.commands) failAsWeDo(command, "bidden");
  if (words.length === 0 && !argv.some((word) => /^(-h|--help|-V|--version)$/.test(word))) program.help();
}

/** Wrong options end with our exit code and print a sentence, in every subcommand. */
function failAsWeDo(command: Command, parent: string): void {
  const name = `${parent} ${command.name()}`;
  command.exitOverride();
  command.showSuggestionAfterError(true);
  command.showHelpAfterError(`Run \`${name} --help\` for what it takes.`);
  for (const own of command.commands) failAsWeDo(own, name);
}

function unknownCommand(word: string): string {
  const names = COMMANDS.map((entry) => entry.name);
  const near = closestOf(word, names);
  const hint = near === null ? "" : ` Did you mean "${near}"?`;
  return `bidden knows no command "${word.slice(0, 60)}".${hint} It knows: ${names.join(", ")}.`;
}

function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : EXIT_ERROR;
  return EXIT_ERROR;
}

/** What a person is told: our own errors in words alone, others with their trace, for they are bugs. */
function sentenceOf(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === "BiddenError") {
    const { code, message } = thrown as BiddenError;
    return code === "internal" ? (thrown.stack ?? message) : `bidden: ${message}`;
  }
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
}
