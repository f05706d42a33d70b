/** The details: what it sees, who decides, how it moves. Beside the table on wide screens, a sheet on narrow ones. */
import type { ReactNode } from "react";
import { CloseIcon } from "../icons.tsx";
import { Decision } from "./decision.tsx";
import { Eyes } from "./eyes.tsx";
import { Traces } from "./traces.tsx";

export function Panel({ onClose }: { onClose: () => void }): ReactNode {
  return (
    <aside className="panel" aria-label="Details">
      <button type="button" className="icon-button panel-close" onClick={onClose} aria-label="Close the details">
        <CloseIcon />
      </button>
      <Eyes />
      <Decision />
      <Traces />
    </aside>
  );
}
