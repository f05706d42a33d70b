/**
 * The only place where a `Command` comes into being: `mint` for the gate's own verdicts, and `readCommand` for the far side
 * of a wire, where a command that the gate minted arrives as numbers. A test holds that no other folder casts to `Command`.
 */
import type { Command } from "../contract/types.ts";

type Body = { jointRad: Float64Array; gripper: number; seq: number };

/** One command, minted anew each tick in the same memory: valid until the next one, copy what must last. */
export class Mint {
  readonly #body: Body;

  constructor(dof: number) {
    this.#body = { jointRad: new Float64Array(dof), gripper: 1, seq: 0 };
  }

  mint(jointRad: Float64Array, gripper: number): Command {
    this.#body.jointRad.set(jointRad);
    this.#body.gripper = gripper;
    this.#body.seq += 1;
    return this.#body as unknown as Command;
  }
}

/** Numbers that one command takes on a wire: sequence number, gripper, joints. */
export function commandLength(dof: number): number {
  return dof + 2;
}

/** @param out float64[dof + 2] */
export function writeCommand(command: Command, out: Float64Array): void {
  out[0] = command.seq;
  out[1] = command.gripper;
  out.set(command.jointRad, 2);
}

/** A reader with its own memory. Answers null for anything that is not a whole, finite, newer command. */
export function createCommandReader(dof: number): (wire: Float64Array) => Command | null {
  const body: Body = { jointRad: new Float64Array(dof), gripper: 1, seq: 0 };
  return (wire) => {
    const seq = wire[0]!;
    if (!(seq > body.seq)) return null;
    for (let i = 0; i < dof + 2; i++) if (!Number.isFinite(wire[i]!)) return null;
    body.seq = seq;
    body.gripper = wire[1]!;
    for (let j = 0; j < dof; j++) body.jointRad[j] = wire[2 + j]!;
    return body as unknown as Command;
  };
}
