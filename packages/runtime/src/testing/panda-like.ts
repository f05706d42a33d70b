/**
 * A Panda-like arm for this room's own tests: Franka's published modified DH table, joint limits, speeds and accelerations
 * (FER: frankarobotics.github.io/docs/control_parameters.html) with the tool on the flange's axis. The Panda that bidden
 * drives is an embodiment of the simulator's.
 */
import type { Embodiment, Joint } from "../contract/types.ts";

const MODIFIED_DH = [
  { a: 0, d: 0.333, alpha: 0 },
  { a: 0, d: 0, alpha: -Math.PI / 2 },
  { a: 0, d: 0.316, alpha: Math.PI / 2 },
  { a: 0.0825, d: 0, alpha: Math.PI / 2 },
  { a: -0.0825, d: 0.384, alpha: -Math.PI / 2 },
  { a: 0, d: 0, alpha: Math.PI / 2 },
  { a: 0.088, d: 0, alpha: Math.PI / 2 },
] as const;
const MIN_RAD = [-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973] as const;
const MAX_RAD = [2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973] as const;
const MAX_RAD_S = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61] as const;
const MAX_RAD_S2 = [15, 7.5, 10, 12.5, 15, 20, 20] as const;

/** A joint in modified DH: Rot_x(alpha) Trans_x(a) Trans_z(d) before it turns about its z. */
function joint(index: number): Joint {
  const { a, d, alpha } = MODIFIED_DH[index]!;
  return {
    name: `joint${index + 1}`,
    parentFromJoint: {
      pos: [a, -d * Math.sin(alpha), d * Math.cos(alpha)],
      quat: [Math.cos(alpha / 2), Math.sin(alpha / 2), 0, 0],
    },
    axis: [0, 0, 1],
    minRad: MIN_RAD[index]!,
    maxRad: MAX_RAD[index]!,
    maxRadS: MAX_RAD_S[index]!,
    maxRadS2: MAX_RAD_S2[index]!,
    maxTorqueNm: index < 4 ? 87 : 12,
  };
}

const JOINT_STATES = ["joint1Rad", "joint2Rad", "joint3Rad", "joint4Rad", "joint5Rad", "joint6Rad", "joint7Rad"];

export const pandaLike: Embodiment = {
  name: "panda-like",
  source: "Franka control parameters, FER; masses not needed here",
  joints: MODIFIED_DH.map((_row, index) => joint(index)),
  lastFromTool: { pos: [0, 0, 0.2104], quat: [1, 0, 0, 0] },
  gripperMaxWidthM: 0.08,
  homeRad: [0, -0.1, 0, -2.4, 0, 2.3, Math.PI / 4],
  stateNames: [
    ...JOINT_STATES,
    "toolXM",
    "toolYM",
    "toolZM",
    "toolRxRad",
    "toolRyRad",
    "toolRzRad",
    "gripperWidthM",
    "gripperCommand",
    "toolSpeedMS",
  ],
  cameras: [],
  actionSpace: { kind: "ee-delta-7", dim: 7, stepMs: 100 },
  commandPeriodMs: 10,
  envelope: {
    workspaceMin: [0.2, -0.45, 0.005],
    workspaceMax: [0.75, 0.45, 0.6],
    maxToolMS: 0.5,
    velocityShare: 0.6,
    accelerationShare: 0.5,
    maxChunkAgeMs: 1000,
    maxStateAgeMs: 50,
  },
};
