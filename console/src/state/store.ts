// The one store: a state, a pure reducer, and listeners.

import { useRef, useSyncExternalStore } from "react";
import { type Action, initialState, reduce, type State } from "./state";

type Listener = () => void;

export class Store {
  private state = initialState;
  private readonly listeners = new Set<Listener>();

  get = (): State => this.state;

  dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener();
  };

  subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export const store = new Store();

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((one, i) => Object.is(one, b[i]));
}

/** Part of the state; renders again only when that part changed. */
export function useSelect<T>(select: (state: State) => T): T {
  const last = useRef<{ value: T } | null>(null);
  return useSyncExternalStore(store.subscribe, () => {
    const value = select(store.get());
    if (last.current && same(last.current.value, value)) return last.current.value;
    last.current = { value };
    return value;
  });
}
