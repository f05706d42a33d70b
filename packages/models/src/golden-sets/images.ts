/** Pictures through every resize, crop and compression of the references: `<reference>.json` and `.safetensors` beside PNGs. */
import type { Image } from "@bidden/runtime";
import { readTensor, safetensorsTensors } from "../checkpoint/checkpoint.ts";
import type { GoldenCheck, Tolerance } from "../checkpoint/golden.ts";
import type { CheckpointSource } from "../checkpoint/source.ts";
import { centreCrop, cropNinety, shortSideSize } from "../image/crop.ts";
import { type FloatImage, mapImage, toBytes, toFloat, toPlanes } from "../image/float-image.ts";
import { jpegRoundTrip } from "../image/jpeg-round-trip.ts";
import { readPng } from "../image/png.ts";
import type { Filter } from "../image/resample.ts";
import { cropAndResize, resizeBytes, resizeFloat, resizePil, type Size } from "../image/resize.ts";
import { resizeWithPad, resizeWithPadPil, resizeWithPadTorchBytes } from "../image/resize.ts";
import { type GoldenKind, readAll, readJson } from "./set.ts";

const REFERENCES = ["openpi", "lerobot", "torchvision", "openvla", "groot", "normalize"] as const;

type Reference = (typeof REFERENCES)[number];

export const images: GoldenKind = {
  name: "images",
  matches: (files) =>
    REFERENCES.some((name) => files.includes(`${name}.json`) && files.includes(`${name}.safetensors`)),
  async check(source, check) {
    const pictures = new Map<string, Image>();
    for (const reference of REFERENCES) {
      if ((await source.size(`${reference}.json`)) !== null) await checkReference(source, reference, pictures, check);
    }
  },
};

async function checkReference(
  source: CheckpointSource,
  reference: Reference,
  pictures: Map<string, Image>,
  check: GoldenCheck,
): Promise<void> {
  const facts = await readJson(source, `${reference}.json`);
  const entries = facts.object("tensors");
  const tensors = await safetensorsTensors(source, `${reference}.safetensors`);
  for (const [name, info] of tensors) {
    const dot = name.indexOf(".");
    const [picture, what] = dot < 0 ? ["", name] : [name.slice(0, dot), name.slice(dot + 1)];
    if (picture !== "" && !pictures.has(picture)) {
      pictures.set(picture, readPng(await readAll(source, `${picture}.png`), `${picture}.png`));
    }
    const expected = (await readTensor(source, info)).data;
    const how = entries.has(name) ? entries.object(name).text("how", "") : "";
    const stage = `${reference}: ${name}`;
    const image = pictures.get(picture);
    const came =
      reference === "normalize"
        ? await normalised(source, what)
        : image === undefined
          ? null
          : computed(reference, what, image, info.shape);
    if (came === null) check.note(`${stage} was left out: ${how}`);
    else check.equal(stage, came, expected, toleranceOf(info.dtype === "uint8", how, what));
  }
}

/** README-open.md: bytes to one level; floats 2e-6 in 0..1, 1e-3 in 0..255. A JPEG is compared to the level. */
function toleranceOf(bytes: boolean, how: string, what: string): Tolerance {
  if (bytes) return { maxAbs: 1 };
  return { maxAbs: what.startsWith("tf_") || how.includes("0..255") ? 1e-3 : 2e-6 };
}

function floatsOf(image: Image): FloatImage {
  return { ...image, channels: 3, data: Float32Array.from(image.data) };
}

function computed(
  reference: Exclude<Reference, "normalize">,
  what: string,
  image: Image,
  shape: readonly number[],
): ArrayLike<number> | null {
  const dims = shape.length === 4 ? shape.slice(1) : shape;
  const planar = dims[0] === 3;
  const size: Size = planar ? [dims[1] as number, dims[2] as number] : [dims[0] as number, dims[1] as number];
  switch (reference) {
    case "openpi":
      return openpi(what, image, size);
    case "lerobot":
      return lerobot(what, image, size);
    case "torchvision":
      return torchvision(what, image, size);
    case "openvla":
      return openvla(what, image, size);
    case "groot":
      return groot(what, image, size);
    default:
      return reference satisfies never;
  }
}

function openpi(what: string, image: Image, size: Size): ArrayLike<number> | null {
  const signed = (): FloatImage => mapImage(toFloat(image), (value) => Math.fround(value * 2) - 1);
  if (what.startsWith("client_pil")) return resizeWithPadPil(image, size).data;
  if (what.startsWith("torch_uint8")) return resizeWithPadTorchBytes(image, size).data;
  if (what.startsWith("jax_uint8"))
    return toBytes(resizeWithPad(floatsOf(image), size, { place: "centre", pad: 0, antialias: true })).data;
  if (!/^(jax|torch)_f32/.test(what)) return null;
  return resizeWithPad(signed(), size, { place: "centre", pad: -1, antialias: what.startsWith("jax") }).data;
}

