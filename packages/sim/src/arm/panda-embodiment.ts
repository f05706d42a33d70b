import type { Embodiment, Joint } from "@bidden/runtime";

const HALF = Math.SQRT1_2;

/** Quaternions of the quarter turns about x that stand between the Panda's joints. */
const MINUS_X = [HALF, -HALF, 0, 0] as const;
const PLUS_X = [HALF, HALF, 0, 0] as const;

type JointRow = {
  readonly pos: readonly [number, number, number];
  readonly quat: readonly [number, number, number, number];
  readonly range: readonly [number, number];
  readonly maxRadS: number;
  readonly maxRadS2: number;
  readonly maxTorqueNm: number;
};

/**
 * Modified Denavit-Hartenberg parameters and limits as Franka publishes them
 * (https://frankarobotics.github.io/docs/control_parameters.html, "Denavit-Hartenberg parameters" and "Limits for Panda").
 */
const ROWS: readonly JointRow[] = [
  { pos: [0, 0, 0.333], quat: [1, 0, 0, 0], range: [-2.8973, 2.8973], maxRadS: 2.175, maxRadS2: 15, maxTorqueNm: 87 },
  { pos: [0, 0, 0], quat: MINUS_X, range: [-1.7628, 1.7628], maxRadS: 2.175, maxRadS2: 7.5, maxTorqueNm: 87 },
  { pos: [0, -0.316, 0], quat: PLUS_X, range: [-2.8973, 2.8973], maxRadS: 2.175, maxRadS2: 10, maxTorqueNm: 87 },
  { pos: [0.0825, 0, 0], quat: PLUS_X, range: [-3.0718, -0.0698], maxRadS: 2.175, maxRadS2: 12.5, maxTorqueNm: 87 },
  { pos: [-0.0825, 0.384, 0], quat: MINUS_X, range: [-2.8973, 2.8973], maxRadS: 2.61, maxRadS2: 15, maxTorqueNm: 12 },
  { pos: [0, 0, 0], quat: PLUS_X, range: [-0.0175, 3.7525], maxRadS: 2.61, maxRadS2: 20, maxTorqueNm: 12 },
  { pos: [0.088, 0, 0], quat: PLUS_X, range: [-2.8973, 2.8973], maxRadS: 2.61, maxRadS2: 20, maxTorqueNm: 12 },
];

/** Flange (end of joint 7) to hand, along z; and hand to tool centre point. */
export const FLANGE_Z_M = 0.107;
/** Franka's hand has 0.1034 m; the fingers here are 24.6 mm longer, so that the hand clears standing cans beside the grasp. */
export const HAND_TO_TOOL_M = 0.128;
/** The hand is mounted turned by -45 degrees about the flange. */
export const HAND_QUAT = [0.9238795325112867, 0, 0, -0.3826834323650898] as const;

function jointOf(row: JointRow, index: number): Joint {
  return {
    name: `joint${index + 1}`,
    parentFromJoint: { pos: row.pos, quat: row.quat },
    axis: [0, 0, 1],
    minRad: row.range[0],
    maxRad: row.range[1],
    maxRadS: row.maxRadS,
    maxRadS2: row.maxRadS2,
    maxTorqueNm: row.maxTorqueNm,
  };
}

/** Franka Emika Panda with its parallel hand. At home the tool is at (0.45, 0, 0.25), straight down, fingers along y. */
export const pandaEmbodiment: Embodiment = {
  name: "panda",
  source:
    "kinematics and limits: Franka control parameters, Panda; link masses: Gaz et al. 2019, doi:10.1109/LRA.2019.2931248",
  joints: ROWS.map(jointOf),
  lastFromTool: { pos: [0, 0, FLANGE_Z_M + HAND_TO_TOOL_M], quat: HAND_QUAT },
  gripperMaxWidthM: 0.08,
  homeRad: [0, -0.22444883856577, 0, -2.46706975323891, 0, 2.24262091467315, Math.PI / 4],
  stateNames: [
    ...ROWS.map((_, index) => `joint${index + 1}Rad`),
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
  cameras: ["front", "wrist"],
  actionSpace: { kind: "ee-delta-7", dim: 7, stepMs: 100 },
  commandPeriodMs: 10,
  envelope: {
    workspaceMin: [0.25, -0.36, 0.005],
    workspaceMax: [0.75, 0.36, 0.5],
    maxToolMS: 0.5,
    velocityShare: 0.8,
    accelerationShare: 0.8,
    maxChunkAgeMs: 1000,
    maxStateAgeMs: 100,
  },
};
