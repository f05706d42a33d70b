/**
 * The 3-D view: renderer, light, camera, table. It draws only when something changed, and draws plainer where the
 * browser has no graphics card, so that the page leaves the two cores to the arm.
 */
import {
  BoxGeometry,
  CircleGeometry,
  Color,
  DirectionalLight,
  Fog,
  HemisphereLight,
  Mesh,
  MeshLambertMaterial,
  MeshStandardMaterial,
  NeutralToneMapping,
  PCFShadowMap,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
import { RoundedBoxGeometry } from "three/examples/jsm/geometries/RoundedBoxGeometry.js";
import type { Point3 } from "../../protocol/messages.ts";
import type { SceneMessage } from "../../protocol/messages.ts";
import type { Theme } from "../theme.ts";
import { type Bodies, createBodies } from "./bodies.ts";
import { createMarks, type Marks } from "./marks.ts";

/** The person's seat: opposite the robot, where the front camera looks from, a little farther back. */
const EYE: Point3 = [1.78, 0, 0.98];
const TARGET: Point3 = [0.32, 0, 0.25];
/** Narrowest horizontal field that still shows the whole table, rad. */
const MIN_FIELD_X = 0.52;
const FIELD_Y = 0.6;
/** The slab under everything: middle x, half lengths, thickness, metres. */
const SLAB = { x: 0.4, halfX: 0.62, halfY: 0.78, thick: 0.04 } as const;

type Palette = {
  readonly back: string;
  readonly floor: string;
  readonly slab: string;
  readonly sky: string;
  readonly ground: string;
  readonly ambient: number;
  readonly sun: number;
};

const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    back: "#e9e6df",
    floor: "#dedad1",
    slab: "#cbb99d",
    sky: "#ffffff",
    ground: "#cfc6b6",
    ambient: 1.7,
    sun: 2.5,
  },
  dark: {
    back: "#17181a",
    floor: "#303136",
    slab: "#716a60",
    sky: "#c9d4e6",
    ground: "#3a332b",
    ambient: 1.25,
    sun: 1.9,
  },
};

/** Colours of what is drawn over the world; the same as in style/base.css. */
const MARK_COLOURS = { act: "#f0691c", place: "#0aa3c2", path: "#7a5cff" } as const;

export type View = {
  setScene(scene: SceneMessage): void;
  setPoses(poses: Float32Array): void;
  setPath(points: Float32Array): void;
  setPointing(pointing: { readonly act: Point3 | null; readonly place: Point3 | null }): void;
  setTheme(theme: Theme): void;
  /** Back to the person's seat. */
  lookFromSeat(): void;
  /** CSS pixels in the canvas of a place in the world; null when it is behind the eye. */
  project(at: Point3): readonly [number, number] | null;
  /** Called after every drawing: the camera may have moved. */
  onDraw(listener: () => void): void;
  dispose(): void;
};

/** Null when the browser cannot do WebGL. */
export function createView(canvas: HTMLCanvasElement, theme: Theme): View | null {
  const plain = isSoftware();
  const renderer = createRenderer(canvas, plain);
  if (renderer === null) return null;
  // Endless animations would make the processor paint the whole page sixty times a second.
  document.documentElement.dataset["plain"] = String(plain);
  const camera = new PerspectiveCamera(35, 1, 0.05, 12);
  camera.up.set(0, 0, 1);
  const controls = new OrbitControls(camera, canvas);
  const stage = createStage(plain);
  const marks = createMarks();
  marks.setColours(MARK_COLOURS);
  stage.scene.add(marks.group);
  const draw = createDrawing(renderer, stage.scene, camera, controls, plain);
  limitControls(controls);
  controls.addEventListener("change", draw.request);
  seat(camera, controls);
  stage.paint(theme);
  let bodies: Bodies | null = null;
  return {
    setScene: (scene) => {
      if (bodies !== null) stage.scene.remove(bodies.group);
      bodies?.dispose();
      bodies = createBodies(scene.geoms, scene.bodies, scene.objects, plain);
      stage.scene.add(bodies.group);
      clearMarks(marks);
      draw.moved();
    },
    setPoses: (poses) => {
      bodies?.setPoses(poses);
      draw.moved();
    },
    setPath: (points) => {
      marks.setPath(points);
      draw.request();
    },
    setPointing: (pointing) => {
      marks.setPointing(pointing);
      draw.request();
    },
    setTheme: (next) => {
      stage.paint(next);
      draw.request();
    },
    lookFromSeat: () => {
      seat(camera, controls);
      draw.request();
    },
    project: (at) => project(at, camera, canvas),
    onDraw: draw.onDraw,
    dispose: () => {
      draw.stop();
      bodies?.dispose();
      marks.dispose();
      controls.dispose();
      renderer.dispose();
    },
  };
}

