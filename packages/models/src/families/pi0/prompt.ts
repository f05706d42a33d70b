/**
 * The words that π models read. π0 takes the instruction and a newline; π0.5 and π0-FAST may write the state into the prompt,
 * and nothing in the weights says whether they were trained so: the configuration has to.
 */

/** What stands in the prompt. */
export type PromptForm =
  /** `{instruction}\n` */
  | "plain"
  /** `Task: {instruction}, State: {bins};\nAction: ` (π0.5) */
  | "state-action"
  /** `Task: {instruction}, State: {bins};\n` (π0-FAST, which writes "Action: " itself) */
  | "state";

/** Whether underscores and line breaks become spaces: openpi and LeRobot's π0.5 and π0-FAST do, LeRobot's π0 does not. */
export type PromptStyle = { readonly form: PromptForm; readonly cleaned: boolean };

/** @param state normalised, not padded; read by the forms that write it */
export function promptText(instruction: string, state: ArrayLike<number>, { form, cleaned }: PromptStyle): string {
  const words = cleaned ? pythonStrip(instruction).replaceAll("_", " ").replaceAll("\n", " ") : instruction;
  switch (form) {
    case "plain":
      return words.endsWith("\n") ? words : `${words}\n`;
    case "state-action":
      return `Task: ${words}, State: ${stateBins(state).join(" ")};\nAction: `;
    case "state":
      return `Task: ${words}, State: ${stateBins(state).join(" ")};\n`;
    default:
      return form satisfies never;
  }
}

/** Python's str.strip() also takes the control characters 1C to 1F and 85, and leaves the byte order mark, unlike trim(). */
function pythonStrip(text: string): string {
  const blank = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
  return text.replace(new RegExp(`^${blank}+`), "").replace(new RegExp(`${blank}+$`), "");
}

/** The bin of each value among 256 between -1 and 1: 0..255, and -1 for values below -1 (numpy.digitize - 1). */
export function stateBins(state: ArrayLike<number>): number[] {
  return Array.from(state, (value) => {
    // Bin edges are -1 + i/128, exactly; NaN sorts after them all, as in numpy.
    if (Number.isNaN(value)) return 255;
    return Math.max(-1, Math.min(255, Math.floor((value + 1) * 128)));
  });
}
