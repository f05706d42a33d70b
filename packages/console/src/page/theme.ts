/** Light or dark: what the system prefers until a person chooses. Remembered in this browser only. */
import { createStore } from "./store.ts";

export type Theme = "light" | "dark";

const KEY = "bidden-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export const theme = createStore<{ now: Theme }>({ now: remembered() ?? systemTheme() });

export function startTheme(): void {
  apply();
  system.addEventListener("change", () => {
    if (remembered() === null) theme.set({ now: systemTheme() });
  });
  theme.subscribe(apply);
}

export function toggleTheme(): void {
  const next: Theme = theme.get().now === "dark" ? "light" : "dark";
  // A browser that forbids storage still gets its theme, for this visit.
  try {
    if (next === systemTheme()) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {}
  theme.set({ now: next });
}

function apply(): void {
  document.documentElement.dataset["theme"] = theme.get().now;
}

function systemTheme(): Theme {
  return system.matches ? "dark" : "light";
}

function remembered(): Theme | null {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null;
  }
}
