import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { invalidate, topics } from "./topics.ts";

export type LiveState = "connecting" | "live" | "polling";

const pollMs = 10_000;
const reopenMs = 30_000;

/**
 * Follows what changes in a tenant. Where the stream breaks off for good, everything that is shown
 * is asked for again every ten seconds, and the stream is tried again every thirty. A page that
 * nobody sees follows nothing: browsers allow six connections to one place, over all their tabs.
 */
export function useLive(tenant: string): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  useEffect(() => {
    return follow(
      tenant,
      setState,
      inTurn((changed) => invalidate(client, tenant, changed)),
    );
  }, [client, tenant]);
  return state;
}

function follow(
  tenant: string,
  tell: (state: LiveState) => void,
  changed: (names: readonly string[]) => void,
): () => void {
  let source: EventSource | undefined;
  let reopening: ReturnType<typeof setTimeout> | undefined;
  let hasFollowed = false;
  const polling = setInterval(() => {
    if (source?.readyState !== EventSource.OPEN && !document.hidden) changed(topics);
  }, pollMs);
  const open = (): void => {
    clearTimeout(reopening);
    source?.close();
    const opened = new EventSource(`/v1/admin/tenants/${encodeURIComponent(tenant)}/stream`);
    source = opened;
    opened.addEventListener("open", () => {
      tell("live");
      // What changed while nobody followed was told to nobody.
      if (hasFollowed) changed(topics);
      hasFollowed = true;
    });
    opened.addEventListener("changed", (event) => changed(namesIn((event as MessageEvent<string>).data)));
    opened.addEventListener("error", () => {
      tell("polling");
      // A browser tries again by itself, unless it was answered with a refusal.
      if (opened.readyState === EventSource.CLOSED) reopening = setTimeout(open, reopenMs);
    });
  };
  const seen = (): void => {
    if (document.hidden) {
      clearTimeout(reopening);
      source?.close();
      return;
    }
    open();
    changed(topics);
  };
  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    clearInterval(polling);
    clearTimeout(reopening);
    source?.close();
  };
}

/** Asks for one thing after another: answers that take longer than changes come would otherwise never be shown. */
function inTurn(ask: (names: readonly string[]) => Promise<void>): (names: readonly string[]) => void {
  let waiting = new Set<string>();
  let asking = false;
  const run = async (): Promise<void> => {
    asking = true;
    while (waiting.size > 0) {
      const names = [...waiting];
      waiting = new Set();
      await ask(names);
    }
    asking = false;
  };
  return (names) => {
    for (const name of names) waiting.add(name);
    if (!asking) void run();
  };
}

function namesIn(data: string): readonly string[] {
  try {
    const { topics: named } = JSON.parse(data) as { readonly topics?: readonly string[] };
    return named ?? topics;
  } catch {
    return topics;
  }
}