function createRenderer(canvas: HTMLCanvasElement, plain: boolean): WebGLRenderer | null {
  try {
    const renderer = new WebGLRenderer({ canvas, antialias: !plain, powerPreference: "low-power" });
    renderer.toneMapping = NeutralToneMapping;
    renderer.toneMappingExposure = 1;
    renderer.shadowMap.enabled = true;
    renderer.shadowMap.type = PCFShadowMap;
    renderer.shadowMap.autoUpdate = false;
    return renderer;
  } catch {
    return null;
  }
}

/** True when the graphics are computed on the processor. `?fine` in the address overrides it, for pictures. */
function isSoftware(): boolean {
  if (new URLSearchParams(location.search).has("fine")) return false;
  const gl = document.createElement("canvas").getContext("webgl2");
  if (gl === null) return true;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name: unknown = gl.getParameter(info === null ? gl.RENDERER : info.UNMASKED_RENDERER_WEBGL);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|softpipe/i.test(String(name));
}

function limitControls(controls: OrbitControls): void {
  controls.enableDamping = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  controls.dampingFactor = 0.12;
  controls.minDistance = 0.35;
  controls.maxDistance = 3.5;
  controls.maxPolarAngle = Math.PI / 2 - 0.03;
  controls.rotateSpeed = 0.7;
  controls.zoomSpeed = 0.7;
  // A finger that scrolls the page should not zoom the arm away.
  controls.enablePan = true;
}

function seat(camera: PerspectiveCamera, controls: OrbitControls): void {
  camera.position.set(...EYE);
  controls.target.set(...TARGET);
  controls.update();
}

function clearMarks(marks: Marks): void {
  marks.setPath(new Float32Array());
  marks.setPointing({ act: null, place: null });
}

/** Floor, slab, light and fog; `paint` gives them the theme's colours. */
function createStage(plain: boolean): { readonly scene: Scene; paint(theme: Theme): void } {
  const scene = new Scene();
  const slabSize = [2 * SLAB.halfX, 2 * SLAB.halfY, SLAB.thick] as const;
  const slabShape = plain ? new BoxGeometry(...slabSize) : new RoundedBoxGeometry(...slabSize, 6, 0.016);
  const matt = (): MeshLambertMaterial | MeshStandardMaterial =>
    plain ? new MeshLambertMaterial() : new MeshStandardMaterial({ roughness: 0.9 });
  const slab = new Mesh(slabShape, matt());
  slab.position.set(SLAB.x, 0, -SLAB.thick / 2 - 0.0006);
  slab.receiveShadow = true;
  const floor = new Mesh(new CircleGeometry(6, 64), matt());
  floor.position.z = -0.42;
  const sky = new HemisphereLight();
  sky.position.set(0, 0, 1);
  const sun = createSun(plain);
  const fill = new DirectionalLight("#dfe8ff", 0.35);
  fill.position.set(0.6, 1.6, 0.9);
  scene.add(slab, floor, sky, sun, sun.target, fill);
  return {
    scene,
    paint: (theme) => {
      const palette = PALETTES[theme];
      scene.background = new Color(palette.back);
      scene.fog = new Fog(palette.back, 2.2, 5.2);
      slab.material.color = new Color(palette.slab);
      floor.material.color = new Color(palette.floor);
      sky.color = new Color(palette.sky);
      sky.groundColor = new Color(palette.ground);
      sky.intensity = palette.ambient;
      sun.intensity = palette.sun;
    },
  };
}

function createSun(plain: boolean): DirectionalLight {
  const sun = new DirectionalLight("#fff4e2", 2.4);
  sun.position.set(0.95, -0.85, 1.9);
  sun.target.position.set(0.4, 0, 0);
  sun.castShadow = true;
  sun.shadow.mapSize.set(plain ? 1024 : 2048, plain ? 1024 : 2048);
  const reach = 0.95;
  Object.assign(sun.shadow.camera, { left: -reach, right: reach, top: reach, bottom: -reach, near: 0.3, far: 4 });
  sun.shadow.bias = -0.0004;
  sun.shadow.normalBias = 0.006;
  sun.shadow.radius = 5;
  return sun;
}

