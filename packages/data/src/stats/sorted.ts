/** Values that are not sorted for their own sake. */
const MIN_PENDING = 4096;

/** Values kept in order, so that quantiles stay exact while episodes are added. 8 to 12 bytes a value. */
export class SortedValues {
  #values: Float64Array = new Float64Array(64);
  #length = 0;
  /** Not yet in order: sorting now and then costs less than merging every episode into all that came before. */
  #pending: Float64Array = new Float64Array(64);
  #pendingLength = 0;
  #mean = 0;
  /** Sum of squared distances from the mean. */
  #squares = 0;

  get length(): number {
    return this.#length + this.#pendingLength;
  }

  /** Copies. Values must be finite. */
  add(batch: Float64Array): void {
    if (batch.length === 0) return;
    this.#addMoments(batch);
    this.#pending = withRoom(this.#pending, this.#pendingLength, this.#pendingLength + batch.length);
    this.#pending.set(batch, this.#pendingLength);
    this.#pendingLength += batch.length;
    if (this.#pendingLength > Math.max(MIN_PENDING, this.#length / 4)) this.#settle();
  }

  #settle(): void {
    if (this.#pendingLength === 0) return;
    const batch = this.#pending.subarray(0, this.#pendingLength).sort();
    const total = this.#length + batch.length;
    this.#values = withRoom(this.#values, this.#length, total);
    // From the back, so that nothing is overwritten before it is read.
    const values = this.#values;
    let a = this.#length - 1;
    let to = total - 1;
    for (let b = batch.length - 1; b >= 0; to--) {
      const next = batch[b] as number;
      if (a >= 0 && (values[a] as number) > next) {
        values[to] = values[a--] as number;
      } else {
        values[to] = next;
        b--;
      }
    }
    this.#length = total;
    this.#pendingLength = 0;
  }

  /** Two passes over the batch, then the parallel update of Chan, Golub and LeVeque (1979). */
  #addMoments(batch: Float64Array): void {
    let sum = 0;
    for (const value of batch) sum += value;
    const mean = sum / batch.length;
    let squares = 0;
    for (const value of batch) squares += (value - mean) ** 2;
    const before = this.length;
    const total = before + batch.length;
    const delta = mean - this.#mean;
    this.#squares += squares + (delta * delta * before * batch.length) / total;
    this.#mean += (delta * batch.length) / total;
  }

  moments(): { mean: number; std: number } {
    if (this.length === 0) return { mean: 0, std: 0 };
    return { mean: this.#mean, std: Math.sqrt(this.#squares / this.length) };
  }

  /** Linear interpolation at (n - 1) q; 0 when there are no values. */
  quantile(q: number): number {
    this.#settle();
    if (this.#length === 0) return 0;
    const position = (this.#length - 1) * q;
    const low = this.#values[Math.floor(position)] as number;
    const high = this.#values[Math.ceil(position)] as number;
    return low + (high - low) * (position - Math.floor(position));
  }
}

/** The same values with room for `wanted`, growing by a quarter. */
function withRoom(values: Float64Array, used: number, wanted: number): Float64Array {
  if (wanted <= values.length) return values;
  const grown = new Float64Array(Math.max(wanted, Math.ceil(values.length * 1.25)));
  grown.set(values.subarray(0, used));
  return grown;
}
