/**
 * The datasets of Open X-Embodiment: robot, control rate, what the proprioception and the actions are, cameras (p primary,
 * s secondary, w wrist, D with depth). From the configurations of openvla as collected by any4lerobot (6937315).
 */

export type StateEncoding = "none" | "position-euler" | "position-quaternion" | "joints" | "joints-bimanual";
export type ActionEncoding = "end-effector" | "joints" | "joints-bimanual";

export type OxeDataset = {
  readonly robot: string;
  /** Null where nobody says. */
  readonly hz: number | null;
  readonly state: StateEncoding;
  readonly action: ActionEncoding;
  readonly cameras: string;
  /** As SPDX, such as "MIT". Null where nobody says: ask its authors. */
  readonly licence: string | null;
};

const STATES = { N: "none", E: "position-euler", Q: "position-quaternion", J: "joints" } as const;

function entry(
  robot: string,
  hz: number | null,
  state: keyof typeof STATES,
  cameras: string,
  action: ActionEncoding = "end-effector",
): Omit<OxeDataset, "licence"> {
  return { robot, hz, state: STATES[state], action, cameras };
}

const CONVERTED = "_converted_externally_to_rlds";

const ROBOTS: Readonly<Record<string, Omit<OxeDataset, "licence">>> = {
  fractal20220817_data: entry("Google Robot", 3, "Q", "p"),
  kuka: entry("Kuka iiwa", 10, "Q", "p"),
  bridge_dataset: entry("WidowX", 5, "E", "p,s"),
  bridge_orig: entry("WidowX", 5, "E", "p,s"),
  bridge_oxe: entry("WidowX", 5, "E", "p,s"),
  taco_play: entry("Franka", 15, "E", "p,w,D"),
  jaco_play: entry("Jaco 2", 10, "E", "p,w"),
  berkeley_cable_routing: entry("Franka", 10, "J", "p,s,w"),
  roboturk: entry("Sawyer", 10, "N", "p"),
  nyu_door_opening_surprising_effectiveness: entry("Stretch", 3, "N", "w"),
  viola: entry("Franka", 20, "J", "p,w"),
  berkeley_autolab_ur5: entry("UR5", 5, "Q", "p,w,D"),
  toto: entry("Franka", 30, "J", "p"),
  language_table: entry("xArm", 10, "E", "p"),
  columbia_cairlab_pusht_real: entry("UR5", 10, "E", "p,w"),
  [`stanford_kuka_multimodal_dataset${CONVERTED}`]: entry("Kuka iiwa", 20, "Q", "p,D"),
  [`nyu_rot_dataset${CONVERTED}`]: entry("xArm", 3, "E", "p"),
  [`stanford_hydra_dataset${CONVERTED}`]: entry("Franka", 10, "E", "p,w"),
  [`austin_buds_dataset${CONVERTED}`]: entry("Franka", 20, "J", "p,w"),
  [`nyu_franka_play_dataset${CONVERTED}`]: entry("Franka", 3, "E", "p,s,D"),
  [`maniskill_dataset${CONVERTED}`]: entry("Franka (simulated)", 20, "Q", "p,w,D"),
  [`furniture_bench_dataset${CONVERTED}`]: entry("Franka", 10, "Q", "p,w"),
  [`cmu_franka_exploration_dataset${CONVERTED}`]: entry("Franka", 10, "N", "p"),
  [`ucsd_kitchen_dataset${CONVERTED}`]: entry("xArm", 2, "J", "p"),
  [`ucsd_pick_and_place_dataset${CONVERTED}`]: entry("xArm", 3, "E", "p"),
  [`austin_sailor_dataset${CONVERTED}`]: entry("Franka", 20, "Q", "p,w"),
  [`austin_sirius_dataset${CONVERTED}`]: entry("Franka", 20, "Q", "p,w"),
  bc_z: entry("Google Robot", 10, "E", "p"),
  [`utokyo_pr2_opening_fridge${CONVERTED}`]: entry("PR2", 10, "E", "p"),
  [`utokyo_pr2_tabletop_manipulation${CONVERTED}`]: entry("PR2", 10, "E", "p"),
  [`utokyo_xarm_pick_and_place${CONVERTED}`]: entry("xArm", 10, "E", "p,s,w"),
  [`utokyo_xarm_bimanual${CONVERTED}`]: entry("xArm x 2", 10, "E", "p"),
  robo_net: entry("several", 1, "E", "p,s"),
  [`berkeley_mvp${CONVERTED}`]: entry("xArm", 5, "Q", "w", "joints"),
  [`berkeley_rpt${CONVERTED}`]: entry("Franka", 30, "J", "w", "joints"),
  [`kaist_nonprehensile${CONVERTED}`]: entry("Franka", 10, "Q", "p"),
  [`stanford_mask_vit${CONVERTED}`]: entry("Sawyer", null, "E", "p"),
  [`tokyo_u_lsmo${CONVERTED}`]: entry("Cobotta", 10, "E", "p"),
  [`dlr_sara_pour${CONVERTED}`]: entry("DLR SARA", 10, "E", "p"),
  [`dlr_sara_grid_clamp${CONVERTED}`]: entry("DLR SARA", 10, "E", "p"),
  [`dlr_edan_shared_control${CONVERTED}`]: entry("DLR EDAN", 5, "E", "p"),
  [`asu_table_top${CONVERTED}`]: entry("UR5", 12.5, "E", "p"),
  [`stanford_robocook${CONVERTED}`]: entry("Franka", 5, "E", "p,s,D"),
  imperialcollege_sawyer_wrist_cam: entry("Sawyer", 10, "N", "p,w"),
  [`iamlab_cmu_pickup_insert${CONVERTED}`]: entry("Franka", 20, "J", "p,w"),
  uiuc_d3field: entry("Kinova Gen3", 1, "N", "p,s,D"),
  utaustin_mutex: entry("Franka", 20, "J", "p,w"),
  berkeley_fanuc_manipulation: entry("Fanuc Mate", 10, "J", "p,w"),
  cmu_playing_with_food: entry("Franka", 10, "E", "p,w"),
  cmu_play_fusion: entry("Franka", 5, "J", "p,w"),
  cmu_stretch: entry("Stretch", 10, "E", "p"),
  berkeley_gnm_recon: entry("Jackal", 3, "E", "w"),
  berkeley_gnm_cory_hall: entry("RC car", 5, "E", "w"),
  berkeley_gnm_sac_son: entry("TurtleBot 2", 10, "E", "w"),
  droid: entry("Franka", 15, "E", "p,s,w"),
  fmb_dataset: entry("Franka", 10, "E", "p,s,w,D"),
  dobbe: entry("Stretch", 3.75, "E", "p"),
  roboset: entry("Franka", 5, "J", "p,s,w", "joints"),
  rh20t: entry("Flexiv", 10, "E", "p,s,w"),
  libero_spatial_no_noops: entry("Franka (simulated)", 20, "E", "p,w"),
  libero_object_no_noops: entry("Franka (simulated)", 20, "E", "p,w"),
  libero_goal_no_noops: entry("Franka (simulated)", 20, "E", "p,w"),
  libero_10_no_noops: entry("Franka (simulated)", 20, "E", "p,w"),
};

