/** A stop that needs no message queue: a counter in shared memory that the loop reads every tick. */
export type StopFlag = { readonly memory: SharedArrayBuffer };

export function createStopFlag(): StopFlag {
  return { memory: new SharedArrayBuffer(4) };
}

/** Asks for a stop. From any thread, at any time. */
export function raiseStopFlag(flag: StopFlag): void {
  Atomics.add(new Int32Array(flag.memory), 0, 1);
}

/** Answers true once for every time that somebody asked since the last call. */
export function createStopReader(flag: StopFlag): () => boolean {
  const counter = new Int32Array(flag.memory);
  let seen = Atomics.load(counter, 0);
  return () => {
    const now = Atomics.load(counter, 0);
    const asked = now !== seen;
    seen = now;
    return asked;
  };
}
