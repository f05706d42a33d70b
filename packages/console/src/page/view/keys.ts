/** Space plays, arrows step, with shift by ten; [ and ] change the episode. */
import { clock, scrubTo, showEpisode, togglePlay, view } from "./state.ts";

export function startKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "search") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = event.shiftKey ? 10 : 1;
    const episode = view.get().episode?.index ?? 0;
    const acts: Readonly<Record<string, () => void>> = {
      " ": togglePlay,
      ArrowLeft: () => scrubTo(clock.now() - by),
      ArrowRight: () => scrubTo(clock.now() + by),
      Home: () => scrubTo(0),
      End: () => scrubTo(Number.MAX_SAFE_INTEGER),
      "[": () => void showEpisode(episode - 1),
      "]": () => void showEpisode(episode + 1),
    };
    const act = acts[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  });
}
