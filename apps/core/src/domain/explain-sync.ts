import type { Candidate, ConnectionStanding, SubjectFacts } from "./explain-facts.ts";
import { ago, type ExplainStep, passed, problem, shown, unknown } from "./explain-step.ts";

/** Whether a known user's last change has arrived. */
export function explainSync(
  candidate: Candidate,
  standings: readonly ConnectionStanding[],
  nowMs: number,
): ExplainStep {
  const { waiting, dead, drift } = candidate;
  if (waiting !== undefined) {
    const tried = waiting.attempts === 0 ? "" : `, tried ${waiting.attempts} times`;
    return problem(
      "sync",
      "not_applied",
      `event ${waiting.id} (${waiting.kind}) was accepted ${ago(waiting.at, nowMs)}; lane ${waiting.lane}, ${waiting.ahead} of this tenant before it${tried}`,
    );
  }
  if (dead !== undefined)
    return problem(
      "sync",
      "dead_lettered",
      `event ${dead.id} (${dead.kind}) was given up ${ago(dead.at, nowMs)}: ${dead.reason}`,
    );
  if (candidate.appliedVersion < candidate.version) {
    return problem(
      "sync",
      "drift",
      `the directory is at version ${candidate.version}, the user store at ${candidate.appliedVersion}`,
    );
  }
  if (drift !== undefined)
    return problem(
      "sync",
      "drift",
      `the comparison of ${ago(drift.foundAt, nowMs)} found ${drift.kind}, and it is not healed`,
    );
  const own = standings.filter(({ connectionId }) => connectionId === candidate.connection.id);
  const slow = own.map((standing) => hold(standing, nowMs)).find((step) => step !== undefined);
  const applied = `version ${candidate.version} is applied`;
  // What has arrived is in step; only what the provider has said since may be missing.
  if (slow !== undefined) return { ...slow, status: "unknown", evidence: `${applied}; ${slow.evidence}` };
  return passed("sync", `${applied}${heard(own, nowMs)}`);
}

/** Why somebody whom nobody has brought may be on the way all the same; undefined where there is no connection to say it. */
export function explainArrival({ standings = [] }: SubjectFacts, nowMs: number): ExplainStep | undefined {
  if (standings.length === 0) return undefined;
  const holds = standings.map((standing) => hold(standing, nowMs)).filter((step) => step !== undefined);
  const decisive = holds.filter(({ status }) => status === "problem");
  return (
    decisive.find(({ code }) => code === "event_parked") ??
    decisive[0] ??
    holds[0] ??
    passed("sync", `nothing waits of this subject${heard(standings, nowMs)}`)
  );
}

/** What keeps a connection's users from coming; the nearest to this one subject first. */
function hold(standing: ConnectionStanding, nowMs: number): ExplainStep | undefined {
  const { slug, parked, pausedAt, braked, silentSince, brought, heardAt } = standing;
  if (parked !== undefined)
    return problem(
      "sync",
      "event_parked",
      `a source of connection ${slug} said ${shown(parked.kind)} of them ${ago(parked.at, nowMs)}; parked until they come: ${parked.count}`,
    );
  if (pausedAt !== undefined)
    return problem("sync", "connection_paused", `connection ${slug} is paused since ${ago(pausedAt, nowMs)}`);
  if (braked !== undefined) {
    const what = braked.names ? "this subject is in it" : "this subject is not in it by name";
    const evidence = `listing ${braked.run} of connection ${slug} waits since ${ago(braked.since, nowMs)}; ${what}`;
    return braked.names ? problem("sync", "pull_braked", evidence) : unknown("sync", evidence, "pull_braked");
  }
  if (silentSince !== undefined)
    return problem("sync", "connection_silent", `connection ${slug} is silent since ${ago(silentSince, nowMs)}`);
  // It may be one whose users come by their tokens alone.
  if (!brought && heardAt === undefined)
    return unknown("sync", `connection ${slug} was never heard: no request and no event has come`, "connection_silent");
  return undefined;
}

function heard(standings: readonly ConnectionStanding[], nowMs: number): string {
  return standings
    .flatMap(({ slug, heardAt }) =>
      heardAt === undefined ? [] : [`; connection ${slug} was last heard ${ago(heardAt, nowMs)}`],
    )
    .join("");
}
