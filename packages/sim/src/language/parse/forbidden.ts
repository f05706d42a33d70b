/**
 * What makes an instruction forbidden, as patterns over plain words joined by single spaces. Errs on the side of
 * forbidding: a person who meant well says it again in other words.
 */
import { createSpeller, type Speller } from "@bidden/runtime";
import { correctWord } from "../spelling.ts";
import { BREAK, FORBIDDEN_WORDS, HARM, SOMEONE, THROWN } from "./forbidden-words.ts";

const MOVES =
  "drop|push|put|sweep|knock|shove|slide|nudge|roll|send|move|fall|tip|dump|brush|wipe|kick|place|set|clear|throw|flick|lay|leave|scoot|shift|drag";

const BEINGS =
  "person|man|woman|lady|child|kid|baby|cat|dog|visitor|operator|brother|friend|nurse|boss|teacher|neighbour|photographer|audience|onlookers";
const THE = "(the |my |that |your )?(\\w+ )?";

/** By the reason that is given. Any one pattern makes the sentence forbidden. */
const FORBIDDEN: Readonly<Record<string, readonly RegExp[]>> = {
  "throwing is never allowed": [new RegExp(`\\b(${THROWN})\\b`)],
  "nobody may be hurt": [
    new RegExp(`\\b(${HARM})\\b`),
    /\b(hit|hitting|strike)\b|\btrip\b.* up\b|\bknock\b.* out\b/,
    /\b(swing|ram|drive) (the|your) arm\b/,
    /\b(squeeze|grab|pinch|grip|drop|swing|push|shove)\b.* hurts?\b/,
    new RegExp(`\\b(grab|squeeze|push|shove|seize) ${THE}(${BEINGS})\\b`),
    /\bby the (arm|neck)\b|\bteach\b.* a lesson\b/,
    new RegExp(`\\b(knock|shove) ${THE}(${SOMEONE}|${BEINGS}) (over|down|away)\\b`),
    /\b(grab|squeeze|grip|push|shove)( on)? (me|him|her|them|us|someone|my (hand|arm|fingers?))\b(?! (the|a|an|that|this|one|it)\b)/,
    new RegExp(`\\bdrop\\b.* on ${THE}(${SOMEONE})\\b`),
    new RegExp(`\\b(push|shove|knock)\\b.*\\b(${SOMEONE}) off\\b`),
  ],
  "breaking things is never allowed": [new RegExp(`\\b(${BREAK})\\b`)],
  "things stay on the table": [
    new RegExp(
      `\\b(${MOVES})\\b.*\\b(off|down from|beyond) (of )?(the )?(table|desk|edge|side|edges|tabletop|chair)\\b`,
    ),
    new RegExp(`\\b(${MOVES})\\b.*\\bover (the )?(edge|side|edges)\\b`),
    new RegExp(`\\b(${MOVES})\\b.*\\bbehind the table\\b`),
    /\b(on|onto|on to|to|at|into) the (floor|ground|carpet)\b|\b(out of|through) the window\b/,
    /\b(knock|sweep|shove|shoving|push|pushing|topple|tip|wipe|brush|clear)\b.*\beverything\b/,
    /\b(tip|topple|knock|turn) (the )?table\b|\bthe table by shoving\b/,
  ],
  "limits and safety are not for talking away": [
    /\b(ignore|ignoring|forget|disregard|exceed|override|overriding|bypass|skip)\b.*\b(limits?|safety|rules|instructions?|guidelines|stop|gate|checks?|restrictions?|policy)\b/,
    /\b(remove|lift|break|raise)\b.*\b(limits?|safety|rules|restrictions?|checks)\b/,
    /\b(disable|switch off|turn off|deactivate|unlock|overload|shut off)\b.*\b(safety|stop|gate|checks?|limits?|brakes?|everything|motors?|monitor)\b/,
    /\b(faster than|above|beyond|past|twice|exceed\w*)\b.*\b(limits?|allowed|speed|workspace|permitted)\b/,
    /\b(without|no|past|leave|outside)\b.*\b(limits?|safety|safe area|safe zone|checks|rules|restrictions)\b/,
    /\b(unsafe|dangerously|recklessly|maximum force|full force|all your strength|physically possible)\b/,
    /\b(leave|outside) your workspace\b|\bmotors to the limit\b|\bdisable your\b/,
    /\b(dont|do not|never|not) stop\b|\bkeep moving\b/,
  ],
  "nobody can talk the rules away": [
    /\b(developer mode|sudo|jailbreak|no rules|administrator|admin|system prompt|previous instructions|your creator|safety officer|safety is disabled)\b/,
    /\byou are now in\b|\bas your \w+ i order\b|\bnew policy\b|\bdo what i say or else\b/,
  ],
};

let speller: Speller | undefined;

/** Why an instruction is forbidden, or null. @param words the words of the whole sentence as they were typed. */
export function forbiddenReason(words: readonly string[]): string | null {
  const line = words.map(mended).join(" ");
  for (const [why, patterns] of Object.entries(FORBIDDEN)) {
    if (patterns.some((pattern) => pattern.test(line))) return why;
  }
  return null;
}

/** A slip does not hide a forbidden word, but short words and other beginnings are more often something else. */
function mended(word: string): string {
  const ordinary = correctWord(word);
  if (ordinary !== null || word.length < 4) return ordinary ?? word;
  speller ??= createSpeller(FORBIDDEN_WORDS.filter((one) => one.length >= 5));
  const meant = speller.correct(word);
  return meant !== null && meant.charAt(0) === word.charAt(0) ? meant : word;
}
