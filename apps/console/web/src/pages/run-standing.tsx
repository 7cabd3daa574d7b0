import { isOver, type Resync } from "../api/runs.ts";
import { Mark } from "../parts/mark.tsx";

const standings = {
  queued: ["waiting", "waits its turn"],
  running: ["waiting", "runs"],
  finished: ["in", "finished"],
  cancelled: ["unknown", "cancelled"],
  failed: ["out", "failed"],
} as const;

export function RunStanding({ run }: { readonly run: Resync }) {
  const [standing, words] = standings[run.state ?? (isOver(run) ? "finished" : "running")];
  return <Mark standing={standing}>{words}</Mark>;
}
