/**
 * Fetches a checkpoint from the Hugging Face hub, or a server that speaks like it. What was begun goes on where it stopped; every
 * file is compared with the hash that the hub names; without a network, what was pulled before is used.
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BiddenError, messageOf } from "@bidden/runtime";
import { folderOfRepository, isRepository, type Precision, RECEIPT, type Receipt, receiptOf } from "./cache.node.ts";
import { type HubFile, listRepository, type Remote } from "./hub.node.ts";

export type PullOptions = {
  readonly revision?: string;
  readonly precision?: Precision;
  /** Folder to pull into; by default one in the cache. */
  readonly to?: string;
  /** Of the hub: $HF_ENDPOINT, or https://huggingface.co. */
  readonly endpoint?: string;
  /** For gated repositories: $HF_TOKEN. */
  readonly token?: string;
  readonly progress?: (doneBytes: number, totalBytes: number, file: string) => void;
};

export type Pulled = {
  readonly folder: string;
  readonly revision: string;
  readonly bytes: number;
  /** Fetched now; the rest was there. */
  readonly fetchedBytes: number;
  /** The hub was not reached: what is here was pulled before. */
  readonly offline: boolean;
};

/** A download without a byte for this long is taken up anew. */
const QUIET_MS = 60_000;
const TRIES = 4;

