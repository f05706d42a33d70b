/** State, action and every other number over the episode. A click or a drag scrubs; the line shows the frame. */
import { type ReactNode, useEffect, useRef } from "react";
import uPlot from "uplot";
import type { ViewColumn, ViewEpisode } from "../../protocol/view.ts";
import { useStore } from "../store.ts";
import { type Theme, theme } from "../theme.ts";
import { clock, scrubTo } from "./state.ts";

const HEIGHT = 150;
/** Lines of one plot: hues around the circle, of one lightness. */
function hue(line: number, lines: number, now: Theme): string {
  return `oklch(${now === "dark" ? 0.78 : 0.56} 0.14 ${Math.round((360 * line) / Math.max(lines, 1) + 35)})`;
}

export function Plots({ episode, fps }: { episode: ViewEpisode; fps: number }): ReactNode {
  return (
    <section className="view-plots" aria-label="Plots">
      {episode.columns.map((column) => (
        <Plot key={`${column.name} ${episode.index}`} column={column} length={episode.length} fps={fps} />
      ))}
    </section>
  );
}

function Plot({ column, length, fps }: { column: ViewColumn; length: number; fps: number }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const keys = useRef<HTMLDivElement>(null);
  const now = useStore(theme, (state) => state.now);
  useEffect(() => {
    if (host.current === null) return undefined;
    const element = host.current;
    const seconds = Array.from({ length }, (_, frame) => frame / fps);
    const chart = new uPlot(
      optionsOf(column, element.clientWidth, now),
      [seconds, ...column.values.map((line) => [...line])],
      element,
    );
    const marker = document.createElement("i");
    marker.className = "view-marker";
    chart.over.append(marker);
    const show = (frame: number): void => {
      marker.style.transform = `translateX(${chart.valToPos(frame / fps, "x")}px)`;
      for (const [line, value] of (keys.current?.querySelectorAll("b") ?? []).entries())
        value.textContent = textAt(column, line, frame);
    };
    const scrub = (event: PointerEvent): void => {
      if (event.buttons !== 1) return;
      const left = event.clientX - chart.over.getBoundingClientRect().left;
      scrubTo(chart.posToVal(left, "x") * fps);
    };
    chart.over.addEventListener("pointerdown", scrub);
    chart.over.addEventListener("pointermove", scrub);
    show(clock.now());
    const leave = clock.on(show);
    const observer = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height: HEIGHT });
      show(clock.now());
    });
    observer.observe(element);
    return () => {
      leave();
      observer.disconnect();
      chart.destroy();
    };
  }, [column, length, fps, now]);
  return (
    <div className="view-plot">
      <strong>{column.name}</strong>
      <div ref={keys} className="view-keys">
        {column.lines.map((line, i) => (
          <i key={line} style={{ color: hue(i, column.lines.length, now) }}>
            {line} <b />
          </i>
        ))}
      </div>
      <div ref={host} className="view-chart" />
    </div>
  );
}

function textAt({ values }: ViewColumn, line: number, frame: number): string {
  return values[line]?.[frame]?.toFixed(3) ?? "not finite";
}

function optionsOf(column: ViewColumn, width: number, now: Theme): uPlot.Options {
  document.documentElement.dataset["theme"] = now;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    font: `10px ${colour("--mono")}`,
    stroke: colour("--ink-3"),
    ticks: { show: false },
    grid: { stroke: colour("--line"), width: 1 },
  };
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: "frame" } },
    scales: { x: { time: false } },
    axes: [
      { ...axis, size: 22, gap: 3, values: (_chart, ticks) => ticks.map((tick) => `${tick} s`) },
      { ...axis, size: 46, gap: 4, space: 24 },
    ],
    series: [
      {},
      ...column.lines.map((_, i) => ({
        stroke: hue(i, column.lines.length, now),
        width: 1.4,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}
