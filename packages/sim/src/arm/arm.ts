import type { Embodiment } from "@bidden/runtime";

/**
 * An arm is MJCF text plus an `Embodiment`: another arm is another pair of files, not a fork of the simulator. The text
 * must name its parts as `names` says; the world finds them by name and knows nothing else about the arm.
 */
export type ArmModel = {
  readonly embodiment: Embodiment;
  readonly mjcf: {
    /** Children of <worldbody>. */
    readonly body: string;
    /** Children of <tendon>, <equality> and <actuator>. */
    readonly tendon: string;
    readonly equality: string;
    readonly actuator: string;
  };
  readonly names: {
    /** Joint names in the embodiment's order; the actuators bear the same names. */
    readonly joints: readonly string[];
    /** Slide joints of the fingers, whose sum is the opening. */
    readonly fingers: readonly [string, string];
    /** Bodies of the fingers, left and right as the person sees them (left = -y). */
    readonly fingerBodies: readonly [string, string];
    readonly gripperActuator: string;
    readonly hand: string;
    /** Site at the tool centre point. */
    readonly tool: string;
  };
  /** Set-points of the gripper's actuator: closed (a little beyond, so that thin things are gripped too) and open. */
  readonly gripperClosedControl: number;
  readonly gripperOpenControl: number;
  /** Wrist camera: pose in the hand's frame, looking along its own -z with y up; tangent of half the vertical view. */
  readonly wristCamera: {
    readonly pos: readonly [number, number, number];
    /** What the camera looks at, in the hand's frame. */
    readonly target: readonly [number, number, number];
    /** Direction that is up in the image, in the hand's frame. */
    readonly up: readonly [number, number, number];
    readonly tanHalfFovY: number;
  };
};
