/** The decoders and encoders of the package @bidden/codecs, if it is installed. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { BiddenError } from "@bidden/runtime";
import { createCodecs } from "./codecs.ts";
import { createH264Encoders } from "./h264-encoder.ts";
import type { VideoCodecs } from "./picture-decoder.ts";
import type { VideoEncoders } from "./picture-encoder.ts";

const PACKAGE = "@bidden/codecs";

export function loadCodecs(): Promise<VideoCodecs> {
  return Promise.resolve().then(() => {
    const [h264, av1] = [find(`${PACKAGE}/h264.wasm`), find(`${PACKAGE}/av1.wasm`)];
    return createCodecs({ h264: () => readFile(h264), av1: () => readFile(av1) });
  });
}

/** Compiled at once: a frame that is recorded waits for nobody. */
export async function loadEncoders(): Promise<VideoEncoders> {
  const compile = async (name: string): Promise<WebAssembly.Module> =>
    WebAssembly.compile(await readFile(find(`${PACKAGE}/${name}`)));
  return createH264Encoders(await compile("h264-encoder.wasm"), await compile("h264.wasm"));
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
