/**
 * features.json of TensorFlow Datasets: the tree of features, and how it is flattened into the keys of an Example
 * (example_serializer.py, dataset_feature.py, sequence_feature.py, tensor_feature.py, image_feature.py of tfds 4.9).
 */

import { BiddenError } from "@bidden/runtime";

/** -1 stands for a size that is not known. */
export type TfdsLeaf =
  | {
      readonly kind: "tensor";
      readonly dtype: string;
      readonly shape: readonly number[];
      readonly encoding: "none" | "bytes" | "zlib";
    }
  | { readonly kind: "image"; readonly dtype: string; readonly shape: readonly number[]; readonly format: string }
  | { readonly kind: "text" }
  | { readonly kind: "label"; readonly classes: number };

/** Where a leaf stands: its key in the Example, and the sequences around it, outermost first (-1: any length). */
export type TfdsPlace = {
  readonly key: string;
  readonly leaf: TfdsLeaf;
  readonly sequences: readonly number[];
};

type Json = { readonly [key: string]: unknown };

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** All leaves, in the order of the file. @param where the file, for messages. */
export function flattenFeatures(json: unknown, where: string): TfdsPlace[] {
  const out: TfdsPlace[] = [];
  walk(json, [], [], out, where);
  return out;
}

function walk(
  json: unknown,
  path: readonly string[],
  sequences: readonly number[],
  out: TfdsPlace[],
  where: string,
): void {
  const key = path.join("/");
  const bad = (what: string): BiddenError =>
    new BiddenError("bad-dataset", `${where}: feature "${key}" ${what}.`, { feature: key });
  if (!isObject(json)) throw bad("is not an object");
  if (path.length > 32) throw bad("is nested too deeply");
  const { featuresDict, sequence, pythonClassName } = json;
  if (isObject(featuresDict)) {
    const inner = isObject(featuresDict["features"]) ? featuresDict["features"] : {};
    for (const [name, feature] of Object.entries(inner)) walk(feature, [...path, name], sequences, out, where);
    return;
  }
  if (isObject(sequence)) {
    walk(sequence["feature"], path, [...sequences, sizeOf(sequence["length"] ?? "-1", bad)], out, where);
    return;
  }
  const leaf = leafOf(json, bad);
  if (leaf !== null) {
    out.push({ key, leaf, sequences });
    return;
  }
  // A class of the user's that only holds other features.
  const content = json["content"];
  if (isObject(content)) walk(content, path, sequences, out, where);
  else
    throw new BiddenError(
      "unsupported",
      `${where}: feature "${key}" is a ${String(pythonClassName)}, which bidden does not read.`,
    );
}

function leafOf(json: Json, bad: (what: string) => BiddenError): TfdsLeaf | null {
  const { tensor, image, text, classLabel } = json;
  if (isObject(tensor)) {
    const { dtype, encoding = "none" } = tensor;
    if (typeof dtype !== "string") throw bad("has no dtype");
    if (encoding !== "none" && encoding !== "bytes" && encoding !== "zlib")
      throw bad(`has encoding ${JSON.stringify(encoding)}`);
    return { kind: "tensor", dtype, shape: shapeOf(tensor["shape"], bad), encoding };
  }
  if (isObject(image)) {
    const { dtype, encodingFormat } = image;
    const format = typeof encodingFormat === "string" && encodingFormat !== "" ? encodingFormat : "png";
    return {
      kind: "image",
      dtype: typeof dtype === "string" ? dtype : "uint8",
      shape: shapeOf(image["shape"], bad),
      format,
    };
  }
  if (isObject(text)) return { kind: "text" };
  if (isObject(classLabel)) return { kind: "label", classes: Number(classLabel["numClasses"] ?? 0) };
  return null;
}

function shapeOf(json: unknown, bad: (what: string) => BiddenError): number[] {
  const dimensions = isObject(json) ? (json["dimensions"] ?? []) : [];
  if (!Array.isArray(dimensions) || dimensions.length > 8) throw bad("has no shape");
  return dimensions.map((size) => sizeOf(size, bad));
}

/** proto3 JSON writes 64-bit integers as text. */
function sizeOf(value: unknown, bad: (what: string) => BiddenError): number {
  const size = Number(value);
  if (!Number.isInteger(size) || size > 2 ** 31 || size < -1) throw bad(`has size ${JSON.stringify(value)}`);
  return size;
}
