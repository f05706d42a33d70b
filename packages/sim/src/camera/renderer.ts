import type { Engine, Simulation } from "../physics/engine.ts";
import { TABLE } from "../scene/scene-mjcf.ts";
import type { SceneLook } from "../types.ts";
import { markCovered, ShadowMap, type SeenGeoms, seenGeomsOf } from "./coverage.ts";
import { RayPool } from "./ray-pool.ts";
import { tableGrain } from "./texture.ts";

/**
 * A camera made of rays: MuJoCo's own ray caster against the same geometry as the physics, flat colours, Lambert's law, one
 * hard shadow. The table is intersected in closed form, and rays are cast only where something else could be seen or could
 * shade; that halves the time and changes no pixel. Plain arithmetic and square roots: the same pixels in every engine.
 */

/** From the table's middle to the light, metres: near enough for all shadow rays to start in one point. */
const LIGHT_M = 3;
/** A shadow needs this much between the surface and what shades it. */
const BIAS_M = 0.003;
/** And this much within one thing, whose parts overlap. */
const OWN_BIAS_M = 0.012;
const BACKGROUND = [0.8, 0.82, 0.85] as const;

export type RenderOptions = { readonly segmentation?: boolean; readonly shadows?: boolean };
export type Frame = { readonly rgb: Uint8Array; readonly segmentation: Uint8Array | null };

/** Everything that depends on the image's size alone, kept between frames. */
type Canvas = {
  readonly width: number;
  readonly height: number;
  readonly tanHalfFovY: number;
  /** float64[3 n], camera frame, unit length. */
  readonly rays: Float64Array;
  readonly mask: Uint8Array;
  /** Per pixel: what is seen (geom, -1 sky, -2 table), place, normal. */
  readonly seen: Int32Array;
  readonly place: Float64Array;
  readonly normal: Float64Array;
  readonly lit: Float64Array;
  /** Scratch for one batch of rays. */
  readonly pixels: Int32Array;
  readonly directions: Float64Array;
  readonly hits: Int32Array;
  readonly distances: Float64Array;
  readonly hitNormals: Float64Array;
};

const SKY = -1;
const TABLE_TOP = -2;

export class Renderer {
  readonly #pool: RayPool;
  readonly #shadowMap = new ShadowMap(TABLE);
  readonly #canvases = new Map<string, Canvas>();

  constructor(engine: Engine) {
    this.#pool = new RayPool(engine);
  }

  /** @param subject what one episode shows; poses must be up to date. @param pose camera to base, row-major 3x4. */
  render(subject: Subject, pose: Float64Array, lens: Lens, options: RenderOptions): Frame {
    const canvas = this.#canvasOf(lens);
    markCovered(subject.simulation, subject.seen, pose, lens.tanHalfFovY, lens, canvas.mask);
    const covered = lookAtTable(canvas, pose);
    this.#castPrimary(subject, canvas, pose, covered);
    this.#light(subject, canvas, options.shadows ?? true);
    return {
      rgb: paint(subject, canvas),
      segmentation:
        options.segmentation === true
          ? canvas.seen.reduce(segmentInto(subject), new Uint8Array(canvas.seen.length))
          : null,
    };
  }

  close(): void {
    this.#pool.close();
  }

