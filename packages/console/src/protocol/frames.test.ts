import { BiddenError } from "@bidden/runtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeFrame, encodeFrame, type Frame } from "./frames.ts";

const floats = (length: number): fc.Arbitrary<Float32Array> =>
  fc.float32Array({ minLength: length, maxLength: length, noNaN: true });
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const sizes = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 12 }));
const share = fc.float({ min: 0, max: 1, noNaN: true });

const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.nat(9).chain((n) => floats(7 * n).map((poses): Frame => ({ kind: "poses", poses }))),
  fc.nat(9).chain((n) => floats(3 * n).map((points): Frame => ({ kind: "path", points }))),
  fc
    .tuple(sizes, fc.nat(255))
    .chain(([[width, height], camera]) =>
      bytes(3 * width * height).map((rgb): Frame => ({ kind: "picture", camera, width, height, rgb })),
    ),
  fc
    .tuple(sizes, fc.nat(255), fc.constantFrom("act" as const, "place" as const), fc.option(fc.tuple(share, share)))
    .chain(([[rows, cols], camera, channel, marker]) =>
      bytes(rows * cols).map((values): Frame => ({ kind: "heat", camera, channel, rows, cols, values, marker })),
    ),
);

const bufferOf = (frame: Frame): ArrayBuffer => Uint8Array.from(encodeFrame(frame)).buffer;

test("every frame is read as it was written", () => {
  fc.assert(
    fc.property(frames, (frame) => {
      expect(decodeFrame(bufferOf(frame))).toEqual(frame);
    }),
  );
});

test("a frame that lost bytes or has too many is refused in words", () => {
  fc.assert(
    fc.property(frames, fc.integer({ min: 1, max: 8 }), (frame, cut) => {
      const whole = bufferOf(frame);
      const longer = Uint8Array.from([...new Uint8Array(whole), ...new Uint8Array(cut)]).buffer;
      for (const broken of [whole.slice(0, whole.byteLength - cut), longer]) {
        expect(() => decodeFrame(broken)).toThrow(BiddenError);
      }
    }),
  );
});
