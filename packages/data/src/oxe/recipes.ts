/**
 * How each Open X-Embodiment dataset becomes the 7-D end-effector contract: dx, dy, dz, rotation (3), gripper (absolute, 1 = open).
 * As data: what openvla (c8f03f48, oxe/transforms.py) and Octo (241fb351, oxe_standardization_transforms.py) do in code. Keys are
 * RLDS columns. Datasets whose actions are joints or a base's velocity stand in `oxe/registry.ts` without a recipe.
 */

import type { GripperRule } from "./gripper.ts";

/** A column, or numbers [from, to) of it (negative: from the end). */
export type Slice = readonly [key: string, from?: number, to?: number];

export type Term =
  | { readonly take: Slice }
  /** A quaternion (x, y, z, w) to Euler angles. */
  | { readonly euler: Slice }
  | { readonly fill: number; readonly count: number }
  | { readonly gripper: Slice; readonly rule: GripperRule };

export type Recipe = {
  readonly action: readonly Term[];
  /** Column of the sentence, where not "language_instruction". */
  readonly instruction?: string;
  /** The first step is all zeros and dropped (openvla does, Octo does not). */
  readonly dropFirst?: boolean;
  /** Actions 0..5 become the difference of consecutive states of this column; the last step is dropped. */
  readonly relabelFrom?: string;
};

const NATURAL = "observation/natural_language_instruction";
const slice = (key: string, from?: number, to?: number): Slice =>
  from === undefined ? [key] : to === undefined ? [key, from] : [key, from, to];
const take = (key: string, from?: number, to?: number): Term => ({ take: slice(key, from, to) });
const gripper = (rule: GripperRule, key = "action", from = -1, to?: number): Term => ({
  gripper: slice(key, from, to),
  rule,
});
const six = take("action", 0, 6);
const pose: readonly Term[] = [take("action/world_vector"), take("action/rotation_delta")];
const closedness = (rule: GripperRule): Term => gripper(rule, "action/gripper_closedness_action", 0, 1);

/** Six numbers as they are, the last one by a rule: most of the converted lab sets. */
const sixAnd = (rule: GripperRule): Recipe => ({ action: [six, gripper(rule)] });
const natural = (action: readonly Term[]): Recipe => ({ action, instruction: NATURAL });
const seven: Recipe = { action: [take("action", 0, 7)] };
const zero = (count: number): Term => ({ fill: 0, count });
const libero: Recipe = sixAnd("clip-invert");

