/**
 * Binary frames, little-endian: a header of 8 bytes [kind u8, index u8, a u16, b u16, c u16], then the body. They are
 * sent about 30 (poses) or 10 (pictures, heat, path) times a second and may be dropped: each stands for itself.
 */
import { BiddenError } from "@bidden/runtime";

const HEADER_BYTES = 8;
const POSES = 1;
const PICTURE = 2;
const HEAT = 3;
const PATH = 4;
const CHANNELS = ["act", "place"] as const;

export type Frame =
  /** float32[bodies, 7]: position (m) and quaternion (w, x, y, z) of each body. */
  | { readonly kind: "poses"; readonly poses: Float32Array }
  /** uint8[height, width, 3] of the camera with this index in the welcome. */
  | {
      readonly kind: "picture";
      readonly camera: number;
      readonly width: number;
      readonly height: number;
      readonly rgb: Uint8Array;
    }
  | HeatFrame
  /** float32[n, 3]: where the planned chunk will take the tool, m; empty when nothing is planned. */
  | { readonly kind: "path"; readonly points: Float32Array };

/** Where the policy points in one camera. */
export type HeatFrame = {
  readonly kind: "heat";
  readonly camera: number;
  readonly channel: (typeof CHANNELS)[number];
  readonly rows: number;
  readonly cols: number;
  /** uint8[rows, cols], 255 = the strongest patch. */
  readonly values: Uint8Array;
  /** The best estimate in the picture, 0..1 from its top left; null when it points nowhere or outside. */
  readonly marker: readonly [number, number] | null;
};

export function encodeFrame(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case "poses":
      return pack(POSES, 0, [frame.poses.length / 7, 0, 0], bytesOf(frame.poses));
    case "picture":
      return pack(PICTURE, frame.camera, [frame.width, frame.height, 0], frame.rgb);
    case "heat": {
      const [u, v] = frame.marker ?? [Number.NaN, Number.NaN];
      const body = new Uint8Array(8 + frame.values.length);
      body.set(bytesOf(new Float32Array([u, v])));
      body.set(frame.values, 8);
      return pack(HEAT, frame.camera, [frame.rows, frame.cols, CHANNELS.indexOf(frame.channel)], body);
    }
    case "path":
      return pack(PATH, 0, [frame.points.length / 3, 0, 0], bytesOf(frame.points));
    default:
      return frame satisfies never;
  }
}

/** @throws BiddenError("bad-file") when the bytes are not a frame of this protocol. */
export function decodeFrame(buffer: ArrayBuffer): Frame {
  if (buffer.byteLength < HEADER_BYTES)
    throw broken(`${buffer.byteLength} bytes are fewer than a header's ${HEADER_BYTES}`);
  const header = new DataView(buffer, 0, HEADER_BYTES);
  const kind = header.getUint8(0);
  const camera = header.getUint8(1);
  const [a, b, c] = [header.getUint16(2, true), header.getUint16(4, true), header.getUint16(6, true)];
  const body = new Uint8Array(buffer, HEADER_BYTES);
  switch (kind) {
    case POSES:
      return { kind: "poses", poses: new Float32Array(expect(body, a * 28).slice().buffer) };
    case PICTURE:
      return { kind: "picture", camera, width: a, height: b, rgb: expect(body, a * b * 3) };
    case HEAT: {
      const [u = Number.NaN, v = Number.NaN] = new Float32Array(expect(body, 8 + a * b).slice(0, 8).buffer);
      const marker = Number.isNaN(u) || Number.isNaN(v) ? null : ([u, v] as const);
      return {
        kind: "heat",
        camera,
        channel: CHANNELS[c] ?? "act",
        rows: a,
        cols: b,
        values: body.subarray(8),
        marker,
      };
    }
    case PATH:
      return { kind: "path", points: new Float32Array(expect(body, a * 12).slice().buffer) };
    default:
      throw broken(`kind ${kind} is not known`);
  }
}

function pack(kind: number, index: number, numbers: readonly [number, number, number], body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  const header = new DataView(bytes.buffer);
  header.setUint8(0, kind);
  header.setUint8(1, index);
  numbers.forEach((value, i) => {
    header.setUint16(2 + 2 * i, value, true);
  });
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function expect(body: Uint8Array, byteLength: number): Uint8Array {
  if (body.length !== byteLength) throw broken(`its body should have ${byteLength} bytes and has ${body.length}`);
  return body;
}

function broken(why: string): BiddenError {
  return new BiddenError("bad-file", `This is no frame of the console's protocol: ${why}.`);
}
