/** Mixtures of datasets: what a file says, what it comes to, and the same in words. Pure; nothing is opened here. */

import { BiddenError, messageOf } from "@bidden/runtime";
import { MIXTURES, planMixture } from "../oxe/mixtures.ts";
import { OXE_DATASETS } from "../oxe/registry.ts";
import type { OxeProject } from "../oxe/standardise.ts";

/** One dataset of a mixture, as asked for. */
export type MixEntry = {
  readonly name: string;
  /** Folder, file or address. */
  readonly path: string;
  readonly weight: number;
  /** Overrides what the dataset says. */
  readonly embodiment: string | null;
};

export type MixPlan = {
  readonly name: string;
  /** Whose weights these are. */
  readonly source: string;
  /** Weights are multiplied by the number of transitions. */
  readonly balance: boolean;
  /** Whose standardisation decides how many steps of an Open X-Embodiment episode count. */
  readonly project: OxeProject;
  readonly entries: readonly MixEntry[];
};

/** What a dataset turned out to hold. */
export type MixPart = MixEntry & {
  readonly robot: string;
  readonly episodes: number;
  /** Steps that can be sampled. */
  readonly transitions: number;
  readonly fps: number | null;
  readonly tasks: number;
};

const FIELDS = ["name", "mixture", "root", "datasets", "balance", "project"];
const ENTRY_FIELDS = ["path", "name", "weight", "embodiment"];
type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A mixture file: `{"datasets": [{"path", "weight", "name", "embodiment"}], "balance": true}`, or `{"mixture": "rtx", "root": "oxe/"}`
 * for a published one, or both together. Unknown fields are refused: a misspelt weight would be 1.
 * @param resolve a path of the file to one that can be opened
 */
export function parseMixture(text: string, where: string, resolve: (path: string) => string): MixPlan {
  const bad = (what: string): BiddenError => new BiddenError("bad-argument", `${where}: ${what}.`, { path: where });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(`it is not JSON (${messageOf(error)})`);
  }
  if (!isObject(json)) throw bad("expected an object");
  const unknown = Object.keys(json).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw bad(`unknown field "${unknown}"; known are ${FIELDS.join(", ")}`);
  const { name = where, mixture, root, datasets = [], balance = true, project } = json;
  if (typeof name !== "string" || typeof balance !== "boolean" || !Array.isArray(datasets))
    throw bad('"name" must be text, "balance" true or false, "datasets" a list');
  if (project !== undefined && project !== "openvla" && project !== "octo")
    throw bad('"project" must be "openvla" or "octo"');
  if (root !== undefined && typeof root !== "string") throw bad('"root" must be text');
  if (mixture === undefined && datasets.length === 0) throw bad('give "datasets" or a published "mixture"');
  const own = datasets.map((entry: unknown, i) => parseEntry(entry, i, resolve, bad));
  if (mixture === undefined) return { name, source: where, balance, project: project ?? "openvla", entries: own };
  if (typeof mixture !== "string") throw bad('"mixture" must be the name of a published one');
  const published = publishedMixture(mixture, root === undefined ? null : resolve(root));
  const given = new Set(own.map((entry) => entry.name));
  const entries = [...published.entries.filter((entry) => !given.has(entry.name)), ...own];
  return { ...published, name, balance, project: project ?? published.project, entries };
}

function parseEntry(
  entry: unknown,
  i: number,
  resolve: (path: string) => string,
  bad: (what: string) => BiddenError,
): MixEntry {
  if (!isObject(entry)) throw bad(`dataset ${i} must be an object`);
  const { path, weight = 1, name, embodiment = null } = entry;
  const unknown = Object.keys(entry).find((field) => !ENTRY_FIELDS.includes(field));
  if (unknown !== undefined)
    throw bad(`dataset ${i} has the unknown field "${unknown}"; known are ${ENTRY_FIELDS.join(", ")}`);
  if (typeof path !== "string" || path === "") throw bad(`dataset ${i} needs a "path"`);
  if (typeof weight !== "number" || !(weight >= 0) || !Number.isFinite(weight))
    throw bad(`dataset ${i} has the weight ${JSON.stringify(weight)}; expected a number from 0`);
  if (name !== undefined && typeof name !== "string") throw bad(`"name" of dataset ${i} must be text`);
  if (embodiment !== null && typeof embodiment !== "string") throw bad(`"embodiment" of dataset ${i} must be text`);
  return { name: name ?? lastPart(path), path: resolve(path), weight, embodiment };
}

/** `oxe/bridge_dataset/1.0.0` is bridge_dataset. */
function lastPart(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && !/^\d+\.\d+\.\d+$/.test(part));
  return parts.at(-1) ?? path;
}