export const RECIPES: Readonly<Record<string, Recipe>> = {
  bridge_dataset: { action: [six, gripper("binarize")], dropFirst: true, relabelFrom: "observation/state" },
  bridge_orig: { action: [six, gripper("binarize")], dropFirst: true, relabelFrom: "observation/state" },
  bridge_oxe: {
    ...natural([...pose, gripper("as-is", "action/open_gripper", 0, 1)]),
    dropFirst: true,
    relabelFrom: "observation/state",
  },
  fractal20220817_data: natural([...pose, closedness("relative")]),
  kuka: natural([...pose, closedness("relative")]),
  taco_play: natural([take("action/rel_actions_world", 0, 6), gripper("clip", "action/rel_actions_world")]),
  jaco_play: natural([take("action/world_vector"), zero(3), closedness("relative")]),
  berkeley_cable_routing: natural([...pose, zero(1)]),
  roboturk: natural([...pose, closedness("clip-invert")]),
  nyu_door_opening_surprising_effectiveness: natural([...pose, closedness("relative")]),
  viola: natural([...pose, closedness("clip-invert")]),
  berkeley_autolab_ur5: natural([...pose, closedness("relative")]),
  toto: natural([...pose, gripper("as-is", "action/open_gripper", 0, 1)]),
  language_table: { action: [take("action"), zero(4), { fill: 1, count: 1 }], instruction: "observation/instruction" },
  columbia_cairlab_pusht_real: natural([...pose, closedness("as-is")]),
  stanford_kuka_multimodal_dataset_converted_externally_to_rlds: {
    action: [take("action", 0, 3), zero(3), gripper("as-is")],
  },
  nyu_rot_dataset_converted_externally_to_rlds: seven,
  stanford_hydra_dataset_converted_externally_to_rlds: sixAnd("invert"),
  austin_buds_dataset_converted_externally_to_rlds: sixAnd("clip-invert"),
  nyu_franka_play_dataset_converted_externally_to_rlds: {
    action: [take("action", -8, -2), gripper("clip", "action", -2, -1)],
  },
  maniskill_dataset_converted_externally_to_rlds: seven,
  furniture_bench_dataset_converted_externally_to_rlds: {
    action: [take("action", 0, 3), { euler: ["action", 3, 7] }, gripper("clip-invert")],
  },
  cmu_franka_exploration_dataset_converted_externally_to_rlds: { action: [take("action", 0, -1)] },
  ucsd_kitchen_dataset_converted_externally_to_rlds: { action: [take("action", 0, -1)] },
  ucsd_pick_and_place_dataset_converted_externally_to_rlds: {
    action: [take("action", 0, 3), zero(3), gripper("as-is")],
  },
  austin_sailor_dataset_converted_externally_to_rlds: sixAnd("clip-invert"),
  austin_sirius_dataset_converted_externally_to_rlds: sixAnd("clip-invert"),
  bc_z: natural([
    take("action/future/xyz_residual", 0, 3),
    take("action/future/axis_angle_residual", 0, 3),
    gripper("invert", "action/future/target_close", 0, 1),
  ]),
  utokyo_pr2_opening_fridge_converted_externally_to_rlds: { action: [take("action", 0, -1)] },
  utokyo_pr2_tabletop_manipulation_converted_externally_to_rlds: { action: [take("action", 0, -1)] },
  utokyo_xarm_pick_and_place_converted_externally_to_rlds: seven,
  utokyo_xarm_bimanual_converted_externally_to_rlds: { action: [take("action", -7)] },
  robo_net: { action: [take("action", 0, 4), zero(2), gripper("as-is")] },
  kaist_nonprehensile_converted_externally_to_rlds: { action: [six, zero(1)] },
  stanford_mask_vit_converted_externally_to_rlds: { action: [take("action", 0, 4), zero(2), gripper("as-is")] },
  tokyo_u_lsmo_converted_externally_to_rlds: seven,
  dlr_sara_pour_converted_externally_to_rlds: seven,
  dlr_sara_grid_clamp_converted_externally_to_rlds: seven,
  dlr_edan_shared_control_converted_externally_to_rlds: sixAnd("invert"),
  asu_table_top_converted_externally_to_rlds: seven,
  stanford_robocook_converted_externally_to_rlds: seven,
  imperialcollege_sawyer_wrist_cam: { action: [take("action", 0, -1)] },
  iamlab_cmu_pickup_insert_converted_externally_to_rlds: {
    action: [take("action", 0, 3), { euler: ["action", 3, 7] }, gripper("as-is", "action", 7, 8)],
  },
  uiuc_d3field: { action: [take("action"), zero(4)] },
  utaustin_mutex: sixAnd("clip-invert"),
  berkeley_fanuc_manipulation: { action: [take("action"), gripper("invert", "observation/state", 6, 7)] },
  cmu_playing_with_food: { action: [take("action", 0, 3), { euler: ["action", 3, 7] }, gripper("as-is")] },
  cmu_play_fusion: { action: [take("action", 0, 3), take("action", -4)] },
  cmu_stretch: { action: [take("action", 0, -1)] },
  droid: { action: [take("action_dict/cartesian_velocity"), gripper("invert", "action_dict/gripper_position", 0, 1)] },
  fmb_dataset: seven,
  dobbe: seven,
  rh20t: { action: [take("action/tcp_base"), gripper("as-is", "action/gripper", 0, 1)] },
  libero_spatial_no_noops: libero,
  libero_object_no_noops: libero,
  libero_goal_no_noops: libero,
  libero_10_no_noops: libero,
};

/** Where Octo does otherwise: bridge keeps its first step; sets whose sentences say nothing lose them. */
export const OCTO_DIFFERENCES: Readonly<
  Record<string, { readonly dropFirst?: false; readonly blankInstruction?: true }>
> = {
  bridge_dataset: { dropFirst: false },
  kuka: { blankInstruction: true },
  berkeley_cable_routing: { blankInstruction: true },
  roboturk: { blankInstruction: true },
  nyu_door_opening_surprising_effectiveness: { blankInstruction: true },
  viola: { blankInstruction: true },
  toto: { blankInstruction: true },
  stanford_hydra_dataset_converted_externally_to_rlds: { blankInstruction: true },
  austin_buds_dataset_converted_externally_to_rlds: { blankInstruction: true },
  nyu_franka_play_dataset_converted_externally_to_rlds: { blankInstruction: true },
  austin_sailor_dataset_converted_externally_to_rlds: { blankInstruction: true },
  austin_sirius_dataset_converted_externally_to_rlds: { blankInstruction: true },
  utaustin_mutex: { blankInstruction: true },
};
