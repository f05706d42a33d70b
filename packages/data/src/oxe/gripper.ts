/** Rules by which Open X-Embodiment's grippers become one: absolute, 1 = open, 0 = closed (openvla and Octo, data_utils.py). */

/** How a dataset says what its gripper does. */
export type GripperRule =
  /** Already absolute with 1 = open. */
  | "as-is"
  /** Absolute with 1 = closed. */
  | "invert"
  | "clip"
  | "clip-invert"
  /** Commands: above 0.1 close, below -0.1 open, between: go on. */
  | "relative"
  /** Decided values beyond 0.95 and 0.05; between them the next decided one. */
  | "binarize";

const fround = Math.fround;

export function standardGripper(values: Float32Array, rule: GripperRule): Float32Array {
  const clip = (value: number): number => Math.min(1, Math.max(0, value));
  switch (rule) {
    case "as-is":
      return values;
    case "invert":
      return values.map((value) => fround(1 - value));
    case "clip":
      return values.map(clip);
    case "clip-invert":
      return values.map((value) => fround(1 - clip(value)));
    case "relative":
      return relativeToAbsolute(values);
    case "binarize":
      return binarize(values);
    default:
      return rule satisfies never;
  }
}

/** Before the first command the gripper stood the other way; without any command it is open. Exactly 0.1 is no command. */
export function relativeToAbsolute(values: Float32Array): Float32Array {
  const opens = (value: number): number | null => (value < fround(-0.1) ? 1 : value > fround(0.1) ? 0 : null);
  const first = Array.from(values, opens).find((state) => state !== null);
  let state = first === undefined || first === null ? 1 : 1 - first;
  return values.map((value) => (state = opens(value) ?? state));
}

/** A tail that is never decided keeps its last value. */
export function binarize(values: Float32Array): Float32Array {
  const out = new Float32Array(values.length);
  let carry = values.at(-1) ?? 0;
  for (let i = values.length - 1; i >= 0; i--) {
    const value = values[i] as number;
    const open = value > fround(0.95);
    const closed = value < fround(0.05);
    if (open || closed) carry = open ? 1 : 0;
    out[i] = carry;
  }
  return out;
}