  #canvasOf(lens: Lens): Canvas {
    const key = `${lens.width}x${lens.height}@${lens.tanHalfFovY}`;
    let canvas = this.#canvases.get(key);
    if (canvas === undefined) {
      canvas = createCanvas(lens);
      this.#canvases.set(key, canvas);
    }
    return canvas;
  }

  #castPrimary(subject: Subject, canvas: Canvas, pose: Float64Array, count: number): void {
    const origin = [num(pose, 3), num(pose, 7), num(pose, 11)];
    const { directions, hits, distances, hitNormals, pixels, place, normal, seen } = canvas;
    this.#pool.cast(subject.simulation, origin, directions, count, hits, distances, hitNormals);
    for (let i = 0; i < count; i++) {
      const geom = hits[i] as number;
      const distance = distances[i] as number;
      const pixel = pixels[i] as number;
      if (geom < 0 || distance > (canvas.lit[pixel] as number)) continue;
      seen[pixel] = geom;
      for (let axis = 0; axis < 3; axis++) {
        place[3 * pixel + axis] = (origin[axis] as number) + distance * num(directions, 3 * i + axis);
        normal[3 * pixel + axis] = num(hitNormals, 3 * i + axis);
      }
    }
  }

  /** Fills canvas.lit with the share of the lamp's light, 0..1, that every pixel's place receives. */
  #light(subject: Subject, canvas: Canvas, shadows: boolean): void {
    const light = subject.light;
    if (shadows) this.#shadowMap.update(subject.simulation, subject.seen, light);
    const { seen, place, normal, lit, pixels, directions, hits, distances } = canvas;
    let count = 0;
    for (let pixel = 0; pixel < seen.length; pixel++) {
      const what = seen[pixel] as number;
      lit[pixel] = 0;
      if (what === SKY) continue;
      const dx = num(place, 3 * pixel) - light[0];
      const dy = num(place, 3 * pixel + 1) - light[1];
      const dz = num(place, 3 * pixel + 2) - light[2];
      const length = Math.sqrt(dx * dx + dy * dy + dz * dz);
      const facing =
        -(dx * num(normal, 3 * pixel) + dy * num(normal, 3 * pixel + 1) + dz * num(normal, 3 * pixel + 2)) / length;
      if (facing <= 0) continue;
      lit[pixel] = facing;
      if (!shadows) continue;
      if (what === TABLE_TOP && !this.#shadowMap.mayBeDark(num(place, 3 * pixel), num(place, 3 * pixel + 1))) continue;
      directions[3 * count] = dx / length;
      directions[3 * count + 1] = dy / length;
      directions[3 * count + 2] = dz / length;
      canvas.hitNormals[count] = length;
      pixels[count++] = pixel;
    }
    if (count === 0) return;
    this.#pool.cast(subject.simulation, light, directions, count, hits, distances, null);
    for (let i = 0; i < count; i++) {
      const pixel = pixels[i] as number;
      const shade = hits[i] as number;
      const what = seen[pixel] as number;
      if (shade < 0 || shade === what) continue;
      const bias = subject.bodyOf[shade] === subject.bodyOf[what] ? OWN_BIAS_M : BIAS_M;
      if (num(distances, i) < num(canvas.hitNormals, i) - bias) lit[pixel] = 0;
    }
  }
}

export type Lens = { readonly width: number; readonly height: number; readonly tanHalfFovY: number };

/** What one episode shows. */
export type Subject = {
  readonly simulation: Simulation;
  readonly look: SceneLook;
  readonly seen: SeenGeoms;
  /** float32[4 ngeom]. */
  readonly rgba: Float32Array;
  /** Body by geom. */
  readonly bodyOf: Int32Array;
  /** Segmentation value by geom. */
  readonly segmentOf: Uint8Array;
  readonly light: readonly [number, number, number];
};

export function createSubject(simulation: Simulation, look: SceneLook, segmentOf: Uint8Array): Subject {
  const [x, y, z] = look.lightDirection;
  return {
    simulation,
    look,
    seen: seenGeomsOf(simulation),
    rgba: Float32Array.from(simulation.model.geom_rgba as Float32Array),
    bodyOf: Int32Array.from(simulation.model.geom_bodyid as Int32Array),
    segmentOf,
    light: [TABLE.centreX + LIGHT_M * x, LIGHT_M * y, LIGHT_M * z],
  };
}

const num = (values: Float64Array, index: number): number => values[index] as number;

function segmentInto(subject: Subject): (out: Uint8Array, geom: number, pixel: number) => Uint8Array {
  return (out, geom, pixel) => {
    out[pixel] = geom < 0 ? 0 : (subject.segmentOf[geom] as number);
    return out;
  };
}

