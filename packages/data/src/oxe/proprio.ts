/**
 * What the robot felt, by dataset: which columns openvla (c8f03f48, oxe/configs.py and transforms.py) puts one behind the other.
 * Padding brings most of them to eight numbers; Octo takes the same without padding, and a single zero where nothing is left.
 */

import type { Slice, Term } from "./recipes.ts";

export type ProprioTerm = Term | { readonly pad: number };

const of = (key: string, from?: number, to?: number): Term => {
  const name = `observation/${key}`;
  const slice: Slice = from === undefined ? [name] : to === undefined ? [name, from] : [name, from, to];
  return { take: slice };
};
const pad = (count = 1): ProprioTerm => ({ pad: count });
const zeros = (count: number): Term => ({ fill: 0, count });

/** Pose, padding, gripper, all from one column. */
const poseAndLast = (key = "state"): readonly ProprioTerm[] => [of(key, 0, 6), pad(), of(key, -1)];
const nothing: readonly ProprioTerm[] = [pad(8)];
const libero: readonly ProprioTerm[] = [of("state", 0, 6), pad(), of("state", -2)];

const CONVERTED = "_converted_externally_to_rlds";

export const PROPRIO: Readonly<Record<string, readonly ProprioTerm[]>> = {
  fractal20220817_data: [of("base_pose_tool_reached"), of("gripper_closed")],
  kuka: [of("clip_function_input/base_pose_tool_reached"), of("gripper_closed")],
  bridge_oxe: poseAndLast(),
  bridge_orig: poseAndLast(),
  bridge_dataset: poseAndLast(),
  taco_play: [of("robot_obs", 0, 6), pad(), of("robot_obs", 7, 8)],
  jaco_play: poseAndLast("end_effector_cartesian_pos"),
  berkeley_cable_routing: [of("robot_state"), pad()],
  roboturk: nothing,
  nyu_door_opening_surprising_effectiveness: nothing,
  viola: [of("joint_states"), of("gripper_states")],
  berkeley_autolab_ur5: [of("robot_state", 6, 14)],
  toto: [of("state"), pad()],
  language_table: [of("effector_translation"), pad(6)],
  columbia_cairlab_pusht_real: [of("robot_state"), pad(6)],
  [`stanford_kuka_multimodal_dataset${CONVERTED}`]: [of("ee_position"), of("ee_orientation"), pad()],
  [`nyu_rot_dataset${CONVERTED}`]: poseAndLast(),
  [`stanford_hydra_dataset${CONVERTED}`]: [of("state", 0, 3), of("state", 7, 10), pad(), of("state", -3, -2)],
  [`austin_buds_dataset${CONVERTED}`]: [of("state", 0, 8)],
  [`nyu_franka_play_dataset${CONVERTED}`]: [of("state", -6), pad(2)],
  [`maniskill_dataset${CONVERTED}`]: [of("tcp_pose"), of("state", 7, 8)],
  [`furniture_bench_dataset${CONVERTED}`]: [of("state", 0, 7), of("state", -1)],
  [`cmu_franka_exploration_dataset${CONVERTED}`]: nothing,
  [`ucsd_kitchen_dataset${CONVERTED}`]: [of("state", 0, 7), pad()],
  [`ucsd_pick_and_place_dataset${CONVERTED}`]: poseAndLast(),
  [`austin_sailor_dataset${CONVERTED}`]: [of("state")],
  [`austin_sirius_dataset${CONVERTED}`]: [of("state")],
  bc_z: [of("present/xyz"), of("present/axis_angle"), pad(), of("present/sensed_close")],
  [`utokyo_pr2_opening_fridge${CONVERTED}`]: poseAndLast(),
  [`utokyo_pr2_tabletop_manipulation${CONVERTED}`]: poseAndLast(),
  [`utokyo_xarm_pick_and_place${CONVERTED}`]: [of("end_effector_pose"), pad(2)],
  [`utokyo_xarm_bimanual${CONVERTED}`]: [of("pose_r"), pad(2)],
  robo_net: [of("state", 0, 4), zeros(2), pad(), of("state", -1)],
  [`berkeley_mvp${CONVERTED}`]: [of("pose"), of("gripper")],
  [`berkeley_rpt${CONVERTED}`]: [of("joint_pos"), of("gripper")],
  [`kaist_nonprehensile${CONVERTED}`]: [of("state", -7), pad()],
  [`stanford_mask_vit${CONVERTED}`]: [of("end_effector_pose", 0, 4), zeros(2), pad(), of("end_effector_pose", -1)],
  [`tokyo_u_lsmo${CONVERTED}`]: poseAndLast(),
  [`dlr_sara_pour${CONVERTED}`]: [of("state"), pad(2)],
  [`dlr_sara_grid_clamp${CONVERTED}`]: [of("state", 0, 6), pad(2)],
  [`dlr_edan_shared_control${CONVERTED}`]: [of("state"), pad()],
  [`asu_table_top${CONVERTED}`]: [{ take: ["ground_truth_states/EE"] }, pad(), of("state", -1)],
  [`stanford_robocook${CONVERTED}`]: poseAndLast(),
  imperialcollege_sawyer_wrist_cam: [pad(7), of("state")],
  [`iamlab_cmu_pickup_insert${CONVERTED}`]: [of("state", 0, 7), of("state", 7, 8)],
  uiuc_d3field: nothing,
  utaustin_mutex: [of("state", 0, 8)],
  berkeley_fanuc_manipulation: [of("state", 0, 6), pad(), of("state", 6, 7)],
  cmu_playing_with_food: [of("state"), pad(2)],
  cmu_play_fusion: [of("state")],
  cmu_stretch: [of("state", 0, 3), zeros(3), pad(), of("state", -1)],
  droid: [of("cartesian_position"), of("gripper_position")],
  fmb_dataset: [of("eef_pose"), of("state_gripper_pose")],
  dobbe: [of("state")],
  roboset: [of("state")],
  rh20t: [of("tcp_base"), of("gripper_width")],
  libero_spatial_no_noops: libero,
  libero_object_no_noops: libero,
  libero_goal_no_noops: libero,
  libero_10_no_noops: libero,
};
