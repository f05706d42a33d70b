/** Which dataset, episode and frame are shown. The frame runs fast and goes by a signal, not through React. */
import { BiddenError, messageOf } from "@bidden/runtime";
import type { ViewDataset, ViewEpisode, ViewFindings } from "../../protocol/view.ts";
import { createSignal, createStore } from "../store.ts";

type State = {
  readonly dataset: ViewDataset | null;
  readonly episode: ViewEpisode | null;
  /** Undefined while lint is still looking. */
  readonly findings: ViewFindings | undefined;
  readonly playing: boolean;
  readonly speed: number;
  /** What went wrong, as a sentence. */
  readonly fault: string | null;
};

export const view = createStore<State>({
  dataset: null,
  episode: null,
  findings: undefined,
  playing: false,
  speed: 1,
  fault: null,
});

const frames = createSignal<number>();
let frame = 0;

export const clock = { now: () => frame, on: frames.on };

export async function start(): Promise<void> {
  try {
    const dataset = await ask<ViewDataset>("dataset");
    view.set({ dataset });
    const { episode, frame: at } = wanted();
    await showEpisode(episode, at);
    window.addEventListener("hashchange", () => {
      const next = wanted();
      if (next.episode !== view.get().episode?.index) void showEpisode(next.episode, next.frame);
    });
    view.set({ findings: await ask<ViewFindings>("findings").catch(() => null) });
  } catch (thrown) {
    view.set({ fault: messageOf(thrown) });
  }
}

async function ask<T>(what: string): Promise<T> {
  const response = await fetch(`api/${what}`);
  if (!response.ok) throw new BiddenError("not-found", await response.text());
  return (await response.json()) as T;
}

/** From the address: `#episode=3&frame=20`. */
function wanted(): { episode: number; frame: number } {
  const given = new URLSearchParams(location.hash.slice(1));
  return { episode: Number(given.get("episode") ?? 0) || 0, frame: Number(given.get("frame") ?? 0) || 0 };
}

export async function showEpisode(index: number, at = 0): Promise<void> {
  const count = view.get().dataset?.episodes.length ?? 0;
  const next = Math.max(0, Math.min(count - 1, index));
  pause();
  if (next !== view.get().episode?.index) {
    try {
      view.set({ episode: await ask<ViewEpisode>(`episode/${next}`), fault: null });
    } catch (thrown) {
      view.set({ episode: null, fault: messageOf(thrown) });
      return;
    }
  }
  showFrame(at);
  remember();
}

export function showFrame(next: number): void {
  const last = (view.get().episode?.length ?? 1) - 1;
  frame = Math.max(0, Math.min(last, Math.round(next)));
  frames.emit(frame);
}

/** By hand: playing stops, and the address names the frame. */
export function scrubTo(next: number): void {
  pause();
  showFrame(next);
  remember();
}

function remember(): void {
  const index = view.get().episode?.index ?? 0;
  history.replaceState(null, "", `#episode=${index}${frame > 0 ? `&frame=${frame}` : ""}`);
}

export function togglePlay(): void {
  if (view.get().playing) return pause();
  const length = view.get().episode?.length ?? 0;
  if (frame >= length - 1) showFrame(0);
  view.set({ playing: true });
  let beforeMs = performance.now();
  let exact = frame;
  const step = (nowMs: number): void => {
    const { playing, speed, dataset, episode } = view.get();
    if (!playing || dataset === null || episode === null) return;
    exact += ((nowMs - beforeMs) / 1000) * dataset.fps * speed;
    beforeMs = nowMs;
    if (Math.floor(exact) !== frame) showFrame(Math.floor(exact));
    if (frame >= episode.length - 1) pause();
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

export function pause(): void {
  if (!view.get().playing) return;
  view.set({ playing: false });
  remember();
}