type Drawing = {
  readonly request: () => void;
  /** Like `request`, and shadows have changed. */
  readonly moved: () => void;
  readonly onDraw: (listener: () => void) => void;
  readonly stop: () => void;
};

/** Fewest milliseconds between two drawings where the processor draws. */
const PLAIN_GAP_MS = 80;
/** A drawing that takes longer than this is drawn with fewer pixels from then on, ms. */
const HEAVY_MS = 150;

/** The first drawing compiles for seconds where the processor draws; nobody should wait as long again, ms. */
const MAX_REST_MS = 250;

/** Draws when asked to, at most once a display frame, and follows the size of the canvas. */
function createDrawing(
  renderer: WebGLRenderer,
  scene: Scene,
  camera: PerspectiveCamera,
  controls: OrbitControls,
  plain: boolean,
): Drawing {
  const canvas = renderer.domElement;
  const pace = createPace(renderer, plain ? PLAIN_GAP_MS : 0);
  let [wanted, frame, pixelRatio] = [true, 0, plain ? 1 : Math.min(2, devicePixelRatio)];
  let listener: () => void = () => undefined;
  const resize = (): void => {
    fit(renderer, camera, pixelRatio);
    wanted = true;
  };
  const observer = new ResizeObserver(resize);
  observer.observe(canvas);
  const tick = (nowMs: number): void => {
    frame = requestAnimationFrame(tick);
    controls.update();
    if (!pace.ready(nowMs) || !wanted) return;
    if (plain && pace.costMs() > HEAVY_MS && pixelRatio > 0.6) {
      pixelRatio = 0.6;
      resize();
    }
    wanted = false;
    renderer.render(scene, camera);
    pace.drawn(nowMs);
    listener();
  };
  frame = requestAnimationFrame(tick);
  return {
    request: () => {
      wanted = true;
    },
    moved: () => {
      wanted = true;
      renderer.shadowMap.needsUpdate = true;
    },
    onDraw: (next) => {
      listener = next;
    },
    stop: () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
    },
  };
}

/** Size of the drawing, and a field of view that shows the whole table in any shape of window. */
function fit(renderer: WebGLRenderer, camera: PerspectiveCamera, pixelRatio: number): void {
  const canvas = renderer.domElement;
  const [width, height] = [Math.max(1, canvas.clientWidth), Math.max(1, canvas.clientHeight)];
  renderer.setPixelRatio(pixelRatio);
  renderer.setSize(width, height, false);
  camera.aspect = width / height;
  const fieldX = 2 * Math.atan(Math.tan(FIELD_Y / 2) * camera.aspect);
  const field = fieldX >= MIN_FIELD_X ? FIELD_Y : 2 * Math.atan(Math.tan(MIN_FIELD_X / 2) / camera.aspect);
  camera.fov = (field * 180) / Math.PI;
  camera.updateProjectionMatrix();
}

type Pace = {
  /** Whether the last drawing is finished and rested from. */
  readonly ready: (nowMs: number) => boolean;
  readonly drawn: (nowMs: number) => void;
  /** What the last drawing took, ms. */
  readonly costMs: () => number;
};

/**
 * Leaves half of the time free: the next drawing begins only when the last is really finished (a fence says so) and as
 * much time again has passed, so that Stop and the arm's state are never stuck behind pictures on a slow machine.
 */
function createPace(renderer: WebGLRenderer, minGapMs: number): Pace {
  const gl = renderer.getContext() as WebGL2RenderingContext;
  let fence: WebGLSync | null = null;
  let [beganMs, cost, restUntilMs] = [0, 0, 0];
  return {
    ready: (nowMs) => {
      if (fence !== null) {
        if (gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED) return false;
        gl.deleteSync(fence);
        fence = null;
        cost = nowMs - beganMs;
        restUntilMs = Math.max(beganMs + minGapMs, cost > 30 ? nowMs + Math.min(cost, MAX_REST_MS) : 0);
      }
      return nowMs >= restUntilMs;
    },
    drawn: (nowMs) => {
      beganMs = nowMs;
      fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
      gl.flush();
    },
    costMs: () => cost,
  };
}

function project(at: Point3, camera: PerspectiveCamera, canvas: HTMLCanvasElement): readonly [number, number] | null {
  const point = new Vector3(...at).project(camera);
  if (point.z > 1) return null;
  return [((point.x + 1) / 2) * canvas.clientWidth, ((1 - point.y) / 2) * canvas.clientHeight];
}
