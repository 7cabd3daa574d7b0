import type { AdminEvent } from "../api/events.ts";
import { Mark } from "../parts/mark.tsx";
import { span } from "../parts/words.ts";

/** What has become of an event. */
export function EventStanding({
  event,
}: {
  readonly event: Pick<AdminEvent, "state" | "acceptedAt" | "appliedAt" | "attempts">;
}) {
  const { state, acceptedAt, appliedAt, attempts } = event;
  switch (state) {
    case "applied": {
      const took = appliedAt === null ? "" : ` after ${span(Date.parse(appliedAt) - Date.parse(acceptedAt))}`;
      return <Mark standing="in">applied{took}</Mark>;
    }
    case "dead":
      return <Mark standing="out">given up after {attempts} attempts</Mark>;
    case "dropped":
      return <Mark standing="unknown">dropped</Mark>;
    case "waiting":
      return <Mark standing="waiting">{attempts === 0 ? "waits" : `waits, tried ${attempts} times`}</Mark>;
  }
}
