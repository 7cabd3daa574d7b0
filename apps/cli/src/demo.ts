import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { type Fleet, startFleet } from "./fleet.ts";
import { startIdentityProvider } from "./identity-provider.ts";
import { join, leave, type LeaverTimes, startGateway } from "./story.ts";

export type DemoOptions = { readonly json?: boolean };

type Say = (line: string) => void;
type Outcome = { readonly joinerAcceptedMs: number; readonly leaver: LeaverTimes };

/**
 * Tells the whole story on real parts: a provider, every role in a process of its own, a gateway.
 * Exit code 1 when any step is not as told.
 */
export async function run({ json = false }: DemoOptions): Promise<number> {
  const say: Say = json ? (line) => process.stderr.write(`${line}\n`) : (line) => process.stdout.write(`${line}\n`);
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-demo-"));
  // PostgreSQL may have to run as another user, who must be able to enter.
  await chmod(directory, 0o755);
  const provider = await startIdentityProvider();
  try {
    say("Starting PostgreSQL, ingest, worker, reconciler and feed, each in a process of its own …");
    const fleet = await startFleet(directory, [provider.issuer]);
    try {
      const outcome = await tell(fleet, provider.issuer, provider.tokenFor, say);
      if (json) process.stdout.write(`${JSON.stringify(summary(outcome))}\n`);
      return 0;
    } finally {
      await fleet.close();
    }
  } catch (error) {
    say(`The story did not go as told: ${(error as Error).message}`);
    if (json) process.stdout.write(`${JSON.stringify({ ok: false, problem: (error as Error).message })}\n`);
    return 1;
  } finally {
    await provider.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function tell(
  fleet: Fleet,
  issuer: string,
  tokenFor: (sub: string) => Promise<string>,
  say: Say,
): Promise<Outcome> {
  const guard = await startGateway(fleet, issuer);
  try {
    // One person goes through first, so that the times are those of a service that is awake.
    const warmUp = { id: await join(fleet, "warm-up"), token: await tokenFor("warm-up") };
    await guard.check(warmUp.token);
    await leave(fleet, guard, warmUp.id, warmUp.token);

    say("");
    say(`Ann has a token from ${issuer}, but the directory does not know her yet:`);
    const token = await tokenFor("ann");
    const stranger = await guard.check(token);
    if (stranger.allow || stranger.reason !== "subject_unknown")
      throw new Error("a token of nobody was not refused as unknown");
    say(`  gateway   refused (${stranger.reason})`);

    say("The provider creates Ann by SCIM; her token is used in the very next request:");
    const startedAt = performance.now();
    const userId = await join(fleet, "ann");
    const joiner = await guard.check(token);
    const joinerAcceptedMs = performance.now() - startedAt;
    if (!joiner.allow) throw new Error(`the joiner was refused: ${joiner.reason}`);
    say(
      `  gateway   admitted as user ${joiner.user?.id ?? "?"}, ${joinerAcceptedMs.toFixed(1)} ms after the provider's request began`,
    );

    say("The provider deactivates Ann. Her token is still valid for an hour:");
    const leaver = await leave(fleet, guard, userId, token);
    for (const line of timeline(leaver)) say(line);
    const after = await guard.check(token);
    if (after.allow) throw new Error("a refused token was admitted again");
    return { joinerAcceptedMs, leaver };
  } finally {
    await guard.close();
  }
}

/** One bar a stage, all on one scale. */
function timeline(times: LeaverTimes): readonly string[] {
  const width = 40;
  const longest = Math.max(times.refused, times.published);
  const meanings = {
    accepted: "the event is on disk",
    applied: "the user store denies her",
    published: "the feed says so",
    refused: "the gateway refuses the same token",
  };
  return (["accepted", "applied", "published", "refused"] as const).map((stage) => {
    const at = Math.max(1, Math.round((times[stage] / longest) * width));
    return `  ${stage.padEnd(9)} ${"━".repeat(at).padEnd(width)} ${times[stage].toFixed(1).padStart(6)} ms  ${meanings[stage]}`;
  });
}

function summary({ joinerAcceptedMs, leaver }: Outcome): object {
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  return {
    ok: true,
    joiner_accepted_ms: round(joinerAcceptedMs),
    leaver_refused_ms: round(leaver.refused),
    stages: {
      accepted_ms: round(leaver.accepted),
      applied_ms: round(leaver.applied),
      published_ms: round(leaver.published),
      refused_ms: round(leaver.refused),
    },
  };
}
