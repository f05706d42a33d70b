/** What each camera sees, with where the policy points as heat and a cross, and the candidates of an open question. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Frame } from "../../protocol/frames.ts";
import type { CameraInfo } from "../../protocol/messages.ts";
import { choose } from "../link/acts.ts";
import { fast, latestFrames, slow } from "../link/live.ts";
import { letterOf, useOpenQuestion } from "../question.ts";
import { useStore } from "../store.ts";
import { drawHeat, drawPicture } from "./paint.ts";

const NAMES: Readonly<Record<string, string>> = { front: "Front camera", wrist: "Wrist camera" };

export function Eyes(): ReactNode {
  const cameras = useStore(slow, (state) => state.cameras);
  const [heat, setHeat] = useState(true);
  return (
    <section className="card" aria-labelledby="eyes-title">
      <div className="card-head">
        <h2 id="eyes-title">What it sees</h2>
        <button type="button" className="toggle" aria-pressed={heat} onClick={() => setHeat(!heat)}>
          <i data-channel="act" /> acts on <i data-channel="place" /> puts at
        </button>
      </div>
      <div className="eyes" data-heat={heat}>
        {cameras.map((camera, index) => (
          <Eye key={camera.name} camera={camera} index={index} />
        ))}
      </div>
    </section>
  );
}

function Eye({ camera, index }: { camera: CameraInfo; index: number }): ReactNode {
  const figure = useRef<HTMLElement>(null);
  const question = useOpenQuestion();
  const mayOperate = useStore(slow, (state) => state.mayOperate);
  const scene = useStore(slow, (state) => state.scene);
  useEffect(() => {
    const onFrame = (frame: Frame): void => {
      if (figure.current !== null && "camera" in frame && frame.camera === index) paint(figure.current, frame);
    };
    if (figure.current !== null && scene !== null) forgetPointing(figure.current);
    latestFrames().forEach(onFrame);
    return fast.frame.on(onFrame);
  }, [index, scene]);
  return (
    <figure ref={figure} className="eye" data-camera={camera.name}>
      <div className="eye-view" style={{ aspectRatio: `${camera.width} / ${camera.height}` }}>
        <canvas className="picture" width={camera.width} height={camera.height} />
        <canvas className="heat" data-channel="act" />
        <canvas className="heat" data-channel="place" />
        <span className="cross" data-channel="act" hidden />
        <span className="cross" data-channel="place" hidden />
        {(camera.name === "front" ? (question?.candidates ?? []) : []).map((candidate, at) =>
          candidate.u === null || candidate.v === null ? null : (
            <button
              key={`${question?.id} ${candidate.at.join(" ")}`}
              type="button"
              className="pin pin-small"
              disabled={!mayOperate}
              style={{ left: `${candidate.u * 100}%`, top: `${candidate.v * 100}%` }}
              onClick={() => choose(question?.id ?? 0, at)}
              title={`This one: ${candidate.label}`}
            >
              {letterOf(at)}
            </button>
          ),
        )}
      </div>
      <figcaption>
        {NAMES[camera.name] ?? camera.name}{" "}
        <span>
          {camera.width} × {camera.height}
        </span>
      </figcaption>
    </figure>
  );
}

/** A new scene: what was pointed at in the old one is gone. */
function forgetPointing(figure: HTMLElement): void {
  for (const canvas of figure.querySelectorAll<HTMLCanvasElement>(".heat")) canvas.width = 0;
  for (const mark of figure.querySelectorAll<HTMLElement>(".cross")) mark.hidden = true;
}

function paint(figure: HTMLElement, frame: Frame): void {
  if (frame.kind === "picture") {
    const canvas = figure.querySelector<HTMLCanvasElement>(".picture");
    if (canvas !== null) drawPicture(canvas, frame.width, frame.height, frame.rgb);
  }
  if (frame.kind !== "heat") return;
  const canvas = figure.querySelector<HTMLCanvasElement>(`.heat[data-channel=${frame.channel}]`);
  if (canvas !== null) drawHeat(canvas, frame);
  const cross = figure.querySelector<HTMLElement>(`.cross[data-channel=${frame.channel}]`);
  if (cross === null) return;
  cross.hidden = frame.marker === null;
  if (frame.marker !== null) {
    cross.style.left = `${frame.marker[0] * 100}%`;
    cross.style.top = `${frame.marker[1] * 100}%`;
  }
}
