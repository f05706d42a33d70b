import { BiddenError, createRng, type Rng } from "@bidden/runtime";
import type { Colour, Kind, Scene, SceneLook, SceneObject, Size, Vec3 } from "../types.ts";
import { COLOURS, GRASPABLE, RECEPTACLES, SIZES } from "../types.ts";
import { DRAWER, DRAWER_HANDLE_X_M, footprintRadiusM, restHeightM } from "./shapes.ts";

/** Something a scene must contain; what is left out is drawn. */
export type Requirement = { readonly kind: Kind; readonly colour?: Colour; readonly size?: Size };

export type SceneOptions = {
  readonly require?: readonly Requirement[];
  /** True: there is one; false: there is none; left out: in a fifth of the scenes. */
  readonly drawer?: boolean;
  /** 3..8, the drawer counted; more where the requirements with two graspable things and one to put on need more. */
  readonly objectCount?: number;
};

/** Where things may stand: footprints stay inside. */
export const AREA = { minX: 0.33, maxX: 0.67, minY: -0.29, maxY: 0.29 } as const;

/** Yaw of blocks, cans, squares: at most 25 degrees either way, so that fingers opening along y always fit. */
const MAX_YAW_RAD = (25 / 180) * Math.PI;
/** The open gripper around a graspable thing: half extents along x and y, with a margin for approaching. */
const GRIP_HALF_X = 0.018;
const GRIP_HALF_Y = 0.062;
/** Least distance between two footprints. */
const GAP_M = 0.022;
const PLACEMENTS = 60;
const LAYOUTS = 200;

type Draft = { kind: Kind; colour: Colour; size: Size };
type Placed = Draft & { x: number; y: number; yaw: number };

/** A scene decided by its seed alone. The same seed and options give the same scene everywhere. */
export function createScene(seed: number, options: SceneOptions = {}): Scene {
  const rng = createRng(seed).fork("scene");
  const look = createLook(rng.fork("look"));
  for (let attempt = 0; attempt < LAYOUTS; attempt++) {
    const drafts = draftObjects(rng, options);
    const drawerOpenM = drafts.some((draft) => draft.kind === "drawer") ? drawOpening(rng) : 0;
    const placed = placeAll(drafts, rng);
    if (placed !== null) return { seed, objects: named(placed, drawerOpenM), drawerStartM: drawerOpenM, look };
  }
  throw new BiddenError(
    "bad-argument",
    `The table must have room for what the scene requires; after ${LAYOUTS} layouts it had not. Require fewer or smaller things.`,
    { seed, required: (options.require ?? []).map((item) => item.kind) },
  );
}

function drawOpening(rng: Rng): number {
  return rng.uniform() < 0.5 ? 0 : 0.05 + 0.06 * rng.uniform();
}

function draftObjects(rng: Rng, options: SceneOptions): Draft[] {
  const withDrawer = options.drawer ?? (options.require?.some((item) => item.kind === "drawer") || rng.uniform() < 0.2);
  const count = options.objectCount ?? 3 + rng.below(6);
  const drafts: Draft[] = (options.require ?? [])
    .filter((item) => item.kind !== "drawer")
    .map((item) => fill(item, rng, []));
  if (withDrawer) {
    const wanted = options.require?.find((item) => item.kind === "drawer");
    drafts.push({ kind: "drawer", colour: wanted?.colour ?? rng.pick(COLOURS), size: "large" });
  }
  const graspables = (): number => drafts.filter((draft) => GRASPABLE.includes(draft.kind)).length;
  const receptacles = (): number => drafts.filter((draft) => RECEPTACLES.includes(draft.kind)).length;
  while (graspables() < 2) addDistinct(drafts, { kind: rng.pick(GRASPABLE) }, rng);
  if (receptacles() < 1) addDistinct(drafts, { kind: rng.pick(RECEPTACLES) }, rng);
  while (drafts.length < count) {
    const kinds = receptacles() >= 3 || rng.uniform() < 0.65 ? GRASPABLE : RECEPTACLES;
    addDistinct(drafts, { kind: rng.pick(kinds) }, rng);
  }
  return drafts;
}

/** Adds a thing that differs from all others in kind, colour or size, so that words can tell them apart. */
function addDistinct(drafts: Draft[], wanted: { kind: Kind }, rng: Rng): void {
  for (let attempt = 0; attempt < 20; attempt++) {
    const draft = fill(wanted, rng, drafts);
    const twin = drafts.some(
      (other) => other.kind === draft.kind && other.colour === draft.colour && other.size === draft.size,
    );
    if (twin) continue;
    drafts.push(draft);
    return;
  }
  drafts.push(fill(wanted, rng, drafts));
}

/** Every third thing repeats a colour or the kind of one already there: distractors make a sentence mean something. */
function fill(wanted: { kind: Kind; colour?: Colour; size?: Size }, rng: Rng, others: readonly Draft[]): Draft {
  const repeated = others.length > 0 && rng.uniform() < 0.35 ? rng.pick(others).colour : rng.pick(COLOURS);
  return { kind: wanted.kind, colour: wanted.colour ?? repeated, size: wanted.size ?? rng.pick(SIZES) };
}

