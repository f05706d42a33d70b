import type { ArmModel } from "./arm.ts";
import { FLANGE_Z_M, HAND_QUAT, HAND_TO_TOOL_M, pandaEmbodiment } from "./panda-embodiment.ts";

/**
 * The Panda as MJCF: published kinematics and identified link masses, primitive shapes. The arm's links are seen but collide
 * with nothing (the gate keeps the tool inside its workspace); hand and fingers collide with objects and table.
 */

/** Mass, centre of mass, principal axes and moments (Gaz et al. 2019, as dm-robotics-panda 0.4.8 carries them). */
type LinkInertia = {
  readonly mass: number;
  readonly com: string;
  readonly quat: string;
  readonly moments: string;
};

const INERTIA: readonly LinkInertia[] = [
  {
    mass: 4.970684,
    com: "0.003875 0.002081 -0.04762",
    quat: "0.711549159 0.006343538 -0.01311216 0.702485320",
    moments: "0.707137014 0.703435429 0.008524556",
  },
  {
    mass: 0.646926,
    com: "-0.003141 -0.02872 0.003495",
    quat: "-0.168174803 0.828365883 -0.122877553 0.520027217",
    moments: "0.031032643 0.028300107 0.00273425",
  },
  {
    mass: 3.228604,
    com: "0.027518 0.039252 -0.066502",
    quat: "0.662768815 -0.006783332 0.252053168 0.705096223",
    moments: "0.041501388 0.041479257 0.001246354",
  },
  {
    mass: 3.587895,
    com: "-0.05317 0.104419 0.027454",
    quat: "0.650580338 0.529821721 -0.096203372 0.535517581",
    moments: "0.03495964 0.028148276 0.010620083",
  },
  {
    mass: 1.225946,
    com: "-0.011953 0.041065 -0.038437",
    quat: "0.987313261 -0.01219535 0.071918667 -0.141037239",
    moments: "0.036762538 0.028853091 0.00803437",
  },
  {
    mass: 1.666555,
    com: "0.060149 -0.014117 -0.010517",
    quat: "0.101075381 0.593319902 0.028722698 0.798079111",
    moments: "0.005842761 0.004310374 0.001597865",
  },
  {
    mass: 0.735522,
    com: "0.010517 -0.004252 0.061597",
    quat: "0.992938522 -0.076204121 0.073359518 -0.053706655",
    moments: "0.012734493 0.010105477 0.00451803",
  },
];

const WHITE = "0.86 0.87 0.88 1";
const DARK = "0.22 0.23 0.25 1";
const ACCENT = "0.35 0.60 0.66 1";

const seen = (shape: string, rgba: string): string =>
  `<geom ${shape} rgba="${rgba}" contype="0" conaffinity="0" group="1" mass="0"/>`;

/** What each link looks like, in its own frame; capsules after franka_description's self-collision model. */
const LOOKS: readonly (readonly string[])[] = [
  [
    seen('type="capsule" fromto="0 0 -0.19 0 0 -0.01" size="0.058"', WHITE),
    seen('type="cylinder" fromto="0 -0.065 0 0 0.065 0" size="0.056"', WHITE),
  ],
  [seen('type="capsule" fromto="0 -0.02 0 0 -0.14 0" size="0.056"', WHITE)],
  [
    seen('type="capsule" fromto="0 0 -0.12 0 0 -0.04" size="0.052"', WHITE),
    seen('type="cylinder" fromto="0.0825 -0.06 0 0.0825 0.06 0" size="0.05"', WHITE),
    seen('type="capsule" fromto="0 0 -0.04 0.0825 0 0" size="0.045"', WHITE),
  ],
  [
    seen('type="cylinder" fromto="0 0 -0.058 0 0 0.058" size="0.046"', DARK),
    seen('type="capsule" fromto="-0.01 0.01 0 -0.0825 0.09 0" size="0.05"', WHITE),
    seen('type="capsule" fromto="-0.0825 0.09 0 -0.0825 0.14 0" size="0.05"', WHITE),
  ],
  [
    seen('type="capsule" fromto="0 0 -0.235 0 0.03 -0.17" size="0.048"', WHITE),
    seen('type="capsule" fromto="0 0.075 -0.16 0 0.07 -0.02" size="0.03"', WHITE),
    seen('type="cylinder" fromto="0 -0.05 0 0 0.075 0" size="0.046"', DARK),
  ],
  [
    seen('type="capsule" fromto="0 0 -0.01 0.088 0 0" size="0.044"', WHITE),
    seen('type="cylinder" fromto="0.088 0 -0.05 0.088 0 0.02" size="0.044"', WHITE),
  ],
  [
    seen('type="cylinder" fromto="0 0 0.02 0 0 0.085" size="0.04"', WHITE),
    seen('type="cylinder" fromto="0 0 0.085 0 0 0.107" size="0.045"', ACCENT),
  ],
];

