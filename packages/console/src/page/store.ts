/** A value that React can follow and plain code can set. What changes faster than 10 Hz never comes in here. */
import { useSyncExternalStore } from "react";

export type Store<T> = {
  readonly get: () => T;
  readonly set: (change: Partial<T>) => void;
  readonly subscribe: (listener: () => void) => () => void;
};

export function createStore<T extends object>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (change) => {
      value = { ...value, ...change };
      for (const listener of listeners) listener();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** `pick` must return a part of the value, not a new object, or the component renders for ever. */
export function useStore<T extends object, U>(store: Store<T>, pick: (value: T) => U): U {
  return useSyncExternalStore(store.subscribe, () => pick(store.get()));
}

/** Calls every listener at once: the road of fast data from the socket to three, canvas and uPlot. */
export type Signal<T> = {
  readonly emit: (value: T) => void;
  readonly on: (listener: (value: T) => void) => () => void;
};

export function createSignal<T>(): Signal<T> {
  const listeners = new Set<(value: T) => void>();
  return {
    emit: (value) => {
      for (const listener of listeners) listener(value);
    },
    on: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
