/** `bidden compare`: two evaluations of the same episodes in one table, such as two heads or two checkpoints. */
import { readFileSync } from "node:fs";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { PairedComparison, Report } from "@bidden/eval";
import type { Command } from "commander";

const COMPARE_HELP = `
Both evaluations must have run the same episodes (the same --seed, --split, --episodes and --unclear). What counts are the
episodes in which the two differ: McNemar's exact test says how likely such a split would be if both were equally good.

  $ bidden eval tabletop --episodes 50 --head regression --out runs/regression
  $ bidden eval tabletop --episodes 50 --head flow --out runs/flow
  $ bidden compare runs/regression/report.json runs/flow/report.json`;

export function registerCompare(program: Command): void {
  program
    .command("compare")
    .description("two evaluations of the same episodes in one table, with the test of their difference")
    .argument("<first>", "report.json that `bidden eval` wrote")
    .argument("<second>", "another one")
    .option("--json", "print one line of JSON and nothing else")
    .addHelpText("after", COMPARE_HELP)
    .action(compare);
}

type Row = PairedComparison & { readonly group: string };

async function compare(first: string, second: string, flags: { readonly json?: boolean }): Promise<void> {
  const { comparePaired } = await import("@bidden/eval");
  const [a, b] = [readReport(first), readReport(second)];
  const groups = [...new Set(a.episodes.map(groupOf))];
  const of = (report: Report, group: string | null): Map<string, boolean> =>
    new Map(
      report.episodes
        .filter((episode) => group === null || groupOf(episode) === group)
        .map(({ plan, success }) => [`${plan.key} ${plan.seed} ${plan.instruction}`, success]),
    );
  const rows: Row[] = [...groups, null].map((group) => ({
    group: group ?? "all",
    ...comparePaired(of(a, group), of(b, group)),
  }));
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ first: a.setting, second: b.setting, rows })}\n`);
    return;
  }
  process.stdout.write(`first:  ${nameOf(a)}\nsecond: ${nameOf(b)}\n\n${tableOf(rows)}\n`);
}

/** An ordinary instruction counts with its skill, an unclear one with its kind. */
function groupOf({ plan }: Report["episodes"][number]): string {
  return plan.kind === "ordinary" ? plan.skill : plan.unclear;
}

function nameOf({ setting }: Report): string {
  const head = setting.head === null ? "" : `, head ${setting.head}`;
  return `${setting.policy.name}${head}, ${setting.policy.modelDigest.slice(0, 12)}, seed ${setting.seed} (${setting.date})`;
}

function tableOf(rows: readonly Row[]): string {
  const share = (rate: number): string => `${(100 * rate).toFixed(1)} %`.padStart(8);
  const head = `${"".padEnd(14)}${"episodes".padStart(9)}${"first".padStart(9)}${"second".padStart(9)}${"only first".padStart(12)}${"only second".padStart(13)}${"p".padStart(8)}`;
  const lines = rows.map(
    ({ group, first, second, onlyFirst, onlySecond, test }) =>
      `${group.padEnd(14)}${String(first.trials).padStart(9)} ${share(first.rate)} ${share(second.rate)}` +
      `${String(onlyFirst).padStart(12)}${String(onlySecond).padStart(13)}${test.twoSided.toFixed(3).padStart(8)}`,
  );
  return [head, ...lines].join("\n");
}

function readReport(path: string): Report {
  let report: Partial<Report>;
  try {
    report = JSON.parse(readFileSync(path, "utf8")) as Partial<Report>;
  } catch (error) {
    throw new BiddenError("not-found", `"${path}" is no report.json of \`bidden eval\`: ${messageOf(error)}.`, {
      path,
    });
  }
  if (!Array.isArray(report.episodes) || report.setting === undefined) {
    throw new BiddenError(
      "bad-dataset",
      `"${path}" should hold "setting" and "episodes", as \`bidden eval\` writes them; it does not.`,
      { path },
    );
  }
  return report as Report;
}
