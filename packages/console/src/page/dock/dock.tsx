/** The place to speak: the box, three sentences to try, a new table, and Stop. */
import type { ReactNode } from "react";
import { ShuffleIcon } from "../icons.tsx";
import { instruct, shuffle, stop } from "../link/acts.ts";
import { slow } from "../link/live.ts";
import { useStore } from "../store.ts";
import { InstructionBox } from "./instruction-box.tsx";

const NO_TRIES: readonly string[] = [];

export function Dock(): ReactNode {
  const tries = useStore(slow, (state) => state.scene?.tries ?? NO_TRIES);
  const usable = useStore(slow, (state) => state.link === "open" && state.mayOperate);
  const reason = useStore(slow, (state) => state.watchReason);
  return (
    <footer className="dock">
      <div className="dock-speak">
        <InstructionBox first={tries[0] ?? ""} usable={usable} reason={reason} />
        <div className="dock-row">
          <div className="tries" role="group" aria-label="Sentences to try">
            {tries.map((text) => (
              <button key={text} type="button" className="try" disabled={!usable} onClick={() => instruct(text)}>
                {text}
              </button>
            ))}
          </div>
          <button
            type="button"
            className="quiet-button shuffle"
            aria-label="Shuffle"
            disabled={!usable}
            onClick={shuffle}
            title="Clear the table and set it anew"
          >
            <ShuffleIcon /> <span>Shuffle</span>
          </button>
        </div>
      </div>
      <button type="button" className="stop" onClick={stop}>
        <span className="stop-word">Stop</span>
        <kbd>space</kbd>
      </button>
    </footer>
  );
}
