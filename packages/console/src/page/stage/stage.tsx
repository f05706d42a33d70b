/** The 3-D view in React's tree. React makes the canvas once; everything that moves goes past it. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { LogEntry } from "../../protocol/messages.ts";
import { EyeIcon } from "../icons.tsx";
import { choose } from "../link/acts.ts";
import { fast, latestFrames, slow } from "../link/live.ts";
import { useStore } from "../store.ts";
import { theme } from "../theme.ts";
import { letterOf, useOpenQuestion } from "../question.ts";
import { createView, type View } from "./view.ts";
import type { Frame } from "../../protocol/frames.ts";

export function Stage(): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<View | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (canvas.current === null) return undefined;
    const made = createView(canvas.current, theme.get().now);
    setView(made);
    setFailed(made === null);
    if (made === null) return undefined;
    const leave = follow(made);
    return () => {
      leave();
      made.dispose();
    };
  }, []);
  return (
    <section className="stage" aria-label="The table, seen from your seat">
      <canvas ref={canvas} className="stage-canvas" tabIndex={-1} />
      {failed ? (
        <p className="stage-empty">
          This browser cannot draw in 3-D (WebGL is off). The cameras in the details still show the table.
        </p>
      ) : null}
      {view === null ? null : <Pins view={view} />}
      {view === null ? null : (
        <button
          type="button"
          className="quiet-button stage-seat"
          onClick={() => view.lookFromSeat()}
          title="Look from your seat again"
        >
          <EyeIcon /> <span>My view</span>
        </button>
      )}
    </section>
  );
}

/** Connects the view with what the server sends; returns how to disconnect. */
function follow(view: View): () => void {
  let [scene, status] = [slow.get().scene, slow.get().status];
  const onFrame = (frame: Frame): void => {
    if (frame.kind === "poses") view.setPoses(frame.poses);
    else if (frame.kind === "path") view.setPath(frame.points);
  };
  if (scene !== null) view.setScene(scene);
  latestFrames().forEach(onFrame);
  const leaves = [
    fast.frame.on(onFrame),
    theme.subscribe(() => view.setTheme(theme.get().now)),
    slow.subscribe(() => {
      const next = slow.get();
      if (next.scene !== null && next.scene !== scene) view.setScene(next.scene);
      if (next.status !== null && next.status !== status) view.setPointing(next.status.pointing);
      [scene, status] = [next.scene, next.status];
    }),
  ];
  return () => leaves.forEach((leave) => leave());
}

/** Letters over the things that could have been meant. */
function Pins({ view }: { view: View }): ReactNode {
  const question = useOpenQuestion();
  const layer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const move = (): void => movePins(layer.current, question, view);
    view.onDraw(move);
    move();
  }, [question, view]);
  const mayOperate = useStore(slow, (state) => state.mayOperate);
  return (
    <div ref={layer} className="pins">
      {(question?.candidates ?? []).map((candidate, index) => (
        <button
          key={`${question?.id} ${candidate.label} ${candidate.at.join(" ")}`}
          type="button"
          className="pin"
          disabled={!mayOperate}
          onClick={() => choose(question?.id ?? 0, index)}
          title={`This one: ${candidate.label}`}
        >
          {letterOf(index)}
        </button>
      ))}
    </div>
  );
}

function movePins(layer: HTMLDivElement | null, question: LogEntry | null, view: View): void {
  (question?.candidates ?? []).forEach((candidate, index) => {
    const pin = layer?.children[index];
    if (!(pin instanceof HTMLElement)) return;
    const [x, y, z] = candidate.at;
    const place = view.project([x, y, z + 0.05]);
    pin.hidden = place === null;
    if (place !== null) pin.style.transform = `translate(${place[0]}px, ${place[1]}px) translate(-50%, -100%)`;
  });
}
