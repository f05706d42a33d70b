/** The decoders of the package @bidden/codecs, if it is installed. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { BiddenError } from "@bidden/runtime";
import { createCodecs } from "./codecs.ts";
import type { VideoCodecs } from "./picture-decoder.ts";

const PACKAGE = "@bidden/codecs";

export function loadCodecs(): Promise<VideoCodecs> {
  return Promise.resolve().then(() => {
    const [h264, av1] = [find(`${PACKAGE}/h264.wasm`), find(`${PACKAGE}/av1.wasm`)];
    return createCodecs({ h264: () => readFile(h264), av1: () => readFile(av1) });
  });
}

function find(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw new BiddenError(
      "unsupported",
      `These pictures are video, and no video decoder is installed: npm install ${PACKAGE}. Numbers, tasks and image features can be read without one.`,
      { install: PACKAGE },
      error,
    );
  }
}
