/** What this page asked for and did not get, for a few seconds; and why it may only watch. */
import { type ReactNode, useEffect } from "react";
import { CloseIcon } from "./icons.tsx";
import { slow } from "./link/live.ts";
import { useStore } from "./store.ts";

const SHOWN_MS = 7000;

export function Notices(): ReactNode {
  const fault = useStore(slow, (state) => state.fault);
  useEffect(() => {
    if (fault === null) return undefined;
    const timer = setTimeout(() => slow.set({ fault: null }), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [fault]);
  return (
    <div className="notices" role="alert">
      {fault === null ? null : (
        <p className="notice">
          <span>{fault.sentence}</span>
          <button type="button" className="icon-button" aria-label="Close" onClick={() => slow.set({ fault: null })}>
            <CloseIcon />
          </button>
        </p>
      )}
    </div>
  );
}