export async function pullCheckpoint(repository: string, options: PullOptions = {}): Promise<Pulled> {
  if (!isRepository(repository)) {
    throw new BiddenError("bad-argument", `Expected a repository such as lerobot/smolvla_base; got "${repository}".`, {
      repository,
    });
  }
  const folder = options.to ?? folderOfRepository(repository);
  const remote: Remote = {
    endpoint: (options.endpoint ?? process.env.HF_ENDPOINT ?? "https://huggingface.co").replace(/\/+$/, ""),
    token: options.token ?? process.env.HF_TOKEN ?? null,
  };
  const listing = await listRepository(remote, repository, options.revision ?? "main").catch((error: unknown) => {
    if (error instanceof BiddenError && error.code === "timeout") return error;
    throw error;
  });
  if (listing instanceof BiddenError) return beforehand(folder, repository, listing);
  const { revision, files } = listing;
  const total = files.reduce((sum, file) => sum + file.size, 0);
  await mkdir(folder, { recursive: true });
  const known = receiptOf(folder);
  await rm(join(folder, RECEIPT), { force: true });
  await checkRoom(folder, files);
  let done = 0;
  let fetched = 0;
  for (const file of files) {
    const path = join(folder, file.path);
    const before = known?.files.some((old) => old.path === file.path && old.hash === file.hash) === true;
    if (!(await isThere(path, file, before))) {
      const url = `${remote.endpoint}/${repository}/resolve/${revision}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
      await mkdir(dirname(path), { recursive: true });
      fetched += await download(url, path, file, remote, (bytes) => options.progress?.(done + bytes, total, file.path));
    }
    done += file.size;
    options.progress?.(done, total, file.path);
  }
  const receipt: Receipt = { repository, revision, precision: options.precision ?? "fp32", files };
  await writeFile(join(folder, RECEIPT), `${JSON.stringify(receipt, null, 1)}\n`);
  return { folder, revision, bytes: total, fetchedBytes: fetched, offline: false };
}

function beforehand(folder: string, repository: string, error: BiddenError): Pulled {
  const receipt = receiptOf(folder);
  if (receipt === null || receipt.repository !== repository) {
    throw new BiddenError(
      "not-found",
      `${error.message} "${repository}" was not pulled before, so there is nothing to use instead. ` +
        "Pull it where there is a network, or download its files otherwise, and name the folder.",
      { repository },
      error,
    );
  }
  const bytes = receipt.files.reduce((sum, file) => sum + file.size, 0);
  return { folder, revision: receipt.revision, bytes, fetchedBytes: 0, offline: true };
}

async function checkRoom(folder: string, files: readonly HubFile[]): Promise<void> {
  let needed = 0;
  for (const file of files) {
    const there = await sizeOf(join(folder, file.path));
    const part = await sizeOf(partOf(join(folder, file.path)));
    needed += there === file.size ? 0 : file.size - Math.min(part, file.size);
  }
  const { bavail, bsize } = await statfs(folder);
  if (needed > bavail * bsize) {
    throw new BiddenError("disk-full", `"${folder}" needs ${needed} bytes more; ${bavail * bsize} are free.`, {
      folder,
      needed,
    });
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    (facts) => facts.size,
    () => 0,
  );
}

function partOf(path: string): string {
  return `${path}.part`;
}

/** Whether a file is complete: by size where it was verified before, by hash otherwise. */
async function isThere(path: string, file: HubFile, verified: boolean): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  if (facts === null || facts.size !== file.size) return false;
  return verified || (await hashFile(path, file, file.size)).digest("hex") === file.hash;
}

/** sha256 of the bytes for large files, git's sha1 of a blob for others. */
function newHash(file: HubFile): Hash {
  return file.algorithm === "sha256" ? createHash("sha256") : createHash("sha1").update(`blob ${file.size}\0`);
}

async function hashFile(path: string, file: HubFile, bytes: number): Promise<Hash> {
  const hash = newHash(file);
  if (bytes === 0) return hash;
  for await (const chunk of createReadStream(path, { end: bytes - 1 })) hash.update(chunk as Uint8Array);
  return hash;
}

/** @returns bytes that came over the network */
async function download(
  url: string,
  path: string,
  file: HubFile,
  remote: Remote,
  progress: (bytes: number) => void,
): Promise<number> {
  const part = partOf(path);
  let came = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      came += await continueDownload(url, part, file, remote, progress);
      break;
    } catch (error) {
      if (error instanceof BiddenError || attempt === TRIES) {
        if (error instanceof BiddenError) throw error;
        throw new BiddenError(
          "timeout",
          `${file.path} broke off ${TRIES} times (${messageOf(error)}); \`bidden policy pull\` goes on where it stopped.`,
          { file: file.path },
          error,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
  const digest = (await hashFile(part, file, file.size)).digest("hex");
  if (digest !== file.hash) {
    await rm(part, { force: true });
    throw new BiddenError(
      "bad-file",
      `${file.path}: expected ${file.algorithm} ${file.hash}; came ${digest}. It was removed: pull again.`,
      { file: file.path, expected: file.hash, came: digest },
    );
  }
  await rename(part, path);
  return came;
}

async function continueDownload(
  url: string,
  part: string,
  file: HubFile,
  remote: Remote,
  progress: (bytes: number) => void,
): Promise<number> {
  let at = await sizeOf(part);
  if (at > file.size) at = 0;
  if (at === file.size && at > 0) return 0;
  const control = new AbortController();
  let timer = setTimeout(() => control.abort(), QUIET_MS);
  const handle = await open(part, at === 0 ? "w" : "r+");
  try {
    const response = await fetch(url, {
      signal: control.signal,
      headers: {
        ...(remote.token === null ? {} : { authorization: `Bearer ${remote.token}` }),
        ...(at === 0 ? {} : { range: `bytes=${at}-` }),
      },
    });
    if (!response.ok && response.status < 500) {
      throw new BiddenError("not-found", `${url} answered ${response.status} ${response.statusText}.`, { url });
    }
    if (!response.ok || response.body === null) throw new BrokenOff(`status ${response.status}`);
    // A server that knows no ranges sends all of it again.
    if (response.status !== 206) at = 0;
    const began = at;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      timer = setTimeout(() => control.abort(), QUIET_MS);
      if (at + chunk.length > file.size) {
        throw new BiddenError("bad-file", `${file.path}: expected ${file.size} bytes; more came.`, { file: file.path });
      }
      await handle.write(chunk, 0, chunk.length, at);
      at += chunk.length;
      progress(at);
    }
    if (at < file.size) throw new BrokenOff(`${at} of ${file.size} bytes`);
    return at - began;
  } finally {
    clearTimeout(timer);
    await handle.close();
  }
}

/** A connection that ended early: worth another try. */
class BrokenOff extends Error {}
