/** Decoders by the name of an MP4's sample entry. */

import { createAv1 } from "./av1.ts";
import { createH264 } from "./h264.ts";
import type { VideoCodecs } from "./picture-decoder.ts";

/** WebAssembly of each decoder, fetched and compiled when the first video needs it. */
export type CodecSources = { readonly h264: () => Promise<BufferSource>; readonly av1: () => Promise<BufferSource> };

export function createCodecs(sources: CodecSources): VideoCodecs {
  const once = (read: () => Promise<BufferSource>): (() => Promise<WebAssembly.Module>) => {
    let module: Promise<WebAssembly.Module> | null = null;
    return () => (module ??= read().then((bytes) => WebAssembly.compile(bytes)));
  };
  const h264 = once(sources.h264);
  const av1 = once(sources.av1);
  return {
    create: (codec, configuration) => {
      if (codec === "avc1" || codec === "avc3") return h264().then((module) => createH264(module, configuration));
      if (codec === "av01") return av1().then((module) => createAv1(module, configuration));
      return null;
    },
  };
}
