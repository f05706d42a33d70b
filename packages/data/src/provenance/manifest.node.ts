/** Signed manifests: who collected these episodes, with what tool, from which parents. Ed25519, one JSON file in the dataset. */

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { BiddenError, messageOf } from "@bidden/runtime";
import type { Dataset } from "../dataset/types.ts";
import { fileError } from "../files/errors.ts";
import { createFolderStore } from "../files/store.node.ts";
import { openDataset } from "../open.node.ts";
import { type CreateHasher, episodeLeaf, merkleRoot } from "./leaves.ts";

export const MANIFEST_PATH = "meta/bidden/manifest.json";

export type Statement = {
  readonly version: 1;
  readonly format: string;
  readonly robotType: string | null;
  readonly fps: number | null;
  /** One SHA-256 an episode; they survive storing the episodes in other files. */
  readonly leaves: readonly string[];
  /** Merkle root (RFC 6962) of the leaves. */
  readonly root: string;
  readonly collectedBy: string;
  readonly tool: string;
  /** Roots of the datasets that this one was made from. */
  readonly parents: readonly string[];
  readonly signedAt: string;
};

export type Manifest = { readonly statement: Statement; readonly publicKey: string; readonly signature: string };

const createHasher: CreateHasher = () => {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
};

export type SignOptions = {
  /** PEM file with the private key; made (readable by its owner only) when it is not there. */
  readonly keyPath: string;
  readonly collectedBy: string;
  readonly tool: string;
  readonly parents?: readonly string[];
};

export async function signDataset(path: string, options: SignOptions): Promise<Manifest> {
  const key = await loadKey(options.keyPath);
  const dataset = await openDataset(path);
  try {
    const leaves = await leavesOf(dataset);
    const statement: Statement = {
      version: 1,
      format: dataset.format,
      robotType: dataset.robotType,
      fps: dataset.fps,
      leaves,
      root: merkleRoot(leaves, createHasher),
      collectedBy: options.collectedBy,
      tool: options.tool,
      parents: [...(options.parents ?? [])],
      signedAt: new Date().toISOString(),
    };
    const manifest: Manifest = {
      statement,
      publicKey: createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64"),
      signature: sign(null, bytesOf(statement), key).toString("base64"),
    };
    const store = createFolderStore(path);
    await store.write(`${MANIFEST_PATH}.new`, new TextEncoder().encode(JSON.stringify(manifest, null, 1)));
    await store.rename(`${MANIFEST_PATH}.new`, MANIFEST_PATH);
    return manifest;
  } finally {
    await dataset.close();
  }
}

async function leavesOf(dataset: Dataset): Promise<string[]> {
  const leaves: string[] = [];
  for (let index = 0; index < dataset.episodeCount; index++)
    leaves.push(await episodeLeaf(dataset, index, createHasher));
  return leaves;
}

/** Exactly the bytes that are signed. */
function bytesOf(statement: Statement): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(statement));
}

async function loadKey(path: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await fs.readFile(path));
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") {
      throw new BiddenError("bad-file", `${path} holds no private key: ${messageOf(error)}.`, { path }, error);
    }
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  try {
    await fs.mkdir(dirname(path), { recursive: true });
    await fs.writeFile(path, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw fileError(error, "writing", path);
  }
  return privateKey;
}

export type Verification = {
  readonly manifest: Manifest;
  /** Sentences; empty when everything is as it was signed. */
  readonly problems: readonly string[];
};

/** @param publicKey base64 of the signer that is trusted; without it the manifest's own key is used, which proves integrity only. */
export async function verifyDataset(path: string, publicKey?: string): Promise<Verification> {
  const manifest = await readManifest(path);
  const problems: string[] = [];
  if (publicKey !== undefined && publicKey !== manifest.publicKey)
    problems.push("it was signed with another key than the one that is trusted");
  const key = createPublicKey({ key: Buffer.from(manifest.publicKey, "base64"), type: "spki", format: "der" });
  if (!verify(null, bytesOf(manifest.statement), key, Buffer.from(manifest.signature, "base64"))) {
    problems.push("the signature does not belong to the manifest");
  }
  if (merkleRoot(manifest.statement.leaves, createHasher) !== manifest.statement.root)
    problems.push("the root is not that of the leaves");
  const dataset = await openDataset(path);
  try {
    const signed = manifest.statement.leaves;
    if (dataset.episodeCount !== signed.length)
      problems.push(`${signed.length} episodes were signed, there are ${dataset.episodeCount}`);
    for (let index = 0; index < Math.min(dataset.episodeCount, signed.length); index++) {
      const leaf = await episodeLeaf(dataset, index, createHasher).catch((error: unknown) => messageOf(error));
      if (leaf !== signed[index]) problems.push(`episode ${index} is not as it was signed`);
    }
  } finally {
    await dataset.close();
  }
  return { manifest, problems };
}

async function readManifest(path: string): Promise<Manifest> {
  const bytes = await createFolderStore(path).read(MANIFEST_PATH);
  if (bytes === null)
    throw new BiddenError("not-found", `${path} is not signed: ${MANIFEST_PATH} is missing.`, { path });
  try {
    const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest;
    const whole =
      Array.isArray(manifest.statement.leaves) &&
      typeof manifest.publicKey === "string" &&
      typeof manifest.signature === "string";
    if (whole) return manifest;
  } catch (error) {
    throw new BiddenError("bad-dataset", `${path}/${MANIFEST_PATH} is no manifest.`, { path }, error);
  }
  throw new BiddenError("bad-dataset", `${path}/${MANIFEST_PATH} is no manifest.`, { path });
}
