/** Values kept in order, so that quantiles stay exact while episodes are added. 8 bytes a value. */

export class SortedValues {
  #values: Float64Array = new Float64Array(64);
  #length = 0;
  #mean = 0;
  /** Sum of squared distances from the mean. */
  #squares = 0;

  get length(): number {
    return this.#length;
  }

  /** Sorts `batch` in place and merges it in. Values must be finite. */
  add(batch: Float64Array): void {
    if (batch.length === 0) return;
    this.#addMoments(batch);
    batch.sort();
    const total = this.#length + batch.length;
    if (total > this.#values.length) {
      const grown = new Float64Array(Math.max(total, this.#values.length * 2));
      grown.set(this.#values.subarray(0, this.#length));
      this.#values = grown;
    }
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
  }

  /** Two passes over the batch, then the parallel update of Chan, Golub and LeVeque (1979). */
  #addMoments(batch: Float64Array): void {
    let sum = 0;
    for (const value of batch) sum += value;
    const mean = sum / batch.length;
    let squares = 0;
    for (const value of batch) squares += (value - mean) ** 2;
    const total = this.#length + batch.length;
    const delta = mean - this.#mean;
    this.#squares += squares + (delta * delta * this.#length * batch.length) / total;
    this.#mean += (delta * batch.length) / total;
  }

  moments(): { mean: number; std: number } {
    if (this.#length === 0) return { mean: 0, std: 0 };
    return { mean: this.#mean, std: Math.sqrt(this.#squares / this.#length) };
  }

  /** Linear interpolation at (n - 1) q; 0 when there are no values. */
  quantile(q: number): number {
    if (this.#length === 0) return 0;
    const position = (this.#length - 1) * q;
    const low = this.#values[Math.floor(position)] as number;
    const high = this.#values[Math.ceil(position)] as number;
    return low + (high - low) * (position - Math.floor(position));
  }
}
