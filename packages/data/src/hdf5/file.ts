/**
 * HDF5 files, read from any source of bytes: groups, arrays and attributes as robot demonstrations have them. Links into other files
 * are not followed.
 */

import { BiddenError, messageOf } from "@bidden/runtime";
import type { ArrayNode, ArrayTree } from "../arrays/tree.ts";
import { ColumnarDataset } from "../dataset/columnar.ts";
import type { Dataset } from "../dataset/types.ts";
import type { RandomAccess } from "../files/store.ts";
import { readArray } from "./array.ts";
import { readAttributes } from "./attributes.ts";
import { H5File } from "./bytes.ts";
import { type Link, readLinks } from "./group.ts";
import { readHeader } from "./header.ts";
import { readLayout } from "./layouts.ts";
import { readSuperblock } from "./superblock.ts";

const DEEPEST = 16;
const MOST_OBJECTS = 1 << 20;

/** Takes over `file`. */
export async function openHdf5(file: RandomAccess, path: string): Promise<Dataset> {
  const tree = await openTree(file, path);
  try {
    const layout = await readLayout(tree);
    return new ColumnarDataset({ ...layout, path, close: () => tree.close() });
  } catch (error) {
    await tree.close();
    throw error;
  }
}

/** Every array of a file. Takes over `access`. */
export async function openTree(access: RandomAccess, path: string): Promise<ArrayTree> {
  const file = new H5File(access, path);
  try {
    const root = await readSuperblock(file);
    const walk = new Walk(file, root);
    await walk.group(root, "", 0);
    return {
      root: path,
      arrays: walk.arrays,
      attributes: (groupPath) => walk.attributes.get(groupPath) ?? {},
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    if (error instanceof BiddenError) throw error;
    throw new BiddenError("bad-dataset", `${path} cannot be read as HDF5: ${messageOf(error)}.`, { path }, error);
  }
}

class Walk {
  readonly arrays: ArrayNode[] = [];
  /** Of groups, by path. */
  readonly attributes = new Map<string, Record<string, unknown>>();
  readonly #file: H5File;
  readonly #root: number;
  /** Groups on the way down, so that a link upwards ends. */
  readonly #above = new Set<number>();
  #objects = 0;

  constructor(file: H5File, root: number) {
    this.#file = file;
    this.#root = root;
  }

  async group(address: number, path: string, depth: number): Promise<void> {
    const messages = await readHeader(this.#file, address);
    const links = await readLinks(this.#file, messages);
    if (links === null) throw this.#file.bad("group", address, `"${path}" is no group`);
    this.attributes.set(path, await readAttributes(this.#file, messages));
    this.#above.add(address);
    for (const link of links) await this.#visit(link, links, path, depth);
    this.#above.delete(address);
  }

  async #visit(link: Link, siblings: readonly Link[], path: string, depth: number): Promise<void> {
    const address = await this.#addressOf(link, siblings, 0);
    if (address === null || this.#above.has(address) || depth > DEEPEST) return;
    if (++this.#objects > MOST_OBJECTS) throw this.#file.bad("group", address, "too many objects");
    const own = path === "" ? link.name : `${path}/${link.name}`;
    const messages = await readHeader(this.#file, address);
    const array = await this.#array(messages, own);
    if (array !== null) this.arrays.push(array);
    else if ((await readLinks(this.#file, messages)) !== null) await this.group(address, own, depth + 1);
  }

  /** An array of a kind that is not read is left out: the others are no worse for it. */
  async #array(messages: Parameters<typeof readArray>[1], path: string): Promise<ArrayNode | null> {
    try {
      return await readArray(this.#file, messages, path);
    } catch (error) {
      if (error instanceof BiddenError && error.code === "unsupported") return null;
      throw error;
    }
  }

  /** Null for links that lead nowhere, or into other files. */
  async #addressOf(link: Link | undefined, siblings: readonly Link[], hops: number): Promise<number | null> {
    if (link === undefined || link.kind === "other" || hops > DEEPEST) return null;
    if (link.kind === "hard") return link.address;
    const parts = link.path.split("/").filter((part) => part !== "" && part !== ".");
    let here = link.path.startsWith("/")
      ? ((await readLinks(this.#file, await readHeader(this.#file, this.#root))) ?? [])
      : siblings;
    for (const [i, part] of parts.entries()) {
      const address = await this.#addressOf(
        here.find((own) => own.name === part),
        here,
        hops + 1,
      );
      if (address === null || i === parts.length - 1) return address;
      here = (await readLinks(this.#file, await readHeader(this.#file, address))) ?? [];
    }
    return null;
  }
}
