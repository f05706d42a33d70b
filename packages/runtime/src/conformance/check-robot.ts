/**
 * Whether something is a `Robot`: an embodiment that makes sense, states with units, commands that are followed. It is
 * driven through a gate, as always; every joint moves a little, and the fingers close and open.
 */
import { messageOf } from "../contract/errors.ts";
import type { Robot, RobotState } from "../contract/types.ts";
import { Gate } from "../gate/gate.ts";
import { checkEmbodiment } from "./check-embodiment.ts";
import { type Finding, Findings } from "./finding.ts";

export type CheckRobotOptions = {
  /** Lets time pass for the robot. */
  readonly advance: (ms: number) => void | Promise<void>;
  /** The clock that the robot stamps its states with. */
  readonly nowMs: () => number;
  /** How far each joint is moved, rad, and how near it must come. */
  readonly moveRad?: number;
  readonly toleranceRad?: number;
};

/** Time that a joint or the fingers may take, ms. */
const PATIENCE_MS = 2000;

export async function checkRobot(robot: Robot, options: CheckRobotOptions): Promise<readonly Finding[]> {
  const findings = new Findings();
  checkEmbodiment(robot.embodiment, findings);
  try {
    if (!checkState(robot, robot.read(), findings)) return findings.list;
    const drive = new Drive(robot, options);
    await checkClock(robot, drive, findings);
    await checkJoints(robot, drive, options, findings);
    await checkGripper(robot, drive, findings);
  } catch (thrown) {
    findings.expect(false, "read or send", "no exception", messageOf(thrown));
  }
  return findings.list;
}

/** Sends what the gate lets through, one command period after the other. */
class Drive {
  readonly #robot: Robot;
  readonly #options: CheckRobotOptions;
  readonly #gate: Gate;

  constructor(robot: Robot, options: CheckRobotOptions) {
    this.#robot = robot;
    this.#options = options;
    this.#gate = new Gate(robot.embodiment);
    this.#gate.grant({ id: "check-robot", by: "checkRobot", instruction: "check", untilMs: null });
  }

  /** float64[dof], a copy of what was commanded last, or of where the arm is. */
  at(): Float64Array {
    return Float64Array.from(this.#robot.read().jointRad);
  }

  async to(goalRad: Float64Array, gripper: number): Promise<void> {
    const { commandPeriodMs } = this.#robot.embodiment;
    for (let ms = 0; ms < PATIENCE_MS; ms += commandPeriodMs) {
      const nowMs = this.#options.nowMs();
      const state = this.#robot.read();
      const command = this.#gate.tick({
        nowMs,
        dtMs: commandPeriodMs,
        jointRad: goalRad,
        gripper,
        captureMs: null,
        state,
      });
      if (command !== null) this.#robot.send(command);
      await this.#options.advance(commandPeriodMs);
    }
  }
}

function checkState(robot: Robot, state: RobotState, findings: Findings): boolean {
  const { joints, gripperMaxWidthM } = robot.embodiment;
  const { jointRad, jointRadS, gripperWidthM, stampMs } = state;
  findings.expect(jointRadS.length === joints.length, "state.jointRadS", `float64[${joints.length}]`, jointRadS.length);
  findings.expect(jointRadS.every(Number.isFinite), "state.jointRadS", "finite", [...jointRadS]);
  findings.expect(Number.isFinite(stampMs), "state.stampMs", "a time", stampMs);
  const width = gripperWidthM >= -0.002 && gripperWidthM <= gripperMaxWidthM + 0.002;
  findings.expect(width, "state.gripperWidthM", `0..${gripperMaxWidthM}`, gripperWidthM);
  const angles = jointRad.length === joints.length && jointRad.every(Number.isFinite);
  return findings.expect(angles, "state.jointRad", `float64[${joints.length}], finite`, [...jointRad]);
}

async function checkClock(robot: Robot, drive: Drive, findings: Findings): Promise<void> {
  const before = robot.read().stampMs;
  await drive.to(drive.at(), 1);
  const after = robot.read().stampMs;
  const passed = after - before;
  const right = passed > PATIENCE_MS / 2 && passed < PATIENCE_MS * 2;
  findings.expect(right, "state.stampMs", `about ${PATIENCE_MS} ms later`, passed);
}

async function checkJoints(robot: Robot, drive: Drive, options: CheckRobotOptions, findings: Findings): Promise<void> {
  const { moveRad = 0.05, toleranceRad = 0.01 } = options;
  const home = drive.at();
  for (const [j, joint] of robot.embodiment.joints.entries()) {
    const goal = Float64Array.from(home);
    goal[j] = home[j]! + (home[j]! + moveRad < joint.maxRad ? moveRad : -moveRad);
    await drive.to(goal, 1);
    const reached = robot.read().jointRad;
    const errors = Array.from(goal, (x, k) => Math.abs(x - reached[k]!));
    const near = Math.max(...errors) <= toleranceRad;
    findings.expect(near, `send, joint ${joint.name}`, `within ${toleranceRad} rad of the command`, errors);
    await drive.to(home, 1);
  }
}

async function checkGripper(robot: Robot, drive: Drive, findings: Findings): Promise<void> {
  const at = drive.at();
  const { gripperMaxWidthM } = robot.embodiment;
  await drive.to(at, 0);
  const closed = robot.read().gripperWidthM;
  findings.expect(closed < gripperMaxWidthM / 2, "send, gripper 0", "closed fingers", closed);
  await drive.to(at, 1);
  const open = robot.read().gripperWidthM;
  findings.expect(open > gripperMaxWidthM * 0.9, "send, gripper 1", "open fingers", open);
}