/** @param root folder with one folder a dataset; null: nowhere. */
export function publishedMixture(name: string, root: string | null): MixPlan {
  const mixture = Object.hasOwn(MIXTURES, name) ? MIXTURES[name] : undefined;
  if (mixture === undefined) {
    throw new BiddenError(
      "not-found",
      `There is no published mixture "${name}"; there are ${Object.keys(MIXTURES).join(", ")}.`,
      { mixture: name },
    );
  }
  return {
    name,
    source: mixture.source,
    balance: true,
    project: mixture.source,
    entries: mixture.entries.map(([dataset, weight]) => ({
      name: dataset,
      path: root === null ? "" : `${root.replace(/\/$/, "")}/${dataset}`,
      weight,
      embodiment: null,
    })),
  };
}

export type MixReport = {
  readonly name: string;
  readonly source: string;
  readonly balance: boolean;
  /** Samples until every dataset of weight 1 has been seen once on average (of all, where none has weight 1). */
  readonly epochSamples: number;
  /** Hours of robot time in an epoch, by share; null where a rate is unknown. */
  readonly effectiveHours: number | null;
  readonly parts: readonly (MixPart & {
    readonly hours: number | null;
    readonly share: number;
    /** How often a transition is seen in an epoch. */
    readonly coverage: number;
    readonly effectiveHours: number | null;
    readonly licence: string | null;
  })[];
  readonly embodiments: readonly {
    readonly robot: string;
    readonly datasets: number;
    readonly share: number;
    readonly hours: number | null;
    readonly effectiveHours: number | null;
  }[];
  /** Datasets that were not found. */
  readonly missing: readonly string[];
};

export function reportMixture(plan: MixPlan, found: readonly MixPart[], missing: readonly string[]): MixReport {
  const { shares, epochLength } = planMixture(found, { balance: plan.balance });
  const epochSamples = epochLength > 0 ? epochLength : found.reduce((sum, part) => sum + part.transitions, 0);
  const hoursOf = (samples: number, fps: number | null): number | null => (fps === null ? null : samples / fps / 3600);
  const parts = found.map((part, i) => {
    const share = shares[i] as number;
    return {
      ...part,
      hours: hoursOf(part.transitions, part.fps),
      share,
      coverage: part.transitions === 0 ? 0 : (share * epochSamples) / part.transitions,
      effectiveHours: hoursOf(share * epochSamples, part.fps),
      licence: OXE_DATASETS[part.name]?.licence ?? null,
    };
  });
  const robots = [...new Set(parts.map((part) => part.robot))];
  const embodiments = robots.map((robot) => {
    const own = parts.filter((part) => part.robot === robot);
    return {
      robot,
      datasets: own.length,
      share: own.reduce((sum, part) => sum + part.share, 0),
      hours: sum(own.map((part) => part.hours)),
      effectiveHours: sum(own.map((part) => part.effectiveHours)),
    };
  });
  embodiments.sort((a, b) => b.share - a.share);
  const { name, source, balance } = plan;
  const effectiveHours = sum(parts.map((part) => part.effectiveHours));
  return { name, source, balance, epochSamples, effectiveHours, parts, embodiments, missing };
}

function sum(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((total, value) => (total === null || value === null ? null : total + value), 0);
}

/** The same for people. */
export function sayMixture(report: MixReport): string {
  const hours = (value: number | null): string =>
    value === null ? "?" : value >= 0.1 || value === 0 ? value.toFixed(2) : value.toPrecision(2);
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  const rows = report.parts.map((part) => [
    part.name,
    part.robot,
    String(part.episodes),
    String(part.transitions),
    hours(part.hours),
    String(part.weight),
    percent(part.share),
    `${part.coverage.toFixed(2)} x`,
    hours(part.effectiveHours),
    part.licence ?? "?",
  ]);
  const head = [
    "dataset",
    "robot",
    "episodes",
    "steps",
    "hours",
    "weight",
    "share",
    "coverage",
    "effective h",
    "licence",
  ];
  const robots = report.embodiments.map((own) => [
    own.robot,
    String(own.datasets),
    percent(own.share),
    hours(own.hours),
    hours(own.effectiveHours),
  ]);
  return [
    `${report.name}: weights by ${report.source}${report.balance ? ", times the number of steps" : ""}`,
    "",
    ...table([head, ...rows], 2),
    "",
    ...table([["robot", "datasets", "share", "hours", "effective h"], ...robots], 1),
    "",
    `an epoch: ${report.epochSamples} samples, ${hours(report.effectiveHours)} effective hours`,
    ...(report.missing.length === 0 ? [] : [`missing: ${report.missing.join(", ")}`]),
  ].join("\n");
}

/** @param texts how many columns are set to the left. */
export function table(rows: readonly (readonly string[])[], texts: number): string[] {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, c) => (c < texts ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}
