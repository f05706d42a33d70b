/** From parquet's values to columns. */

import { BiddenError, type Image } from "@bidden/runtime";
import { createNumbers, elementsOf, isNumberDtype, setNumber } from "../dataset/columns.ts";
import type { Column, Feature, ImageColumn, NumberDtype } from "../dataset/types.ts";
import { decodeImage } from "../image/decode.ts";

/** @param where file and column, for messages. */
export function columnFrom(feature: Feature, data: ArrayLike<unknown>, where: string): Column {
  const { dtype } = feature;
  if (dtype === "image") return imageColumn(feature, data, where);
  if (dtype === "string") return { kind: "text", values: Array.from(data, (value) => textFrom(value, where)) };
  if (isNumberDtype(dtype)) return numberColumn(dtype, feature.shape, data, where);
  return { kind: "json", values: Array.from(data) };
}

export function textFrom(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  throw new BiddenError("bad-dataset", `${where}: expected text, found ${value === null ? "null" : typeof value}.`);
}

function numberColumn(dtype: NumberDtype, shape: readonly number[], data: ArrayLike<unknown>, where: string): Column {
  const size = elementsOf(shape);
  const values = createNumbers(dtype, data.length * size);
  let at = 0;
  const put = (value: unknown, row: number, end: number): void => {
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
      for (const element of value as Iterable<unknown>) put(element, row, end);
      return;
    }
    if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "boolean") {
      throw new BiddenError(
        "bad-dataset",
        `${where}, row ${row}: expected ${dtype}, found ${value === null ? "null" : typeof value}.`,
      );
    }
    if (at < end) setNumber(values, at, value);
    at++;
  };
  for (let row = 0; row < data.length; row++) {
    const end = (row + 1) * size;
    put(data[row], row, end);
    if (at !== end) {
      throw new BiddenError(
        "bad-dataset",
        `${where}, row ${row}: expected ${size} numbers as shape [${shape.join(", ")}] says, found ${at - end + size}.`,
      );
    }
  }
  return { kind: "numbers", dtype, shape, values };
}

function imageColumn(feature: Feature, data: ArrayLike<unknown>, where: string): ImageColumn {
  const encoded = (frame: number): Uint8Array => {
    const cell = data[frame] as { bytes?: unknown } | null | undefined;
    const bytes = cell?.bytes;
    if (bytes instanceof Uint8Array) return bytes;
    throw new BiddenError("bad-dataset", `${where}, row ${frame}: expected the bytes of a picture, found none.`);
  };
  const [height, width] = feature.shape;
  return {
    kind: "images",
    length: data.length,
    encoded,
    image: async (frame): Promise<Image> => {
      const image = await decodeImage(encoded(frame), `${where}, row ${frame}`);
      if (image.width === width && image.height === height) return image;
      throw new BiddenError(
        "bad-dataset",
        `${where}, row ${frame}: the picture is ${image.width} x ${image.height}, the feature says ${width} x ${height}.`,
      );
    },
  };
}