function placeAll(drafts: readonly Draft[], rng: Rng): Placed[] | null {
  const order = [...drafts.keys()].sort((a, b) => room(drafts[b]) - room(drafts[a]) || a - b);
  const placed = new Map<number, Placed>();
  for (const index of order) {
    const draft = drafts[index] as Draft;
    const place = placeOne(draft, [...placed.values()], rng);
    if (place === null) return null;
    placed.set(index, place);
  }
  return drafts.map((_, index) => placed.get(index) as Placed);
}

/** What needs most room is placed first, the drawer before all. */
function room(draft: Draft | undefined): number {
  if (draft === undefined) return 0;
  return draft.kind === "drawer" ? 1 : footprintRadiusM(draft.kind, draft.size);
}

function placeOne(draft: Draft, others: readonly Placed[], rng: Rng): Placed | null {
  if (draft.kind === "drawer") return { ...draft, x: 0.395, y: rng.uniform() < 0.5 ? -0.235 : 0.235, yaw: 0 };
  const radius = footprintRadiusM(draft.kind, draft.size);
  const turns = draft.kind === "block" || draft.kind === "square";
  for (let attempt = 0; attempt < PLACEMENTS; attempt++) {
    const x = AREA.minX + radius + rng.uniform() * (AREA.maxX - AREA.minX - 2 * radius);
    const y = AREA.minY + radius + rng.uniform() * (AREA.maxY - AREA.minY - 2 * radius);
    const yaw = turns ? (2 * rng.uniform() - 1) * MAX_YAW_RAD : 0;
    const candidate = { ...draft, x, y, yaw };
    if (others.every((other) => clear(candidate, other))) return candidate;
  }
  return null;
}

function clear(a: Placed, b: Placed): boolean {
  if (a.kind === "drawer") return clearOfDrawer(b, a);
  if (b.kind === "drawer") return clearOfDrawer(a, b);
  const reach = footprintRadiusM(a.kind, a.size) + footprintRadiusM(b.kind, b.size) + GAP_M;
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  if (dx * dx + dy * dy < reach * reach) return false;
  return gripFits(a, b) && gripFits(b, a);
}

/** The open fingers around `grasped` stay clear of `other` (paint is no obstacle). */
function gripFits(grasped: Placed, other: Placed): boolean {
  if (!GRASPABLE.includes(grasped.kind) || other.kind === "square") return true;
  const radius = footprintRadiusM(other.kind, other.size);
  const dx = Math.max(0, Math.abs(other.x - grasped.x) - GRIP_HALF_X);
  const dy = Math.max(0, Math.abs(other.y - grasped.y) - GRIP_HALF_Y);
  return dx * dx + dy * dy > radius * radius;
}

/** Free of the cabinet, of the drawer's whole way and of the hand that draws it. */
function clearOfDrawer(thing: Placed, drawer: Placed): boolean {
  const radius = footprintRadiusM(thing.kind, thing.size) + (GRASPABLE.includes(thing.kind) ? 0.03 : 0.012);
  const front = drawer.x + DRAWER_HANDLE_X_M + DRAWER.stemLengthM / 2 + DRAWER.rangeM + 0.02;
  const back = drawer.x - DRAWER.cabinetHalf[0];
  const dx = Math.max(0, back - thing.x, thing.x - front);
  const dy = Math.max(0, Math.abs(thing.y - drawer.y) - 0.062);
  return dx * dx + dy * dy > radius * radius;
}

function named(placed: readonly Placed[], drawerOpenM: number): SceneObject[] {
  const counts = new Map<string, number>();
  return placed.map((thing) => {
    const stem = `${thing.colour}-${thing.kind}`;
    const number = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, number);
    const x = thing.kind === "drawer" ? thing.x + DRAWER_HANDLE_X_M + drawerOpenM : thing.x;
    return {
      id: `${stem}-${number}`,
      kind: thing.kind,
      colour: thing.colour,
      size: thing.size,
      start: [x, thing.y, restHeightM(thing.kind, thing.size)],
      yaw: thing.yaw,
    };
  });
}

function createLook(rng: Rng): SceneLook {
  const spread = (middle: number, half: number): number => middle + (2 * rng.uniform() - 1) * half;
  const light: Vec3 = [spread(0.1, 0.5), spread(0, 0.6), 1];
  const length = Math.sqrt(light[0] * light[0] + light[1] * light[1] + light[2] * light[2]);
  const wood = rng.uniform() < 0.5;
  const shade = spread(0, 0.06);
  const base: Vec3 = wood ? [0.56, 0.46, 0.36] : [0.5, 0.51, 0.52];
  return {
    lightDirection: [light[0] / length, light[1] / length, light[2] / length],
    ambient: spread(0.5, 0.1),
    exposure: spread(1, 0.12),
    tableColour: [base[0] + shade, base[1] + shade, base[2] + shade],
    tableTexture: rng.uniform(),
    frontShift: [spread(0, 0.015), spread(0, 0.015), spread(0, 0.015)],
    frontTilt: [spread(0, 0.012), spread(0, 0.012), spread(0, 0.012)],
    textureSeed: rng.below(0x7fffffff),
  };
}
