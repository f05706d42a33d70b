/** The page of `bidden data view`: episodes and findings at the left, cameras over plots, one transport for all of them. */
import type { ReactNode } from "react";
import { MoonIcon, SunIcon } from "../icons.tsx";
import { Part } from "../part.tsx";
import { useStore } from "../store.ts";
import { theme, toggleTheme } from "../theme.ts";
import { Wordmark } from "../wordmark.tsx";
import { Cameras } from "./cameras.tsx";
import { Plots } from "./plots.tsx";
import { Side } from "./side.tsx";
import { view } from "./state.ts";
import { Transport } from "./transport.tsx";

export function ViewApp(): ReactNode {
  const dataset = useStore(view, (state) => state.dataset);
  const episode = useStore(view, (state) => state.episode);
  const fault = useStore(view, (state) => state.fault);
  return (
    <div className="view-app" data-episode={episode?.index ?? -1}>
      <ViewHeader />
      {dataset === null ? null : (
        <Part name="The list of episodes">
          <Side dataset={dataset} />
        </Part>
      )}
      <main className="view-main">
        {fault === null ? null : <p className="view-fault">{fault}</p>}
        {dataset === null || episode === null ? (
          fault === null ? (
            <p className="view-empty">Reading the dataset</p>
          ) : null
        ) : (
          <>
            <Part name="The cameras">
              <Cameras dataset={dataset} episode={episode} />
            </Part>
            <Part name="The plots">
              <Plots episode={episode} fps={dataset.fps} />
            </Part>
          </>
        )}
      </main>
      {dataset === null || episode === null ? null : <Transport dataset={dataset} episode={episode} />}
    </div>
  );
}

function ViewHeader(): ReactNode {
  const dataset = useStore(view, (state) => state.dataset);
  const now = useStore(theme, (state) => state.now);
  const frames = dataset?.episodes.reduce((sum, episode) => sum + episode.length, 0) ?? 0;
  return (
    <header className="header view-header">
      <Wordmark />
      {dataset === null ? null : (
        <>
          <strong className="view-name" title={dataset.path}>
            {dataset.path.split("/").findLast((part) => part !== "")}
          </strong>
          <span className="chip">{dataset.format}</span>
          {dataset.robot === null ? null : <span className="chip wide-only">{dataset.robot}</span>}
          <span className="view-facts wide-only">
            {dataset.episodes.length} episodes, {duration(frames / dataset.fps)} at {dataset.fps} Hz
            {dataset.guessedFps ? " (assumed: the dataset does not say)" : ""}
          </span>
        </>
      )}
      <span className="grow" />
      <button
        type="button"
        className="icon-button"
        onClick={toggleTheme}
        aria-label={now === "dark" ? "Light colours" : "Dark colours"}
      >
        {now === "dark" ? <SunIcon /> : <MoonIcon />}
      </button>
    </header>
  );
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
