/**
 * The contract: what every room speaks. Shapes, dtypes, units, frames and ranges stand at each field.
 *
 * Frames: `base` is the robot's base, x forward (away from the robot over the table), y left, z up, metres; the table's
 * surface is z = 0. Quaternions are (w, x, y, z). Rotations in actions are rotation vectors in the base frame, radians.
 */

/** uint8[height, width, 3], RGB, row-major, no padding. */
export type Image = { readonly width: number; readonly height: number; readonly data: Uint8Array };

/** A pinhole camera at the moment of capture. Looks along its own -z, x right, y up (MuJoCo's and OpenGL's convention). */
export type CameraView = {
  readonly image: Image;
  /** Vertical field of view, radians. */
  readonly fovY: number;
  /** float64[12]: row-major 3x4 [R | t], camera frame to base frame, metres. */
  readonly baseFromCamera: Float64Array;
};

export type Observation = {
  /** Unique in a run; recorded with everything that was decided from it. */
  readonly id: string;
  /** Capture time on the loop's monotonic clock, nanoseconds. */
  readonly captureNs: bigint;
  /** By camera name, as in `Embodiment.cameras`. */
  readonly cameras: Readonly<Record<string, CameraView>>;
  /** float32[n], order and units as `Embodiment.stateNames`. */
  readonly state: Float32Array;
  /** Earlier states, oldest first, one a control step, as many as the policy asked for (padded with the oldest). */
  readonly history: readonly Float32Array[];
  /** What the person asked for, already resolved against corrections ("no, the green one"). */
  readonly instruction: string;
  /** Places a person pointed out, which replace what the policy would have pointed at itself. */
  readonly hints?: PlaceHints;
};

/** Places given from outside (a click on "which one?", "put it back"), base frame, metres. */
export type PlaceHints = {
  readonly act?: readonly [number, number, number];
  readonly place?: readonly [number, number, number];
};

/**
 * What an action vector means. Its last element is the gripper, 0..1, 1 = open. Movements are relative to what was commanded
 * before, per step; absolute actions are the set-point at the moment when they are due, and between two of them it goes straight.
 */
export type ActionSpace =
  | {
      /**
       * [dx, dy, dz (m), rx, ry, rz (rotation vector, rad), gripper]: translation and rotation of the commanded pose in the
       * base frame (Open X-Embodiment's end-effector contract).
       */
      readonly kind: "ee-delta-7";
      readonly dim: 7;
      /** Duration of one step, ms. */
      readonly stepMs: number;
    }
  | {
      /** [x, y, z (m), qw, qx, qy, qz, gripper]: pose of the tool in the base frame; the quaternion need not be of length 1. */
      readonly kind: "ee-pose-8";
      readonly dim: 8;
      readonly stepMs: number;
    }
  | {
      /** Angles of the joints in the order of `Embodiment.joints`, rad, or their changes; gripper. */
      readonly kind: "joint-position" | "joint-delta";
      /** One more than there are joints. */
      readonly dim: number;
      readonly stepMs: number;
    };

export type ActionChunk = {
  /** float32[horizon, dim], row-major. */
  readonly values: Float32Array;
  readonly horizon: number;
  readonly space: ActionSpace;
  /** When the first action is due: the capture time of the observation it was inferred from, ns. */
  readonly startNs: bigint;
  readonly origin: ChunkOrigin;
  /** What the policy believes, beside what it would do. */
  readonly belief: Belief;
};

/** Where a chunk came from; enough to find the decision again. */
export type ChunkOrigin = {
  /** Such as "policy:tabletop" or "expert". */
  readonly source: string;
  /** SHA-256 of the weights, hex; empty for the scripted expert. */
  readonly modelDigest: string;
  readonly observationId: string;
  readonly seed: number;
  /** Time spent by stage, ms (such as preprocess, encode, infer). */
  readonly stageMs: Readonly<Record<string, number>>;
};

/** What the policy makes of the instruction in this scene. Only `obey` may move. */
export type Intent =
  | { readonly kind: "obey" }
  | {
      readonly kind: "ask";
      readonly question: string;
      readonly candidates: readonly Candidate[];
      /** Which of the places is in doubt; a person's answer becomes the hint of that name. */
      readonly about?: keyof PlaceHints;
    }
  | { readonly kind: "refuse"; readonly reason: string }
  | { readonly kind: "hold"; readonly reason: string };

/** One thing that could have been meant. */
export type Candidate = {
  /** Base frame, metres. */
  readonly at: readonly [number, number, number];
  /** 0..1, share of the pointer's mass. */
  readonly mass: number;
  /** Such as "the red block". */
  readonly label?: string;
};

export type Belief = {
  readonly intent: Intent;
  /** Probability that the task is accomplished, 0..1. */
  readonly done: number;
  /** Where the policy points, per channel (`act`: what to act on, `place`: where to put it). */
  readonly pointing: readonly Pointing[];
  /** The answer, where the instruction was a question. */
  readonly answer?: string;
};