/** The pad's grip decides every contact it takes part in (priority), so that a slippery object does not weaken a grasp. */
const PAD = 'friction="1.6 0.02 0.002" condim="4" priority="1" solimp="0.95 0.99 0.001" solref="0.01 1"';

/** Reflected inertia of a finger's drive, kg. Lighter fingers can rattle for ever between the gripper's two force limits. */
const FINGER_ARMATURE = 0.5;

function fingerOf(name: string, side: 1 | -1): string {
  const length = HAND_TO_TOOL_M + 0.01 - 0.066;
  const middle = 0.066 + length / 2;
  return `<body name="${name}" pos="0 0 0" gravcomp="1">
<inertial pos="0 ${0.006 * side} ${middle}" mass="0.03" diaginertia="2e-5 2e-5 5e-6"/>
<joint name="${name}" type="slide" axis="0 ${side} 0" range="0 0.04" damping="5" armature="${FINGER_ARMATURE}"/>
<geom name="${name}-pad" type="box" pos="0 ${0.006 * side} ${middle}" size="0.0105 0.006 ${length / 2}" rgba="${DARK}" contype="4" conaffinity="3" group="1" mass="0" ${PAD}/>
</body>`;
}

function handOf(): string {
  return `<body name="hand" pos="0 0 ${FLANGE_Z_M}" quat="${HAND_QUAT.join(" ")}" gravcomp="1">
<inertial pos="-0.00001 0 0.03" mass="0.73" diaginertia="0.001 0.0025 0.0017"/>
<geom name="hand" type="box" pos="0 0 0.033" size="0.0315 0.102 0.033" rgba="${WHITE}" contype="4" conaffinity="2" group="1" mass="0"/>
<site name="tool" pos="0 0 ${HAND_TO_TOOL_M}"/>
${fingerOf("finger-left", 1)}
${fingerOf("finger-right", -1)}
</body>`;
}

function linkOf(index: number): string {
  const joint = pandaEmbodiment.joints[index];
  const inertia = INERTIA[index];
  const look = LOOKS[index];
  if (joint === undefined || inertia === undefined || look === undefined) return handOf();
  return `<body name="link${index + 1}" pos="${joint.parentFromJoint.pos.join(" ")}" quat="${joint.parentFromJoint.quat.join(" ")}" gravcomp="1">
<inertial pos="${inertia.com}" quat="${inertia.quat}" mass="${inertia.mass}" diaginertia="${inertia.moments}"/>
<joint name="${joint.name}" axis="0 0 1" range="${joint.minRad} ${joint.maxRad}" armature="0.1" damping="1"/>
${look.join("\n")}
${linkOf(index + 1)}
</body>`;
}

/** Position servos: force = kp (set-point - angle) - kv speed, held inside the torque limits. The lag behind a ramp is kv / kp. */
const SERVOS: readonly { readonly kp: number; readonly kv: number }[] = [
  { kp: 6000, kv: 150 },
  { kp: 6000, kv: 150 },
  { kp: 4000, kv: 100 },
  { kp: 4000, kv: 100 },
  { kp: 1500, kv: 37.5 },
  { kp: 1500, kv: 37.5 },
  { kp: 800, kv: 20 },
];

function actuators(): string {
  const servos = pandaEmbodiment.joints.map((joint, index) => {
    const gains = SERVOS[index];
    return `<position name="${joint.name}" joint="${joint.name}" kp="${gains?.kp}" kv="${gains?.kv}" ctrlrange="${joint.minRad} ${joint.maxRad}" forcerange="-${joint.maxTorqueNm} ${joint.maxTorqueNm}"/>`;
  });
  const gripper =
    '<position name="gripper" tendon="fingers" kp="5000" kv="300" ctrlrange="-0.005 0.04" forcerange="-40 40"/>';
  return [...servos, gripper].join("\n");
}

export const panda: ArmModel = {
  embodiment: pandaEmbodiment,
  mjcf: {
    body: `<body name="link0" gravcomp="1">
${seen('type="capsule" fromto="-0.06 0 0.06 0.02 0 0.06" size="0.07"', WHITE)}
${seen('type="cylinder" fromto="0 0 0.05 0 0 0.15" size="0.062"', WHITE)}
${linkOf(0)}
</body>`,
    tendon:
      '<fixed name="fingers"><joint joint="finger-left" coef="0.5"/><joint joint="finger-right" coef="0.5"/></fixed>',
    equality: '<joint joint1="finger-left" joint2="finger-right" solimp="0.95 0.99 0.001" solref="0.005 1"/>',
    actuator: actuators(),
  },
  names: {
    joints: pandaEmbodiment.joints.map((joint) => joint.name),
    fingers: ["finger-left", "finger-right"],
    fingerBodies: ["finger-left", "finger-right"],
    gripperActuator: "gripper",
    hand: "hand",
    tool: "tool",
  },
  gripperClosedControl: -0.005,
  gripperOpenControl: 0.04,
  wristCamera: { pos: [0.07, 0, 0.062], target: [0.035, 0, 0.128], up: [-1, 0, 0], tanHalfFovY: 0.839 },
};
