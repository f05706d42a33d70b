/** The decoders and encoders of the package @bidden/codecs, if it is installed. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { BiddenError } from "@bidden/runtime";
import type { VideoCodecs } from "./picture-decoder.ts";
import type { StretchTools } from "./stretch.ts";
import type { VideoCodec, VideoEncoders } from "./picture-encoder.ts";

const PACKAGE = "@bidden/codecs";

/** Their code, too, is loaded when the first video needs it. */
export async function loadCodecs(): Promise<VideoCodecs> {
  const [h264, av1] = [find(`${PACKAGE}/h264.wasm`), find(`${PACKAGE}/av1.wasm`)];
  const { createCodecs } = await import("./codecs.ts");
  return createCodecs({ h264: () => readFile(h264), av1: () => readFile(av1) });
}

/** Compiled at once: a frame that is recorded waits for nobody. */
export async function loadEncoders(codec: VideoCodec): Promise<VideoEncoders> {
  const compile = async (name: string): Promise<WebAssembly.Module> =>
    WebAssembly.compile(await readFile(find(`${PACKAGE}/${name}`)));
  const modules = { encoder: await compile(`${codec}-encoder.wasm`), decoder: await compile(`${codec}.wasm`) };
  const { createEncoders } = await import("./encoders.ts");
  return createEncoders(codec, modules);
}

/** Null where none are installed. */
export async function loadCodecsIfThere(): Promise<VideoCodecs | null> {
  try {
    return await loadCodecs();
  } catch (error) {
    if (error instanceof BiddenError && error.code === "unsupported") return null;
    throw error;
  }
}

/** For edits that begin within a group of pictures. Null where no codecs are installed. */
export async function loadStretchTools(): Promise<StretchTools | null> {
  const codecs = await loadCodecsIfThere();
  const loaded = new Map<VideoCodec, Promise<VideoEncoders>>();
  const encoders = (codec: VideoCodec): Promise<VideoEncoders> => {
    const known = loaded.get(codec) ?? loadEncoders(codec);
    loaded.set(codec, known);
    return known;
  };
  return codecs === null ? null : { codecs, encoders };
}

function find(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new BiddenError(
      "unsupported",
      `These pictures are video, and no video codec is installed: npm install ${PACKAGE}. Numbers, tasks and image features can be read without one.`,
      { install: PACKAGE },
      error,
    );
  }
}
