/**
 * The words of the tabletop: what can stand on it, what can be asked of it. Positions are in the base frame, metres
 * (x away from the robot, y to the robot's left, z up; the table's surface is z = 0).
 *
 * Left, right, behind and in front are those of the person, who sits opposite the robot where the front camera stands:
 * left is -y, right is +y, behind (farther from the person, nearer to the robot) is -x, in front (nearer) is +x.
 */

export const COLOURS = ["red", "green", "blue", "yellow", "orange", "purple", "white", "black"] as const;
export type Colour = (typeof COLOURS)[number];

/** `square` is painted on the table; `drawer` is a low cabinet with one drawer, at most one a scene. */
export const KINDS = ["block", "ball", "can", "bowl", "plate", "square", "drawer"] as const;
export type Kind = (typeof KINDS)[number];

export const SIZES = ["small", "large"] as const;
export type Size = (typeof SIZES)[number];

/** Kinds that the gripper can lift. */
export const GRASPABLE: readonly Kind[] = ["block", "ball", "can"];
/** Kinds that something can be put on or in. */
export const RECEPTACLES: readonly Kind[] = ["bowl", "plate", "square"];

export type Vec3 = readonly [number, number, number];

export type SceneObject = {
  /** Unique in the scene and speaking: "red-block-1". */
  readonly id: string;
  readonly kind: Kind;
  readonly colour: Colour;
  readonly size: Size;
  /** Where it stands at reset: centre of the object (for `square` its middle on the table, for `drawer` its handle). */
  readonly start: Vec3;
  /** Rotation about z at reset, rad. */
  readonly yaw: number;
};

/** Everything that a seed decides about an episode. Plain data: the same seed gives the same scene everywhere. */
export type Scene = {
  readonly seed: number;
  readonly objects: readonly SceneObject[];
  /** How far the drawer stands open at reset, metres (0 when there is none). */
  readonly drawerStartM: number;
  readonly look: SceneLook;
};

/** Per-episode variation of what the cameras see; changes no physics. */
export type SceneLook = {
  /** Unit vector towards the light, base frame. */
  readonly lightDirection: Vec3;
  /** 0..1. */
  readonly ambient: number;
  /** Multiplies all colours, about 0.8..1.2. */
  readonly exposure: number;
  /** RGB 0..1 of the table and strength 0..1 of its procedural texture. */
  readonly tableColour: Vec3;
  readonly tableTexture: number;
  /** Small displacement of the front camera: metres and rotation vector, rad. */
  readonly frontShift: Vec3;
  readonly frontTilt: Vec3;
  /** Seed of the texture's noise. */
  readonly textureSeed: number;
};

/** A thing's pose now: centre, base frame, metres; quaternion (w, x, y, z). For `drawer` the handle's centre. */
export type ObjectState = {
  readonly id: string;
  readonly position: Vec3;
  readonly quaternion: readonly [number, number, number, number];
};

export type Skill = "pick" | "put" | "push" | "stack" | "open-drawer" | "close-drawer" | "point";

/** A typed task: ids refer to `SceneObject.id`. */
export type Task =
  | { readonly skill: "pick"; readonly object: string }
  /** On a plate or square, in a bowl. */
  | { readonly skill: "put"; readonly object: string; readonly target: string }
  /** Along the table, on to a square. */
  | { readonly skill: "push"; readonly object: string; readonly target: string }
  /** A block (or can) on a block. */
  | { readonly skill: "stack"; readonly object: string; readonly target: string }
  | { readonly skill: "open-drawer"; readonly object: string }
  | { readonly skill: "close-drawer"; readonly object: string }
  | { readonly skill: "point"; readonly object: string };