/**
 * Licences as LeRobot's conversion of these sets states them (02c76e3, v2/batch_convert_dataset_v1_to_v2.py), that of BridgeData V2 as
 * its site does. Several came with none of their own; read them before anything is sold.
 */
const CC_BY =
  "bridge_dataset bridge_orig berkeley_autolab_ur5 berkeley_cable_routing fmb_dataset jaco_play taco_play " +
  "kaist_nonprehensile utokyo_xarm_bimanual utokyo_xarm_pick_and_place";
const MIT =
  "berkeley_fanuc_manipulation berkeley_gnm_cory_hall berkeley_gnm_recon berkeley_gnm_sac_son cmu_play_fusion cmu_stretch " +
  "columbia_cairlab_pusht_real imperialcollege_sawyer_wrist_cam nyu_door_opening_surprising_effectiveness roboturk toto " +
  "uiuc_d3field utaustin_mutex viola asu_table_top austin_buds_dataset austin_sailor_dataset austin_sirius_dataset " +
  "berkeley_mvp berkeley_rpt cmu_franka_exploration_dataset dlr_edan_shared_control dlr_sara_grid_clamp dlr_sara_pour " +
  "iamlab_cmu_pickup_insert nyu_franka_play_dataset nyu_rot_dataset stanford_hydra_dataset " +
  "stanford_kuka_multimodal_dataset stanford_robocook tokyo_u_lsmo ucsd_kitchen_dataset ucsd_pick_and_place_dataset " +
  "utokyo_pr2_opening_fridge utokyo_pr2_tabletop_manipulation";

function licenceOf(name: string): string | null {
  const short = name.replace(CONVERTED, "");
  if (CC_BY.split(" ").includes(short)) return "CC-BY-4.0";
  return MIT.split(" ").includes(short) ? "MIT" : null;
}

export const OXE_DATASETS: Readonly<Record<string, OxeDataset>> = Object.fromEntries(
  Object.entries(ROBOTS).map(([name, robot]) => [name, { ...robot, licence: licenceOf(name) }]),
);
