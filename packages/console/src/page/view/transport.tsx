/** Play, scrub, speed, and the sentence of the frame. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { ViewDataset, ViewEpisode } from "../../protocol/view.ts";
import { useStore } from "../store.ts";
import { clock, scrubTo, showEpisode, togglePlay, view } from "./state.ts";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

export function Transport({ dataset, episode }: { dataset: ViewDataset; episode: ViewEpisode }): ReactNode {
  const slider = useRef<HTMLInputElement>(null);
  const time = useRef<HTMLSpanElement>(null);
  const [task, setTask] = useState("");
  const playing = useStore(view, (state) => state.playing);
  const speed = useStore(view, (state) => state.speed);
  useEffect(() => {
    const show = (frame: number): void => {
      if (slider.current !== null) slider.current.value = String(frame);
      if (time.current !== null)
        time.current.textContent = `${frame} / ${episode.length - 1}   ${(frame / dataset.fps).toFixed(2)} s`;
      setTask(episode.tasks.findLast(({ from }) => from <= frame)?.text ?? "");
    };
    show(clock.now());
    return clock.on(show);
  }, [dataset, episode]);
  return (
    <footer className="view-transport">
      <div className="view-sentence" title={task}>
        <span className="number">episode {episode.index}</span>
        <strong>{task === "" ? "(no sentence)" : task}</strong>
      </div>
      <div className="view-controls">
        <Step label="Previous episode" sign="⟨⟨" to={episode.index - 1} last={dataset.episodes.length - 1} />
        <button type="button" className="view-play" onClick={togglePlay} aria-label={playing ? "Pause" : "Play"}>
          {playing ? "❚❚" : "▶"}
        </button>
        <Step label="Next episode" sign="⟩⟩" to={episode.index + 1} last={dataset.episodes.length - 1} />
        <input
          ref={slider}
          type="range"
          min={0}
          max={Math.max(0, episode.length - 1)}
          defaultValue={0}
          aria-label="Frame"
          onInput={(event) => scrubTo(Number(event.currentTarget.value))}
        />
        <span ref={time} className="number view-time" />
        <select aria-label="Speed" value={speed} onChange={(event) => view.set({ speed: Number(event.target.value) })}>
          {SPEEDS.map((value) => (
            <option key={value} value={value}>
              {value} x
            </option>
          ))}
        </select>
      </div>
    </footer>
  );
}

function Step({ label, sign, to, last }: { label: string; sign: string; to: number; last: number }): ReactNode {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      disabled={to < 0 || to > last}
      onClick={() => void showEpisode(to)}
    >
      {sign}
    </button>
  );
}
