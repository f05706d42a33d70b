/** The plots of a report as SVG text. Colours come from the page's style, so that they follow light and dark. */
import { FAILURE_CAUSES, type FailureCause } from "../failures.ts";
import type { Rate } from "../statistics/intervals.ts";
import { escapeHtml } from "./escape.ts";
import { interval, percent } from "./table.ts";

const LABEL = 150;
const PLOT = 420;
const NOTES = 210;
const ROW = 30;
const TOP = 24;

export type RateRow = {
  readonly label: string;
  readonly rate: Rate /** What was hoped for, 0..1. */;
  readonly goal?: number;
};

/** One row a rate: its interval as a line, the rate as a dot, a goal as a tick. */
export function forestPlot(title: string, rows: readonly RateRow[]): string {
  const width = LABEL + PLOT + NOTES;
  const height = TOP + rows.length * ROW + 8;
  const grid = [0, 25, 50, 75, 100].map((at) => {
    const x = LABEL + (PLOT * at) / 100;
    return `<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${height - 8}"/><text class="tick" x="${x}" y="${TOP - 10}" text-anchor="middle">${at} %</text>`;
  });
  const lines = rows.map(({ label, rate, goal }, i) => {
    const y = TOP + ROW * (i + 0.5);
    const x = (value: number): string => (LABEL + PLOT * value).toFixed(1);
    const [low, high] = rate.wilson95;
    const tick =
      goal === undefined ? "" : `<line class="goal" x1="${x(goal)}" x2="${x(goal)}" y1="${y - 10}" y2="${y + 10}"/>`;
    return (
      `<text class="label" x="${LABEL - 12}" y="${y + 4}" text-anchor="end">${escapeHtml(label)}</text>${tick}` +
      `<line class="interval" x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}"/><circle class="dot" cx="${x(rate.rate)}" cy="${y}" r="5"/>` +
      `<text class="note" x="${LABEL + PLOT + 14}" y="${y + 4}"><tspan class="figure">${percent(rate.rate)}</tspan> (${interval(rate)}), ${rate.successes}/${rate.trials}</text>`
    );
  });
  return svg(width, height, title, [...grid, ...lines].join(""));
}

export type CauseRow = {
  readonly label: string;
  readonly trials: number;
  readonly causes: Readonly<Partial<Record<FailureCause, number>>>;
};

/** One bar a group: what share of its episodes failed, by cause. */
export function causePlot(title: string, rows: readonly CauseRow[]): string {
  const shares = rows.map(({ causes, trials }) => sum(Object.values(causes)) / Math.max(1, trials));
  const most = Math.max(0.05, ...shares);
  const width = LABEL + PLOT + NOTES;
  const height = TOP + rows.length * ROW + 8;
  const bars = rows.map(({ label, trials, causes }, i) => {
    const y = TOP + ROW * i + 5;
    let x = LABEL;
    const parts = causeEntries(causes).map(([cause, count]) => {
      const wide = (PLOT * count) / Math.max(1, trials) / most;
      const part = `<rect class="cause-${cause}" x="${x.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${ROW - 10}"><title>${escapeHtml(`${count} of ${trials}: ${FAILURE_CAUSES[cause]}`)}</title></rect>`;
      x += wide;
      return part;
    });
    const failed = sum(Object.values(causes));
    return (
      `<text class="label" x="${LABEL - 12}" y="${y + 14}" text-anchor="end">${escapeHtml(label)}</text>${parts.join("")}` +
      `<text class="note" x="${(x + 8).toFixed(1)}" y="${y + 14}">${failed} of ${trials}</text>`
    );
  });
  return svg(width, height, title, bars.join(""));
}

/** The causes that occur, in the order of their list, for a legend. */
export function causesIn(rows: readonly CauseRow[]): readonly FailureCause[] {
  const names = Object.keys(FAILURE_CAUSES) as FailureCause[];
  return names.filter((cause) => rows.some(({ causes }) => (causes[cause] ?? 0) > 0));
}

function causeEntries(causes: CauseRow["causes"]): [FailureCause, number][] {
  return causesIn([{ label: "", trials: 0, causes }]).map((cause) => [cause, causes[cause] ?? 0]);
}

const BINS = 30;

/** How long the successes of each group took, s: one small histogram a row. */
export function durationPlot(
  title: string,
  rows: readonly { readonly label: string; readonly seconds: readonly number[] }[],
  maxSeconds: number,
): string {
  const row = 44;
  const width = LABEL + PLOT + NOTES;
  const height = TOP + rows.length * row + 8;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = LABEL + PLOT * share;
    return `<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 6}" y2="${height - 8}"/><text class="tick" x="${x}" y="${TOP - 10}" text-anchor="middle">${(share * maxSeconds).toFixed(0)} s</text>`;
  });
  const histograms = rows.map(({ label, seconds }, i) => {
    const counts = Array.from({ length: BINS }, () => 0);
    for (const value of seconds) {
      const bin = Math.min(BINS - 1, Math.floor((value / maxSeconds) * BINS));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    const most = Math.max(1, ...counts);
    const base = TOP + row * (i + 1) - 6;
    const bars = counts.map((count, bin) => {
      const tall = (count / most) * (row - 12);
      return count === 0
        ? ""
        : `<rect class="bar" x="${(LABEL + (PLOT * bin) / BINS + 1).toFixed(1)}" y="${(base - tall).toFixed(1)}" width="${(PLOT / BINS - 2).toFixed(1)}" height="${tall.toFixed(1)}"/>`;
    });
    const sorted = seconds.toSorted((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)];
    const note = middle === undefined ? "no success" : `half within ${middle.toFixed(1)} s`;
    return (
      `<text class="label" x="${LABEL - 12}" y="${base - 8}" text-anchor="end">${escapeHtml(label)}</text>${bars.join("")}` +
      `<line class="axis" x1="${LABEL}" x2="${LABEL + PLOT}" y1="${base}" y2="${base}"/><text class="note" x="${LABEL + PLOT + 14}" y="${base - 8}">${note}</text>`
    );
  });
  return svg(width, height, title, [...ticks, ...histograms].join(""));
}

function svg(width: number, height: number, title: string, body: string): string {
  return `<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${body}</svg>`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
