/** Chooses which episodes stay replayable: a page with thousands of them would be too heavy to open. */
import type { EpisodeRecord } from "./episode.ts";

const FAILURES_PER_GROUP = 14;
const SUCCESSES_PER_GROUP = 4;

export class ReplayKeeper {
  readonly #kept = new Map<string, number>();

  /** The record, without its replay where enough of its kind were kept already. */
  keep(record: EpisodeRecord): EpisodeRecord {
    const { replay, ...rest } = record;
    const group = record.plan.kind === "ordinary" ? record.plan.skill : record.plan.unclear;
    const key = `${group}/${record.success}`;
    const kept = this.#kept.get(key) ?? 0;
    if (replay === undefined || kept >= (record.success ? SUCCESSES_PER_GROUP : FAILURES_PER_GROUP)) return rest;
    this.#kept.set(key, kept + 1);
    return record;
  }
}
