import type { Engine, Simulation } from "../physics/engine.ts";

/** Most rays in one call: bounds the WASM memory whatever the image's size. */
const BATCH = 8192;
const FAR_M = 100;

/** Geom groups that rays meet: 1, what is seen. The table (2) is intersected in closed form, 3 is for contacts alone. */
const SEEN_GROUPS = Uint8Array.of(0, 1, 0, 0, 0, 0);

/**
 * Batches of rays from one point through MuJoCo's `mj_multiRay`. The buffers live on the WASM heap and are allocated once:
 * write directions with `add`, then `cast` answers them in order through `onHit`.
 */
export class RayPool {
  readonly #directions: InstanceType<Engine["DoubleBuffer"]>;
  readonly #geoms: InstanceType<Engine["IntBuffer"]>;
  readonly #distances: InstanceType<Engine["DoubleBuffer"]>;
  readonly #normals: InstanceType<Engine["DoubleBuffer"]>;

  constructor(engine: Engine) {
    this.#directions = new engine.DoubleBuffer(3 * BATCH);
    this.#geoms = new engine.IntBuffer(BATCH);
    this.#distances = new engine.DoubleBuffer(BATCH);
    this.#normals = new engine.DoubleBuffer(3 * BATCH);
  }

  /**
   * @param directions float64[3 count], unit vectors.
   * @param geoms int32[count] out: geom hit or -1. @param distances float64[count] out. @param normals float64[3 count] out or null.
   */
  cast(
    simulation: Simulation,
    origin: readonly number[],
    directions: Float64Array,
    count: number,
    geoms: Int32Array,
    distances: Float64Array,
    normals: Float64Array | null,
  ): void {
    const { engine, model, data } = simulation;
    for (let start = 0; start < count; start += BATCH) {
      const rays = Math.min(BATCH, count - start);
      const along = (this.#directions.GetView() as Float64Array).subarray(0, 3 * rays);
      along.set(directions.subarray(3 * start, 3 * (start + rays)));
      const hit = (this.#geoms.GetView() as Int32Array).subarray(0, rays);
      const far = (this.#distances.GetView() as Float64Array).subarray(0, rays);
      const normal = normals === null ? null : (this.#normals.GetView() as Float64Array).subarray(0, 3 * rays);
      engine.mj_multiRay(
        model,
        data,
        origin as number[],
        along as unknown as number[],
        SEEN_GROUPS as unknown as number[],
        true,
        -1,
        hit,
        far,
        normal,
        rays,
        FAR_M,
      );
      geoms.set(hit, start);
      distances.set(far, start);
      if (normals !== null && normal !== null) normals.set(normal, 3 * start);
    }
  }

  close(): void {
    this.#directions.delete();
    this.#geoms.delete();
    this.#distances.delete();
    this.#normals.delete();
  }
}
