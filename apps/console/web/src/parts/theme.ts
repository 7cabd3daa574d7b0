import { useSyncExternalStore } from "react";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const key = "rollcall-theme";
const listeners = new Set<() => void>();

/** Light or dark as the machine says, or as somebody has chosen in this browser. */
export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  return [useSyncExternalStore(subscribe, chosen), choose];
}

/** Before anything is drawn. */
export function applyTheme(): void {
  const theme = chosen();
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

function chosen(): Theme {
  try {
    return themes.find((theme) => theme === localStorage.getItem(key)) ?? "system";
  } catch {
    // A browser that stores nothing for us.
    return "system";
  }
}

function choose(theme: Theme): void {
  try {
    localStorage.setItem(key, theme);
  } catch {
    document.documentElement.dataset["theme"] = theme;
    return;
  }
  applyTheme();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
