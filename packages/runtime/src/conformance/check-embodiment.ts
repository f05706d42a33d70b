/** Whether an embodiment makes sense in itself: units, signs, frames. */
import { messageOf } from "../contract/errors.ts";
import type { Embodiment, Joint } from "../contract/types.ts";
import { Chain } from "../kinematics/chain.ts";
import { StateAssembler } from "../observe/state.ts";
import type { Findings } from "./finding.ts";

export function checkEmbodiment(embodiment: Embodiment, findings: Findings): void {
  const { joints, homeRad, lastFromTool, actionSpace, commandPeriodMs, gripperMaxWidthM } = embodiment;
  const names = joints.map(({ name }) => name);
  findings.expect(new Set(names).size === names.length, "joints", "names once each", names);
  for (const joint of joints) checkJoint(joint, findings);
  findings.expect(homeRad.length === joints.length, "homeRad", `${joints.length} angles`, homeRad);
  const inside = homeRad.every((angle, j) => angle >= joints[j]!.minRad && angle <= joints[j]!.maxRad);
  findings.expect(inside, "homeRad", "angles inside their limits", homeRad);
  findings.expect(unit(lastFromTool.quat), "lastFromTool.quat", "a unit quaternion", lastFromTool.quat);
  const steps = actionSpace.stepMs / commandPeriodMs;
  findings.expect(commandPeriodMs > 0 && Number.isInteger(steps), "commandPeriodMs", "a whole part of a step", steps);
  findings.expect(gripperMaxWidthM > 0 && gripperMaxWidthM < 1, "gripperMaxWidthM", "metres", gripperMaxWidthM);
  checkEnvelope(embodiment, findings);
  try {
    const { length } = new StateAssembler(embodiment).vector();
    findings.expect(length === embodiment.stateNames.length, "stateNames", "a number for each", length);
  } catch (thrown) {
    findings.expect(false, "stateNames", "names with a source", messageOf(thrown));
  }
}

function checkJoint(joint: Joint, findings: Findings): void {
  const what = `joint ${joint.name}`;
  findings.expect(joint.minRad < joint.maxRad, what, "minRad below maxRad", [joint.minRad, joint.maxRad]);
  findings.expect(Math.max(-joint.minRad, joint.maxRad) < 20, what, "radians, not degrees", [
    joint.minRad,
    joint.maxRad,
  ]);
  const magnitudes = [joint.maxRadS, joint.maxRadS2, joint.maxTorqueNm];
  findings.expect(
    magnitudes.every((x) => x > 0 && Number.isFinite(x)),
    what,
    "limits above 0",
    magnitudes,
  );
  findings.expect(unit(joint.parentFromJoint.quat), what, "a unit quaternion", joint.parentFromJoint.quat);
  findings.expect(unit(joint.axis), what, "a unit axis", joint.axis);
}

function checkEnvelope(embodiment: Embodiment, findings: Findings): void {
  const { envelope, homeRad } = embodiment;
  const { workspaceMin, workspaceMax, velocityShare, accelerationShare } = envelope;
  const chain = new Chain(embodiment);
  chain.forward(homeRad);
  const inside = chain.toolPos.every((at, i) => at >= workspaceMin[i]! && at <= workspaceMax[i]!);
  findings.expect(inside, "envelope", "the tool inside the workspace at home", [...chain.toolPos]);
  const shares = [velocityShare, accelerationShare];
  findings.expect(
    shares.every((share) => share > 0 && share <= 1),
    "envelope",
    "shares in (0, 1]",
    shares,
  );
  const positive = [envelope.maxToolMS, envelope.maxChunkAgeMs, envelope.maxStateAgeMs];
  findings.expect(
    positive.every((x) => x > 0 && Number.isFinite(x)),
    "envelope",
    "limits above 0",
    positive,
  );
}

function unit(vector: readonly number[]): boolean {
  return Math.abs(Math.hypot(...vector) - 1) < 1e-6;
}
