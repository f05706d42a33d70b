/** Who drives, whether it is recorded, whether we are connected; theme and details. */
import type { ReactNode } from "react";
import type { Driver } from "../protocol/messages.ts";
import { MoonIcon, PanelIcon, SunIcon } from "./icons.tsx";
import { slow } from "./link/live.ts";
import { useStore } from "./store.ts";
import { theme, toggleTheme } from "./theme.ts";
import { Wordmark } from "./wordmark.tsx";

export function Header({ details, onDetails }: { details: boolean; onDetails: () => void }): ReactNode {
  const driver = useStore(slow, (state) => state.driver);
  const recording = useStore(slow, (state) => state.status?.recording ?? null);
  const watching = useStore(slow, (state) => state.link === "open" && !state.mayOperate);
  const reason = useStore(slow, (state) => state.watchReason);
  const now = useStore(theme, (state) => state.now);
  return (
    <header className="header">
      <Wordmark />
      {driver === null ? null : <DriverChip driver={driver} />}
      {recording === null ? null : (
        <span className="chip chip-rec" title={`Recording to ${recording.folder}`}>
          <i aria-hidden="true" /> Recording <span className="wide-only">episode {recording.episode}</span>
        </span>
      )}
      {watching ? (
        <span className="chip chip-watch" title={reason}>
          Watching only
        </span>
      ) : null}
      <span className="grow" />
      <button
        type="button"
        className="icon-button"
        onClick={toggleTheme}
        aria-label={now === "dark" ? "Light colours" : "Dark colours"}
        title={now === "dark" ? "Light colours" : "Dark colours"}
      >
        {now === "dark" ? <SunIcon /> : <MoonIcon />}
      </button>
      <button
        type="button"
        className="icon-button"
        aria-pressed={details}
        onClick={onDetails}
        aria-label="Details"
        title={details ? "Hide the details" : "Show the details"}
      >
        <PanelIcon />
      </button>
    </header>
  );
}

function DriverChip({ driver }: { driver: Driver }): ReactNode {
  if (driver.kind === "expert") {
    return (
      <span
        className="chip chip-expert"
        data-driver="expert"
        title="A script that sees the full state of the simulator, not a policy: it was asked for by name."
      >
        Scripted expert <span className="wide-only">drives</span>
      </span>
    );
  }
  return (
    <span className="chip" data-driver="policy" title={`Weights: SHA-256 ${driver.digest}`}>
      {driver.name} <code>{driver.digest.slice(0, 7)}</code>
    </span>
  );
}