function createCanvas({ width, height, tanHalfFovY }: Lens): Canvas {
  const n = width * height;
  const rays = new Float64Array(3 * n);
  const aspect = width / height;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = ((2 * column + 1) / width - 1) * aspect * tanHalfFovY;
      const y = (1 - (2 * row + 1) / height) * tanHalfFovY;
      const length = Math.sqrt(x * x + y * y + 1);
      rays.set([x / length, y / length, -1 / length], 3 * (row * width + column));
    }
  }
  return {
    width,
    height,
    tanHalfFovY,
    rays,
    mask: new Uint8Array(n),
    seen: new Int32Array(n),
    place: new Float64Array(3 * n),
    normal: new Float64Array(3 * n),
    lit: new Float64Array(n),
    pixels: new Int32Array(n),
    directions: new Float64Array(3 * n),
    hits: new Int32Array(n),
    distances: new Float64Array(n),
    hitNormals: new Float64Array(3 * n),
  };
}

/**
 * Sets every pixel to table or sky, keeps the table's distance in canvas.lit, and gathers the rays of covered pixels.
 * @returns how many rays were gathered.
 */
function lookAtTable(canvas: Canvas, pose: Float64Array): number {
  const { rays, mask, seen, place, normal, lit, pixels, directions } = canvas;
  const [ox, oy, oz] = [num(pose, 3), num(pose, 7), num(pose, 11)];
  const [r0, r1, r2, r4, r5, r6] = [num(pose, 0), num(pose, 1), num(pose, 2), num(pose, 4), num(pose, 5), num(pose, 6)];
  const [r8, r9, r10] = [num(pose, 8), num(pose, 9), num(pose, 10)];
  let count = 0;
  for (let pixel = 0; pixel < seen.length; pixel++) {
    const cx = num(rays, 3 * pixel);
    const cy = num(rays, 3 * pixel + 1);
    const cz = num(rays, 3 * pixel + 2);
    const dx = r0 * cx + r1 * cy + r2 * cz;
    const dy = r4 * cx + r5 * cy + r6 * cz;
    const dz = r8 * cx + r9 * cy + r10 * cz;
    const reach = dz < 0 ? -oz / dz : Infinity;
    const x = ox + reach * dx;
    const y = oy + reach * dy;
    const onTable = Math.abs(x - TABLE.centreX) <= TABLE.halfX && Math.abs(y) <= TABLE.halfY;
    seen[pixel] = onTable ? TABLE_TOP : SKY;
    lit[pixel] = onTable ? reach : Infinity;
    place[3 * pixel] = x;
    place[3 * pixel + 1] = y;
    place[3 * pixel + 2] = 0;
    normal[3 * pixel] = 0;
    normal[3 * pixel + 1] = 0;
    normal[3 * pixel + 2] = 1;
    if (mask[pixel] === 0) continue;
    directions[3 * count] = dx;
    directions[3 * count + 1] = dy;
    directions[3 * count + 2] = dz;
    pixels[count++] = pixel;
  }
  return count;
}

/** Colours: albedo x (ambient, a little more from above, + lamp) x exposure, to bytes. */
function paint(subject: Subject, canvas: Canvas): Uint8Array {
  const { seen, place, normal, lit } = canvas;
  const { look, rgba } = subject;
  const out = new Uint8Array(3 * seen.length);
  for (let pixel = 0; pixel < seen.length; pixel++) {
    const what = seen[pixel] as number;
    const above = 0.8 + 0.2 * num(normal, 3 * pixel + 2);
    let light = look.exposure * (look.ambient * above + (1 - look.ambient) * num(lit, pixel));
    if (what === SKY) light = look.exposure;
    if (what === TABLE_TOP && look.tableTexture > 0) {
      light *= tableGrain(num(place, 3 * pixel), num(place, 3 * pixel + 1), look.textureSeed, look.tableTexture);
    }
    for (let channel = 0; channel < 3; channel++) {
      const albedo =
        what === SKY
          ? (BACKGROUND[channel] as number)
          : what === TABLE_TOP
            ? (look.tableColour[channel] as number)
            : (rgba[4 * what + channel] as number);
      out[3 * pixel + channel] = Math.min(255, 255 * albedo * light + 0.5);
    }
  }
  return out;
}
