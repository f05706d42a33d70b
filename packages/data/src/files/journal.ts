/**
 * Several files that appear together or not at all: a redo log.
 *
 * New contents are written under `.bidden/staged/`; then one rename makes `.bidden/commit.json` appear, which lists where
 * they belong; then they are moved. A kill before that rename leaves the dataset as it was, a kill after it is completed by
 * `recover`. Readers of other makers ignore `.bidden/`.
 */

import { BiddenError } from "@bidden/runtime";
import type { WritableStore } from "./store.ts";

export const JOURNAL_FOLDER = ".bidden";
const STAGED = `${JOURNAL_FOLDER}/staged`;
const COMMIT = `${JOURNAL_FOLDER}/commit.json`;

type Move = { readonly from: string; readonly to: string };

/** Writes all of `files` (path → content). The order of the map is the order in which they appear. */
export async function commitFiles(store: WritableStore, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const moves: Move[] = [];
  for (const [to, bytes] of files) {
    const from = `${STAGED}/${moves.length}`;
    await store.write(from, bytes);
    moves.push({ from, to });
  }
  await store.write(`${COMMIT}.new`, new TextEncoder().encode(JSON.stringify({ moves })));
  await store.rename(`${COMMIT}.new`, COMMIT);
  await applyMoves(store, moves);
}

async function applyMoves(store: WritableStore, moves: readonly Move[]): Promise<void> {
  const staged = new Set(await store.list(STAGED));
  for (const { from, to } of moves) {
    if (staged.has(from.slice(STAGED.length + 1))) await store.rename(from, to);
  }
  await store.remove(COMMIT);
}

/** What a killed writer left: completed, undone, or nothing. */
export type Recovery = "nothing" | "completed" | "discarded";

/** Brings a dataset into the state before or after the last commit. Call it before anything else writes. */
export async function recover(store: WritableStore): Promise<Recovery> {
  const bytes = await store.read(COMMIT);
  let recovery: Recovery = "nothing";
  if (bytes !== null) {
    await applyMoves(store, parseMoves(bytes, store.root));
    recovery = "completed";
  } else if ((await store.list(STAGED)).length > 0) {
    recovery = "discarded";
  }
  await store.remove(STAGED);
  await store.remove(`${COMMIT}.new`);
  return recovery;
}

function parseMoves(bytes: Uint8Array, root: string): Move[] {
  try {
    const { moves } = JSON.parse(new TextDecoder().decode(bytes)) as { moves: Move[] };
    const good = moves.every((move) => move.from.startsWith(`${STAGED}/`) && typeof move.to === "string");
    if (good) return moves;
  } catch (error) {
    throw new BiddenError(
      "bad-dataset",
      `${root}/${COMMIT} is damaged; the last episode cannot be recovered.`,
      {},
      error,
    );
  }
  throw new BiddenError("bad-dataset", `${root}/${COMMIT} is damaged; the last episode cannot be recovered.`);
}
