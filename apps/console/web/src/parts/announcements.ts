import { useSyncExternalStore } from "react";

export type Announcement = { readonly id: number; readonly text: string };

const shownMs = 6_000;
const shownMax = 3;
const listeners = new Set<() => void>();
let said: readonly Announcement[] = [];
let count = 0;

/** Tells whoever looks or listens that something is done. */
export function announce(text: string): void {
  count += 1;
  const announcement = { id: count, text };
  change([...said.slice(1 - shownMax), announcement]);
  setTimeout(() => change(said.filter(({ id }) => id !== announcement.id)), shownMs);
}

export function useAnnouncements(): readonly Announcement[] {
  return useSyncExternalStore(subscribe, () => said);
}

function change(next: readonly Announcement[]): void {
  said = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
