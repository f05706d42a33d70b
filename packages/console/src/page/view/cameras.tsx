/** All cameras at the same frame: pictures one by one, or a video that is sought to the middle of the frame. */
import { BiddenError, messageOf } from "@bidden/runtime";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { ViewCamera, ViewDataset, ViewEpisode } from "../../protocol/view.ts";
import { clock, view } from "./state.ts";

/** Pictures that are fetched ahead, and those that stay. */
const AHEAD = 12;
const KEPT = 240;
/** A playing video may be so far from the frame, seconds. */
const STRAY_S = 0.12;

export function Cameras({ dataset, episode }: { dataset: ViewDataset; episode: ViewEpisode }): ReactNode {
  if (dataset.cameras.length === 0) return null;
  return (
    <section className="view-cameras" aria-label="Cameras">
      {dataset.cameras.map((camera) => (
        <figure key={`${camera.name} ${episode.index}`} className="view-camera">
          {camera.kind === "video" ? (
            <Video camera={camera} episode={episode} fps={dataset.fps} />
          ) : (
            <Pictures camera={camera} episode={episode} />
          )}
          <figcaption>
            {camera.name.replace(/^observation[./](images?[./])?/, "")}
            <span className="number">{camera.width > 0 ? `${camera.width} x ${camera.height}` : ""}</span>
          </figcaption>
        </figure>
      ))}
    </section>
  );
}

type Props = { readonly camera: ViewCamera; readonly episode: ViewEpisode };

function address(what: string, { camera, episode }: Props): string {
  return `api/${what}/${episode.index}/${encodeURIComponent(camera.name)}`;
}

function Pictures({ camera, episode }: Props): ReactNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    const kept = new Map<number, Promise<ImageBitmap>>();
    const base = address("picture", { camera, episode });
    const get = (frame: number): Promise<ImageBitmap> => {
      const known = kept.get(frame) ?? fetchPicture(`${base}/${frame}`);
      kept.delete(frame);
      kept.set(frame, known);
      known.catch(() => kept.delete(frame));
      for (const oldest of kept.keys()) {
        if (kept.size <= KEPT) break;
        kept.delete(oldest);
      }
      return known;
    };
    let wanted = -1;
    const show = (frame: number): void => {
      wanted = frame;
      const paint = (picture: ImageBitmap): void => {
        const element = canvas.current;
        if (frame !== wanted || element === null) return;
        element.width = picture.width;
        element.height = picture.height;
        element.getContext("2d")?.drawImage(picture, 0, 0);
        element.dataset["frame"] = String(frame);
        setFault(null);
      };
      get(frame).then(paint, (thrown: unknown) => setFault(messageOf(thrown)));
      for (let ahead = frame + 1; ahead <= Math.min(frame + AHEAD, episode.length - 1); ahead++)
        get(ahead).catch(() => undefined);
    };
    show(clock.now());
    return clock.on(show);
  }, [camera, episode]);
  return fault === null ? <canvas ref={canvas} className="view-picture" /> : <p className="view-nopicture">{fault}</p>;
}

async function fetchPicture(url: string): Promise<ImageBitmap> {
  const response = await fetch(url);
  if (!response.ok) throw new BiddenError("not-found", await response.text());
  return createImageBitmap(await response.blob());
}

function Video({ camera, episode, fps }: Props & { readonly fps: number }): ReactNode {
  const video = useRef<HTMLVideoElement>(null);
  const [fault, setFault] = useState<string | null>(null);
  useEffect(() => {
    const element = video.current;
    let url = "";
    let gone = false;
    const seek = (frame: number): void => {
      // A seek that is still running is not interrupted, or scrubbing would never show anything.
      if (element === null || element.readyState < 1 || element.seeking) return;
      element.currentTime = (frame + 0.5) / fps;
      element.dataset["frame"] = String(frame);
    };
    const show = (frame: number): void => {
      const playing = element?.paused === false;
      // While it plays by itself it is only set right when it strays.
      if (!playing || Math.abs(element.currentTime - (frame + 0.5) / fps) > STRAY_S) seek(frame);
    };
    const catchUp = (): void => {
      if (element?.dataset["frame"] !== String(clock.now())) show(clock.now());
    };
    const follow = (): void => {
      const { playing, speed } = view.get();
      if (element === null || playing !== element.paused) return;
      element.playbackRate = speed;
      if (playing) element.play().catch(() => undefined);
      else {
        element.pause();
        seek(clock.now());
      }
    };
    element?.addEventListener("seeked", catchUp);
    element?.addEventListener("loadedmetadata", catchUp);
    const load = async (): Promise<void> => {
      const response = await fetch(address("video", { camera, episode }));
      if (!response.ok) return setFault(await response.text());
      // Held whole, so that every frame can be sought.
      url = URL.createObjectURL(await response.blob());
      if (gone || element === null) URL.revokeObjectURL(url);
      else element.src = url;
    };
    load().catch((thrown: unknown) => setFault(messageOf(thrown)));
    const leave = clock.on(show);
    const unfollow = view.subscribe(follow);
    return () => {
      gone = true;
      leave();
      unfollow();
      element?.removeEventListener("seeked", catchUp);
      element?.removeEventListener("loadedmetadata", catchUp);
      if (url !== "") URL.revokeObjectURL(url);
    };
  }, [camera, episode, fps]);
  const unplayable =
    "This browser cannot play the video of this camera. Another browser may; converted to pictures it can be seen everywhere.";
  return fault === null ? (
    <video ref={video} className="view-picture" muted playsInline preload="auto" onError={() => setFault(unplayable)}>
      <track kind="captions" />
    </video>
  ) : (
    <p className="view-nopicture">{fault}</p>
  );
}
