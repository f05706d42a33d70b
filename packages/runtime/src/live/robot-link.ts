/**
 * A robot and its loop in two threads, joined by shared memory: states one way, commands the other, each behind a sequence
 * lock (odd while being written). Every word goes through Atomics, so that a torn reading is always noticed; a reader
 * that meets a writer tries again a few times and then keeps what it had. Nobody ever waits.
 */
import type { Clock } from "../contract/clock.ts";
import type { Command, Embodiment, Robot, RobotState } from "../contract/types.ts";
import { commandLength, createCommandReader, writeCommand } from "../gate/mint.ts";

/** What both sides need; may be sent to a worker as it is. */
export type RobotLink = { readonly dof: number; readonly memory: SharedArrayBuffer };

export function createRobotLink(dof: number): RobotLink {
  return { dof, memory: new SharedArrayBuffer(boxBytes(stateLength(dof)) + boxBytes(commandLength(dof))) };
}

/** Stamp, gripper width, angles, speeds. */
function stateLength(dof: number): number {
  return 2 + 2 * dof;
}

/** A sequence number (padded to 8 bytes) before the float64 payload. */
function boxBytes(length: number): number {
  return 8 + 8 * length;
}

const TRIES = 8;

/** One direction: a payload of float64 behind a sequence lock, one writer. */
class Mailbox {
  readonly #sequence: Int32Array;
  readonly #shared: Int32Array;
  readonly #words: Int32Array;
  /** float64[length]: filled before `write`, or by a successful `read`. */
  readonly payload: Float64Array;

  constructor(memory: SharedArrayBuffer, offset: number, length: number) {
    this.#sequence = new Int32Array(memory, offset, 1);
    this.#shared = new Int32Array(memory, offset + 8, 2 * length);
    this.payload = new Float64Array(length);
    this.#words = new Int32Array(this.payload.buffer);
  }

  write(): void {
    Atomics.add(this.#sequence, 0, 1);
    for (let i = 0; i < this.#words.length; i++) Atomics.store(this.#shared, i, this.#words[i]!);
    Atomics.add(this.#sequence, 0, 1);
  }

  /** Whether a whole payload was read; otherwise `payload` is not to be used. False before the first write. */
  read(): boolean {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const before = Atomics.load(this.#sequence, 0);
      if (before === 0) return false;
      if (before % 2 !== 0) continue;
      for (let i = 0; i < this.#words.length; i++) this.#words[i] = Atomics.load(this.#shared, i);
      if (Atomics.load(this.#sequence, 0) === before) return true;
    }
    return false;
  }
}

function boxes(link: RobotLink): { states: Mailbox; commands: Mailbox } {
  const states = new Mailbox(link.memory, 0, stateLength(link.dof));
  return { states, commands: new Mailbox(link.memory, boxBytes(stateLength(link.dof)), commandLength(link.dof)) };
}

/** The loop's side: looks like any robot. Before the first state its stamp is NaN, which the gate calls stale. */
export function createLinkedRobot(link: RobotLink, embodiment: Embodiment): Robot {
  const { states, commands } = boxes(link);
  const { dof } = link;
  const state = {
    stampMs: Number.NaN,
    jointRad: new Float64Array(dof),
    jointRadS: new Float64Array(dof),
    gripperWidthM: 0,
  };
  return {
    embodiment,
    read(): RobotState {
      if (!states.read()) return state;
      const { payload } = states;
      state.stampMs = payload[0]!;
      state.gripperWidthM = payload[1]!;
      for (let j = 0; j < dof; j++) {
        state.jointRad[j] = payload[2 + j]!;
        state.jointRadS[j] = payload[2 + dof + j]!;
      }
      return state;
    },
    send(command: Command): void {
      writeCommand(command, commands.payload);
      commands.write();
    },
  };
}

/** The side of whoever owns the real robot. */
export type RobotHost = {
  /** Tells the loop how the robot stands, stamped with the clock that both share. */
  publish(state: RobotState): void;
  /** Hands on the newest command, if one came since the last call. Answers whether it did. */
  deliver(): boolean;
};

export function createRobotHost(link: RobotLink, robot: Robot, clock: Clock): RobotHost {
  const { states, commands } = boxes(link);
  const { dof } = link;
  const readCommand = createCommandReader(dof);
  return {
    publish(state) {
      const { payload } = states;
      payload[0] = clock.nowMs();
      payload[1] = state.gripperWidthM;
      payload.set(state.jointRad, 2);
      payload.set(state.jointRadS, 2 + dof);
      states.write();
    },
    deliver() {
      const command = commands.read() ? readCommand(commands.payload) : null;
      if (command !== null) robot.send(command);
      return command !== null;
    },
  };
}
