/** The last seconds of the motion as lines. uPlot draws them at 5 Hz from a plain buffer; React only makes the boxes. */
import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";
import type { TraceSample } from "../../protocol/messages.ts";
import { fast, recentTrace } from "../link/live.ts";
import { useStore } from "../store.ts";
import { type Theme, theme } from "../theme.ts";

const SHOWN_S = 20;
const REDRAW_MS = 200;
const HEIGHT = 66;

type Line = { readonly index: 1 | 2 | 3 | 4 | 5 | 6 | 7; readonly label: string; readonly colour: string };
type Plot = {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
  readonly range: readonly [number | null, number | null];
  readonly leastHigh?: number;
};

const PLOTS: readonly Plot[] = [
  {
    title: "Tool",
    unit: "m",
    lines: [
      { index: 1, label: "x", colour: "--trace-1" },
      { index: 2, label: "y", colour: "--trace-2" },
      { index: 3, label: "z", colour: "--trace-3" },
    ],
    range: [null, null],
  },
  {
    title: "Fastest joint",
    unit: "rad/s",
    lines: [{ index: 4, label: "", colour: "--trace-1" }],
    range: [0, null],
    leastHigh: 0.5,
  },
  { title: "Gripper, 1 = open", unit: "", lines: [{ index: 5, label: "", colour: "--trace-2" }], range: [0, 1] },
  { title: "Believes done", unit: "", lines: [{ index: 6, label: "", colour: "--trace-3" }], range: [0, 1] },
  {
    title: "Tick lateness",
    unit: "ms",
    lines: [{ index: 7, label: "", colour: "--trace-1" }],
    range: [0, null],
    leastHigh: 2,
  },
];

export function Traces(): ReactNode {
  return (
    <section className="card" aria-labelledby="traces-title">
      <div className="card-head">
        <h2 id="traces-title">How it moves</h2>
        <span className="card-note">last {SHOWN_S} s</span>
      </div>
      {PLOTS.map((plot) => (
        <TracePlot key={plot.title} plot={plot} />
      ))}
    </section>
  );
}

function TracePlot({ plot }: { plot: Plot }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const value = useRef<HTMLSpanElement>(null);
  const now = useStore(theme, (state) => state.now);
  useEffect(() => {
    if (host.current === null) return undefined;
    const element = host.current;
    const chart = new uPlot(optionsOf(plot, element.clientWidth, now), dataOf(plot), element);
    let drawnMs = 0;
    const leave = fast.trace.on(() => {
      const nowMs = performance.now();
      if (nowMs - drawnMs < REDRAW_MS) return;
      drawnMs = nowMs;
      chart.setData(dataOf(plot));
      if (value.current !== null) value.current.textContent = latestText(plot);
    });
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      leave();
      observer.disconnect();
      chart.destroy();
    };
  }, [plot, now]);
  return (
    <div className="trace">
      <div className="trace-head">
        <span>{plot.title}</span>
        <span className="trace-keys">
          {plot.lines.map((line) =>
            line.label === "" ? null : (
              <i key={line.label} style={{ color: `var(${line.colour})` }}>
                {line.label}
              </i>
            ),
          )}
        </span>
        <span ref={value} className="number" />
      </div>
      <div ref={host} className="trace-plot" />
    </div>
  );
}

/** The colours are those that the page has in this theme: a canvas does not follow CSS by itself. */
function optionsOf(plot: Plot, width: number, now: Theme): uPlot.Options {
  document.documentElement.dataset["theme"] = now;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  return {
    width,
    height: HEIGHT,
    padding: [9, 1, 5, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false },
      y: { range: (_chart, min, max) => rangeOf(plot.range, plot.leastHigh ?? 0.01, min, max) },
    },
    axes: [
      { show: false },
      {
        size: 34,
        gap: 4,
        font: `10px ${colour("--mono")}`,
        stroke: colour("--ink-3"),
        ticks: { show: false },
        grid: { stroke: colour("--line"), width: 1 },
        space: 26,
      },
    ],
    series: [{}, ...plot.lines.map((line) => ({ stroke: colour(line.colour), width: 1.5, points: { show: false } }))],
  };
}

/** @param leastHigh where the top is free, the range is at least this high: noise should look like noise */
function rangeOf(
  [low, high]: Plot["range"],
  leastHigh: number,
  min: number | null,
  max: number | null,
): [number, number] {
  const from = low ?? min ?? 0;
  const to = high ?? max ?? 1;
  const room = Math.max((to - from) * 0.08, 0.005);
  return [low === null ? from - room : from, high === null ? Math.max(to + room, from + leastHigh) : to];
}

/** Time runs from -SHOWN_S to 0. */
function dataOf(plot: Plot): uPlot.AlignedData {
  const trace = recentTrace();
  const endMs = trace[trace.length - 1]?.[0] ?? 0;
  const shown = trace.filter((sample) => sample[0] > endMs - SHOWN_S * 1000);
  const column = (index: keyof TraceSample & number): number[] => shown.map((sample) => sample[index] as number);
  return [shown.map((sample) => (sample[0] - endMs) / 1000), ...plot.lines.map((line) => column(line.index))];
}

function latestText(plot: Plot): string {
  const last = recentTrace().at(-1);
  if (last === undefined) return "";
  const digits = plot.unit === "ms" ? 1 : 2;
  return `${plot.lines.map((line) => last[line.index].toFixed(digits)).join("  ")} ${plot.unit}`.trim();
}
