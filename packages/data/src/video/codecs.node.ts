/** The decoders and encoders of the package @bidden/codecs, if it is installed. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { BiddenError } from "@bidden/runtime";
import type { VideoCodecs } from "./picture-decoder.ts";
import type { VideoEncoders } from "./picture-encoder.ts";

const PACKAGE = "@bidden/codecs";

/** Their code, too, is loaded when the first video needs it. */
export async function loadCodecs(): Promise<VideoCodecs> {
  const [h264, av1] = [find(`${PACKAGE}/h264.wasm`), find(`${PACKAGE}/av1.wasm`)];
  const { createCodecs } = await import("./codecs.ts");
  return createCodecs({ h264: () => readFile(h264), av1: () => readFile(av1) });
}

/** Compiled at once: a frame that is recorded waits for nobody. */
export async function loadEncoders(): Promise<VideoEncoders> {
  const compile = async (name: string): Promise<WebAssembly.Module> =>
    WebAssembly.compile(await readFile(find(`${PACKAGE}/${name}`)));
  const modules = [await compile("h264-encoder.wasm"), await compile("h264.wasm")] as const;
  const { createH264Encoders } = await import("./h264-encoder.ts");
  return createH264Encoders(...modules);
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
