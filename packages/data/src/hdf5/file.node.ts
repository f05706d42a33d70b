/** HDF5 files through h5wasm (the HDF Group's C library in WebAssembly), loaded when the first one is opened. */

import * as fs from "node:fs/promises";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { Dataset as H5Dataset, File as H5File, Group as H5Group } from "h5wasm/node";
import type { ArrayNode, ArrayTree } from "../arrays/tree.ts";
import { createNumbers, isNumberArray, setNumber } from "../dataset/columns.ts";
import { ColumnarDataset } from "../dataset/columnar.ts";
import type { Dataset, NumberArray, NumberDtype } from "../dataset/types.ts";
import { fileError } from "../files/errors.ts";
import { readLayout } from "./layouts.ts";
import { checkSuperblock } from "./superblock.ts";

export async function openHdf5(path: string): Promise<Dataset> {
  const tree = await openTree(path);
  try {
    const layout = await readLayout(tree);
    return new ColumnarDataset({ ...layout, path, close: () => tree.close() });
  } catch (error) {
    await tree.close();
    throw error;
  }
}

/** Every array of a file. */
export async function openTree(path: string): Promise<ArrayTree> {
  await checkFile(path);
  const h5 = await import("h5wasm/node");
  const module = await h5.ready;
  // Errors are thrown instead of printed.
  module.activate_throwing_error_handler();
  let file: H5File;
  try {
    file = new h5.File(path, "r");
  } catch (error) {
    throw new BiddenError("bad-dataset", `${path} cannot be opened as HDF5: ${messageOf(error)}.`, { path }, error);
  }
  const arrays: ArrayNode[] = [];
  const isGroup = (node: unknown): node is H5Group => node instanceof h5.Group;
  const isDataset = (node: unknown): node is H5Dataset => node instanceof h5.Dataset;
  const walk = (group: H5Group, prefix: string, depth: number): void => {
    for (const name of group.keys()) {
      const child = getChild(group, name);
      if (isDataset(child)) arrays.push(arrayNode(child, `${prefix}${name}`, path));
      else if (isGroup(child) && depth < 16) walk(child, `${prefix}${name}/`, depth + 1);
    }
  };
  walk(file, "", 0);
  return {
    root: path,
    arrays: arrays.filter((node) => node.shape.length > 0),
    attributes: (groupPath) => attributesOf(groupPath === "" ? file : file.get(groupPath)),
    close: () => {
      file.close();
      return Promise.resolve();
    },
  };
}

async function checkFile(path: string): Promise<void> {
  try {
    const handle = await fs.open(path, "r");
    try {
      const head = new Uint8Array(4096);
      const { bytesRead } = await handle.read(head, 0, head.length, 0);
      checkSuperblock(head.subarray(0, bytesRead), (await handle.stat()).size, path);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, "opening", path);
  }
}

/** Null for links that lead nowhere. */
function getChild(group: H5Group, name: string): unknown {
  try {
    return group.get(name);
  } catch {
    return null;
  }
}

function attributesOf(node: unknown): Record<string, unknown> {
  const attrs = (node as { attrs?: Record<string, { value: unknown }> } | null)?.attrs ?? {};
  return Object.fromEntries(
    Object.entries(attrs).map(([name, attribute]) => {
      const { value } = attribute;
      return [name, isNumberArray(value) ? Array.from(value as ArrayLike<number | bigint>, Number) : value];
    }),
  );
}

function arrayNode(dataset: H5Dataset, path: string, root: string): ArrayNode {
  const shape = dataset.shape ?? [];
  const dtype = dtypeOf(dataset);
  return {
    path,
    shape,
    dtype,
    rows: (from, to) =>
      Promise.resolve().then(() => {
        try {
          const whole = shape.slice(1).map((): [] => []);
          return rowsOf(dataset.slice([[from, to], ...whole]), dtype, to - from);
        } catch (error) {
          throw new BiddenError(
            "bad-dataset",
            `${root}: "${path}" cannot be read (${messageOf(error)}). Filters that bidden reads are gzip, shuffle, fletcher32 and scale-offset.`,
            { array: path },
            error,
          );
        }
      }),
  };
}

/** Classes of H5Tpublic.h. */
const H5T_INTEGER = 0;
const H5T_FLOAT = 1;
const H5T_STRING = 3;
const H5T_ENUM = 8;

function dtypeOf(dataset: H5Dataset): ArrayNode["dtype"] {
  const { type, size, signed, enum_type } = dataset.metadata;
  if (type === H5T_STRING) return "string";
  if (type === H5T_FLOAT) return size === 2 ? "float16" : size === 4 ? "float32" : size === 8 ? "float64" : "json";
  const names = Object.keys(enum_type?.members ?? {}).sort();
  if (type === H5T_ENUM && names.join() === "FALSE,TRUE") return "bool";
  if (type !== H5T_INTEGER && type !== H5T_ENUM) return "json";
  const integers: Record<number, readonly [NumberDtype, NumberDtype]> = {
    1: ["int8", "uint8"],
    2: ["int16", "uint16"],
    4: ["int32", "uint32"],
    8: ["int64", "uint64"],
  };
  return integers[size]?.[signed ? 0 : 1] ?? "json";
}

function rowsOf(value: unknown, dtype: ArrayNode["dtype"], count: number): NumberArray | readonly unknown[] {
  if (dtype === "string" || dtype === "json") {
    return Array.isArray(value) || isNumberArray(value)
      ? Array.from<unknown>(value)
      : Array.from({ length: count }, () => value);
  }
  const source = (isNumberArray(value) || Array.isArray(value) ? value : [value]) as ArrayLike<number | bigint>;
  const out = createNumbers(dtype, source.length);
  for (let i = 0; i < source.length; i++) setNumber(out, i, source[i] as number | bigint);
  return out;
}