export type Pointing = {
  readonly channel: "act" | "place";
  /** Best estimate, base frame, metres; null when it points nowhere. */
  readonly at: readonly [number, number, number] | null;
  /** Mass on "nowhere", 0..1. */
  readonly nowhere: number;
  /** Heat by camera: float32[rows, cols], sums to at most 1 over all cameras, row 0 at the top of the image. */
  readonly heat: Readonly<Record<string, { rows: number; cols: number; values: Float32Array }>>;
};

export type InferRequest = {
  /** For heads that sample. */
  readonly seed: number;
  /** Which action head to use, where the policy has several. */
  readonly head?: string;
};

export type PolicyInfo = {
  readonly name: string;
  readonly modelDigest: string;
  readonly space: ActionSpace;
  readonly horizon: number;
  /** Camera names with the image size the policy wants. */
  readonly cameras: Readonly<Record<string, { width: number; height: number }>>;
  readonly stateNames: readonly string[];
  /** Number of earlier states wanted in `Observation.history`. */
  readonly historyLength: number;
  readonly heads: readonly string[];
};

/** Turns an observation into a chunk of actions. A wrapper (remote, recorded, ensembled) is a `Policy` too. */
export interface Policy {
  readonly info: PolicyInfo;
  infer(observation: Observation, request: InferRequest): Promise<ActionChunk>;
  close(): Promise<void>;
}

/** One revolute joint of a serial chain. */
export type Joint = {
  readonly name: string;
  /** Pose of the joint's frame in its parent link's frame at angle 0: metres and quaternion (w, x, y, z). */
  readonly parentFromJoint: {
    readonly pos: readonly [number, number, number];
    readonly quat: readonly [number, number, number, number];
  };
  /** Unit axis in the joint's own frame. */
  readonly axis: readonly [number, number, number];
  /** Position limits, rad, inclusive. */
  readonly minRad: number;
  readonly maxRad: number;
  /** Magnitude limits, rad/s and rad/s^2. */
  readonly maxRadS: number;
  readonly maxRadS2: number;
  /** N m. */
  readonly maxTorqueNm: number;
};

/** A robot as data. A policy and a robot are matched against each other before anything moves. */
export type Embodiment = {
  readonly name: string;
  /** Where kinematics, limits and masses were published. */
  readonly source: string;
  readonly joints: readonly Joint[];
  /** Pose of the tool centre point in the last joint's frame. */
  readonly lastFromTool: {
    readonly pos: readonly [number, number, number];
    readonly quat: readonly [number, number, number, number];
  };
  /** Opening between the fingers, metres, at gripper = 1. */
  readonly gripperMaxWidthM: number;
  /** Joint angles at rest, rad. */
  readonly homeRad: readonly number[];
  /** Names of `Observation.state`, with units in the name. */
  readonly stateNames: readonly string[];
  readonly cameras: readonly string[];
  /** What its recordings hold, and what a policy that fits without a word gives. */
  readonly actionSpace: ActionSpace & { readonly kind: "ee-delta-7" };
  /** Period of joint commands, ms. */
  readonly commandPeriodMs: number;
  readonly envelope: SafetyEnvelope;
};

/** What the gate enforces on top of the joint limits. */
export type SafetyEnvelope = {
  /** Box that the tool centre point must stay in, base frame, metres. */
  readonly workspaceMin: readonly [number, number, number];
  readonly workspaceMax: readonly [number, number, number];
  /** Largest tool speed, m/s. */
  readonly maxToolMS: number;
  /** Share of each joint's limits that may be used, 0..1. */
  readonly velocityShare: number;
  readonly accelerationShare: number;
  /** Oldest chunk that may still drive, ms since capture of its observation. */
  readonly maxChunkAgeMs: number;
  /** Oldest robot state that may still be driven from, ms. */
  readonly maxStateAgeMs: number;
};

declare const minted: unique symbol;

/** A joint-space command. Only `gate/` can mint one; `Robot.send` takes nothing else. */
export type Command = {
  readonly [minted]: true;
  /** float64[joints], rad. */
  readonly jointRad: Float64Array;
  /** 0..1, 1 = open. */
  readonly gripper: number;
  readonly seq: number;
};

/** What the robot says of itself. Buffers are reused by the robot: copy what must last. */
export type RobotState = {
  /** Loop clock, ms. */
  readonly stampMs: number;
  /** float64[joints], rad and rad/s. */
  readonly jointRad: Float64Array;
  readonly jointRadS: Float64Array;
  readonly gripperWidthM: number;
};

/** Anything with joints: the simulator or a driver. `read` and `send` never block and never throw. */
export interface Robot {
  readonly embodiment: Embodiment;
  read(): RobotState;
  send(command: Command): void;
}

/** Who asked, for what, until when. No grant, no command. */
export type Grant = {
  readonly id: string;
  /** The person or token that asked. */
  readonly by: string;
  readonly instruction: string;
  /** Loop clock, ms; null: until revoked. */
  readonly untilMs: number | null;
};

/** Latching and monotone towards safe: anything may lower the mode, only a person's act may raise it. */
export type Mode = "nominal" | "slow" | "hold" | "stop";

/** What a stage of the loop answers instead of throwing. */
export type Verdict = { readonly kind: "ok" } | { readonly kind: "hold" | "stop"; readonly reason: string };