function lerobot(what: string, image: Image, size: Size): ArrayLike<number> | null {
  if (what.startsWith("pi0_centred"))
    return resizeWithPad(toFloat(image), size, { place: "centre", pad: 0, antialias: false }).data;
  if (!what.startsWith("smolvla_left_top")) return null;
  return toPlanes(resizeWithPad(toFloat(image), size, { place: "left-top", pad: 0, antialias: false }));
}

function torchvision(what: string, image: Image, size: Size): ArrayLike<number> | null {
  const planes = (bytes: Image): Float32Array => toPlanes(floatsOf(bytes));
  const plain = /^(uint8|f32)\.(bilinear|bicubic)\.aa([01])$/.exec(what);
  if (plain !== null) {
    const options = { filter: plain[2] as Filter, antialias: plain[3] === "1" };
    return plain[1] === "uint8"
      ? planes(resizeBytes(image, size, options))
      : toPlanes(resizeFloat(toFloat(image), size, options));
  }
  const pil = /^(?:up\.)?pil\.(bilinear|bicubic|lanczos)$/.exec(what);
  if (pil !== null) return resizePil(image, size, pil[1] === "lanczos" ? "lanczos3" : (pil[1] as Filter)).data;
  if (what === "up.bilinear") return toPlanes(resizeFloat(toFloat(image), size, { antialias: true }));
  if (what.startsWith("short_side_")) {
    const short = shortSideSize(image, Number(what.slice("short_side_".length)));
    return planes(resizeBytes(image, short, { antialias: true }));
  }
  return what.startsWith("center_crop") ? toPlanes(centreCrop(floatsOf(image), size)) : null;
}

function openvla(what: string, image: Image, size: Size): ArrayLike<number> | null {
  const lanczos = { filter: "lanczos3", antialias: true, arithmetic: "tensorflow" } as const;
  if (what === "jpeg_decoded") return jpegRoundTrip(image).data;
  if (what === "center_crop") return cropNinety(resizeBytes(jpegRoundTrip(image), size, lanczos)).data;
  if (/^lanczos3_\d+_no_jpeg$/.test(what)) return resizeBytes(image, size, lanczos).data;
  if (/^lanczos3_\d+$/.test(what)) return resizeBytes(jpegRoundTrip(image), size, lanczos).data;
  const tf = /^tf_(lanczos3|bilinear|bicubic)_/.exec(what);
  if (tf !== null) return resizeFloat(floatsOf(image), size, { ...lanczos, filter: tf[1] as Filter }).data;
  if (!what.startsWith("crop_and_resize")) return null;
  const side = Math.fround(Math.sqrt(Math.fround(0.9)));
  const from = Math.fround(Math.fround(1 - side) / 2);
  const to = Math.fround(from + side);
  return cropAndResize(toFloat(image), [from, from, to, to], size).data;
}

function groot(what: string, image: Image, size: Size): ArrayLike<number> | null {
  const crop: Size = [Math.trunc(image.height * 0.95), Math.trunc(image.width * 0.95)];
  const resized = resizeFloat(centreCrop(toFloat(image), crop), size, { antialias: true });
  if (what.startsWith("uint8")) return toBytes(resized, 255, "truncate").data;
  return what.startsWith("f32") ? toPlanes(resized) : null;
}

const STATISTICS: Readonly<Record<string, readonly [mean: readonly number[], std: readonly number[]]>> = {
  imagenet: [
    [0.485, 0.456, 0.406],
    [0.229, 0.224, 0.225],
  ],
  dino_openvla: [
    [0.484375, 0.455078125, 0.40625],
    [0.228515625, 0.2236328125, 0.224609375],
  ],
  siglip: [
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
  ],
};

async function normalised(source: CheckpointSource, what: string): Promise<ArrayLike<number> | null> {
  const info = (await safetensorsTensors(source, "normalize.safetensors")).get("input_uint8_hwc");
  if (info === undefined) return null;
  const [height = 0, width = 0] = info.shape;
  const data = (await readTensor(source, info)).data as Uint8Array;
  if (what === "input_uint8_hwc") return data;
  const image = { width, height, data };
  const statistics = STATISTICS[what];
  if (statistics !== undefined) return toPlanes(toFloat(image), ...statistics);
  const signed = mapImage(toFloat(image), (value) => Math.fround(value * 2) - 1);
  if (what === "pi_times2_minus1") return toPlanes(signed);
  if (what === "openpi_uint8") return signed.data;
  return what === "octo" ? mapImage(toFloat(image, 127.5), (value) => value - 1).data : null;
}
