/** The whole page: header, the table in 3-D, the box to speak into with Stop beside it, and the details. */
import { type ReactNode, useEffect, useState } from "react";
import { Dock } from "./dock/dock.tsx";
import { Conversation } from "./dock/conversation.tsx";
import { Header } from "./header.tsx";
import { slow } from "./link/live.ts";
import { Notices } from "./notices.tsx";
import { Panel } from "./panel/panel.tsx";
import { Part } from "./part.tsx";
import { Stage } from "./stage/stage.tsx";
import { StatusPill } from "./status-pill.tsx";
import { useStore } from "./store.ts";

/** Wide enough for the details to stand beside the table from the start. */
const WIDE = "(min-width: 1080px)";

export function App(): ReactNode {
  const [details, setDetails] = useState(() => matchMedia(WIDE).matches);
  const phase = useStore(slow, (state) => state.status?.phase ?? "ready");
  const mode = useStore(slow, (state) => state.status?.mode ?? "hold");
  const link = useStore(slow, (state) => state.link);
  const seed = useStore(slow, (state) => state.scene?.seed ?? -1);
  useEffect(() => {
    document.title = phase === "moving" ? "● bidden" : "bidden";
  }, [phase]);
  return (
    <div className="app" data-details={details} data-phase={phase} data-mode={mode} data-link={link} data-seed={seed}>
      <Header details={details} onDetails={() => setDetails(!details)} />
      <main className="main">
        <Part name="The 3-D view">
          <Stage />
        </Part>
        <StatusPill />
        <Part name="The conversation">
          <Conversation />
        </Part>
        <Notices />
      </main>
      <Dock />
      {details ? (
        <Part name="The panel of details">
          <Panel onClose={() => setDetails(false)} />
        </Part>
      ) : null}
    </div>
  );
}
