import type { Pull } from "../api/pulls.ts";
import { Mark } from "../parts/mark.tsx";

const standings = {
  listing: ["waiting", "lists everybody"],
  comparing: ["waiting", "compares"],
  braked: ["out", "stopped by the brake"],
  applying: ["waiting", "applies"],
  finished: ["in", "finished"],
  cancelled: ["unknown", "cancelled"],
  failed: ["out", "failed"],
} as const;

export function PullStanding({ pull: { state } }: { readonly pull: Pick<Pull, "state"> }) {
  const [standing, words] = standings[state];
  return <Mark standing={standing}>{words}</Mark>;
}
