/** What a codec is to the rest: coded frames in, pictures out, each under the number it was handed in with. */

import type { Planes } from "./planes.ts";

export interface PictureDecoder {
  /** One coded frame in the order of decoding. Throws `bad-dataset` when it does not decode; then only `reset` is left. */
  push(frame: Uint8Array, number: number): void;
  /** Everything that waits for its turn to be shown is put out. Decoding may go on with the next frame. */
  flush(): void;
  /** Pictures since the last call, by number. */
  take(): [number, Planes][];
  /** The next frame stands alone. */
  reset(): void;
  close(): void;
}

/** Compiled decoders by codec. */
export type VideoCodecs = {
  /** Null where the codec has no decoder here. */
  create(codec: string, configuration: Uint8Array): Promise<PictureDecoder> | null;
};

/** Of one picture; videos that claim more are refused. */
export const MAX_PIXELS = 1 << 26;
