/** Counts episodes: rates with 95 % Wilson intervals by skill, wording, template and kind of unclear instruction. */
import { type Skill, UNCLEAR_KINDS, type UnclearKind } from "@bidden/sim";
import { type EpisodeRecord, WORDINGS, type Wording } from "./episode.ts";
import { FAILURE_CAUSES, type FailureCause } from "./failures.ts";
import { SKILLS } from "./plan.ts";
import { MOVED_M } from "./result.ts";
import { type Rate, rateOf } from "./statistics/intervals.ts";

export type Named<Name extends string> = { readonly name: Name } & Rate;

export type SkillRow = Named<Skill> & {
  /** The simulator's predicate held at the end, whatever the policy believed. */
  readonly judged: Rate;
  /** Median over the successes, s; null without any. */
  readonly medianSimSeconds: number | null;
  readonly causes: Readonly<Partial<Record<FailureCause, number>>>;
};

export type UnclearRow = Named<UnclearKind> & {
  /** The tool stayed where it was, whatever was answered. */
  readonly still: Rate;
  readonly causes: Readonly<Partial<Record<FailureCause, number>>>;
};

export type Summary = {
  readonly skills: readonly SkillRow[];
  /** Pick, put and push together: the policy's main promise. */
  readonly core: Rate;
  readonly ordinary: Rate;
  readonly wordings: readonly Named<Wording>[];
  readonly templates: readonly (Named<string> & { readonly group: string })[];
  readonly unclear: readonly UnclearRow[];
  /** Ordinary instructions that ended in a question, a refusal or a hold of the policy's own. */
  readonly wronglyQuestioned: Rate;
  /** Of the ordinary episodes that the policy believed done, how many were. */
  readonly beliefPrecision: Rate;
  /** Of the ordinary episodes that were done at the end, how many the policy believed done. */
  readonly beliefRecall: Rate;
  readonly medianInferMs: number | null;
};

const CORE: readonly Skill[] = ["pick", "put", "push"];

export function summarise(records: readonly EpisodeRecord[]): Summary {
  const ordinary = records.filter((record) => record.plan.kind === "ordinary");
  const ofSkill = (skill: Skill): EpisodeRecord[] =>
    ordinary.filter(({ plan }) => plan.kind === "ordinary" && plan.skill === skill);
  const ofUnclear = (kind: UnclearKind): EpisodeRecord[] =>
    records.filter(({ plan }) => plan.kind === "unclear" && plan.unclear === kind);
  const worded = (wording: Wording): EpisodeRecord[] =>
    ordinary.filter(({ plan }) => plan.kind === "ordinary" && plan.wordings.includes(wording));
  const believed = ordinary.filter(({ result }) => result.believedDone);
  const done = ordinary.filter(({ result }) => result.judgedDone === true);
  return {
    skills: rows(SKILLS, ofSkill).map(({ name, members }) => skillRow(name, members)),
    core: successOf(CORE.flatMap(ofSkill)),
    ordinary: successOf(ordinary),
    wordings: rows(WORDINGS, worded).map(({ name, members }) => ({ name, ...successOf(members) })),
    templates: byTemplate(records),
    unclear: rows(UNCLEAR_KINDS, ofUnclear).map(({ name, members }) => unclearRow(name, members)),
    wronglyQuestioned: shareOf(ordinary, ({ cause }) => cause === "questioned"),
    beliefPrecision: shareOf(believed, ({ result }) => result.judgedDone === true),
    beliefRecall: shareOf(done, ({ result }) => result.believedDone),
    medianInferMs: median(
      records.filter(({ watched }) => watched.inferences > 0).map(({ watched }) => watched.meanInferMs),
    ),
  };
}

/** Groups that have members, in the order of their names. */
function rows<Name extends string>(
  names: readonly Name[],
  membersOf: (name: Name) => readonly EpisodeRecord[],
): { name: Name; members: readonly EpisodeRecord[] }[] {
  return names.map((name) => ({ name, members: membersOf(name) })).filter(({ members }) => members.length > 0);
}

function skillRow(name: Skill, members: readonly EpisodeRecord[]): SkillRow {
  const won = members.filter((record) => record.success);
  return {
    name,
    ...successOf(members),
    judged: shareOf(members, ({ result }) => result.judgedDone === true),
    medianSimSeconds: median(won.map(({ result }) => result.simSeconds)),
    causes: countCauses(members),
  };
}

function unclearRow(name: UnclearKind, members: readonly EpisodeRecord[]): UnclearRow {
  const still = shareOf(members, ({ watched }) => watched.toolTravelM < MOVED_M);
  return { name, ...successOf(members), still, causes: countCauses(members) };
}

/** Worst first, so that what to mend stands on top. */
function byTemplate(records: readonly EpisodeRecord[]): (Named<string> & { group: string })[] {
  const groups = new Map<string, EpisodeRecord[]>();
  for (const record of records) {
    const members = groups.get(record.plan.template);
    if (members === undefined) groups.set(record.plan.template, [record]);
    else members.push(record);
  }
  return [...groups.values()]
    .map((members) => {
      const plan = members[0]!.plan;
      return {
        name: plan.template,
        group: plan.kind === "ordinary" ? plan.skill : plan.unclear,
        ...successOf(members),
      };
    })
    .sort((a, b) => a.rate - b.rate || b.trials - a.trials);
}

function successOf(members: readonly EpisodeRecord[]): Rate {
  return shareOf(members, (record) => record.success);
}

function shareOf(members: readonly EpisodeRecord[], holds: (record: EpisodeRecord) => boolean): Rate {
  return rateOf(members.filter(holds).length, members.length);
}

/** Most frequent first. */
export function countCauses(records: readonly EpisodeRecord[]): Partial<Record<FailureCause, number>> {
  const names = Object.keys(FAILURE_CAUSES) as FailureCause[];
  const counted = names.map((name) => [name, records.filter(({ cause }) => cause === name).length] as const);
  return Object.fromEntries(counted.filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]));
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
