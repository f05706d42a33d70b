/**
 * Encoding H.264 and AV1 as the recorder does it, each frame decoded again and compared: frames a second, bytes a frame, and how many of the
 * frames, decoded, carry the number of another one. Clips as in which SVT-AV1's preset 12 lost pictures (blocks of 8 x 8 pixels that
 * count the frames, full contrast, over a drifting picture).
 *
 *   npx tsx bench/data-encode.ts [--frames 600]
 *
 * Goal: no frame carries another one's number.
 */
import { parseArgs } from "node:util";
import { createRng, type Image } from "@bidden/runtime";
import { MemoryStore } from "../packages/data/src/files/memory-store.ts";
import { loadCodecs, loadEncoders } from "../packages/data/src/video/codecs.node.ts";
import type { VideoCodec } from "../packages/data/src/video/picture-encoder.ts";
import { VideoFile } from "../packages/data/src/video/video-file.ts";

const CELL = 8;
const COLUMNS = 6;
const BITS = 24;

const { values } = parseArgs({ options: { frames: { type: "string", default: "600" } } });

/** 24 cells at (8, 8), six in a row, over a drifting gradient with noise. */
function painted(number: number, side: number): Image {
  const rng = createRng(number + 1);
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [column, row] = [Math.floor(x / CELL) - 1, Math.floor(y / CELL) - 1];
      const bit = column >= 0 && column < COLUMNS && row >= 0 ? row * COLUMNS + column : BITS;
      const light = bit < BITS ? ((number >> bit) & 1) * 255 : 70 + ((x + y + number) % 100) + rng.uniform() * 12;
      data.fill(light, (y * side + x) * 3, (y * side + x) * 3 + 3);
    }
  }
  return { width: side, height: side, data };
}

function readNumber({ data, width }: Image): number {
  let number = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const [column, row] = [bit % COLUMNS, Math.floor(bit / COLUMNS)];
    const at = ((CELL * (row + 1) + CELL / 2) * width + CELL * (column + 1) + CELL / 2) * 3;
    number |= (data[at] as number) > 128 ? 1 << bit : 0;
  }
  return number;
}

/** Frames a second, bytes a frame, and how many frames show another number. */
async function measure(codec: VideoCodec, side: number, gop: number, frames: number): Promise<readonly number[]> {
  const encoders = await loadEncoders(codec);
  const recording = encoders.start({ width: side, height: side, fps: 30 }, { gop });
  const numbers = Array.from({ length: frames }, (_, i) => (i * 40503) % (1 << BITS));
  let milliseconds = 0;
  for (const number of numbers) {
    const image = painted(number, side);
    const start = performance.now();
    recording.add(image);
    milliseconds += performance.now() - start;
  }
  const bytes = recording.finish();
  const store = new MemoryStore([["a.mp4", bytes]]);
  const video = await VideoFile.open(await store.open("a.mp4"), "a.mp4", await loadCodecs());
  let wrong = 0;
  for (const [i, number] of numbers.entries()) if (readNumber(await video.frame(i)) !== number) wrong++;
  await video.close();
  return [Math.round((frames / milliseconds) * 1000), Math.round(bytes.length / frames), wrong];
}

console.log("codec  pictures    gop   frames/s   bytes/frame   frames with another number (goal 0)");
for (const codec of ["h264", "av1"] as const) {
  for (const side of [96, 256]) {
    for (const gop of [2, 30]) {
      const [rate, bytes, wrong] = await measure(codec, side, gop, Number(values.frames));
      const cells = [
        codec.padEnd(5),
        `${side} x ${side}`.padEnd(10),
        String(gop).padStart(4),
        String(rate).padStart(10),
      ];
      console.log(...cells, String(bytes).padStart(13), String(wrong).padStart(8));
    }
  }
}
