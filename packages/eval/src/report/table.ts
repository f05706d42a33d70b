/** The results as plain text for a terminal: rates with their intervals, one row a group. */
import type { Rate } from "../statistics/intervals.ts";
import type { Summary } from "../summary.ts";

const BAR_CELLS = 24;

export function summaryTable(summary: Summary): string {
  const blocks = [
    block(
      "skill",
      summary.skills.map((row) => [row.name, row, causesOf(row.causes)]),
    ),
    block("together", [
      ...(summary.core.trials > 0 ? [["pick, put, push", summary.core, ""] as const] : []),
      ["all ordinary", summary.ordinary, ""],
    ]),
    block(
      "wording",
      summary.wordings.map((row) => [row.name, row, ""]),
    ),
    block(
      "must not obey blindly",
      summary.unclear.map((row) => [row.name, row, causesOf(row.causes)]),
    ),
    block("beside", [
      ["wrongly questioned", summary.wronglyQuestioned, ""],
      ["believed done: it was", summary.beliefPrecision, ""],
      ["done: it was believed", summary.beliefRecall, ""],
    ]),
  ];
  return blocks.filter((text) => text !== "").join("\n\n");
}

function block(title: string, rows: readonly (readonly [name: string, rate: Rate, note: string])[]): string {
  const tried = rows.filter(([, rate]) => rate.trials > 0);
  if (tried.length === 0) return "";
  const head = `${title.padEnd(24)}${"rate".padStart(7)}  ${"95 % interval".padEnd(16)}${"of".padStart(5)}`;
  const lines = tried.map(([name, rate, note]) =>
    `${name.padEnd(24)}${percent(rate.rate).padStart(7)}  ${interval(rate).padEnd(16)}${String(rate.trials).padStart(5)}  ${bar(rate)}  ${note}`.trimEnd(),
  );
  return [head, ...lines].join("\n");
}

/** 24 cells: the rate in full blocks, its interval in light shade beyond. */
function bar({ rate, wilson95 }: Rate): string {
  const cells = Array.from({ length: BAR_CELLS }, (_, i) => {
    const middle = (i + 0.5) / BAR_CELLS;
    if (middle >= wilson95[0] && middle <= wilson95[1]) return middle <= rate ? "▓" : "░";
    return middle < rate ? "█" : "·";
  });
  return cells.join("");
}

function causesOf(causes: Readonly<Record<string, number>>): string {
  return Object.entries(causes)
    .slice(0, 3)
    .map(([cause, count]) => `${count} ${cause}`)
    .join(", ");
}

export function percent(rate: number): string {
  return `${(100 * rate).toFixed(1)} %`;
}

export function interval({ wilson95 }: Rate): string {
  return `${(100 * wilson95[0]).toFixed(1)} to ${(100 * wilson95[1]).toFixed(1)} %`;
}
