import { setTimeout as delay } from "node:timers/promises";
import { denySubject, sql } from "@rollcall/core/store";
import { until } from "../harness/until.ts";
import type { Tenant } from "./compare.ts";
import { type Fault, flowsOn, hold, nowMs, pick, type Scene } from "./fault.ts";
import type { Victim } from "./parts.ts";
import type { Member, Role } from "./processes.ts";

const hourMs = 3_600_000;
const drainMsMax = 11_000;
const revokedMsMax = 5_000;

/** What happens to the processes of the house itself. */
export const processFaults: readonly Fault[] = [
  ...(["ingest", "worker", "reconciler", "feed", "postgres"] as const).map(killOf),
  { ...killOf("redis"), needs: "redis" },
  { name: "drain", happen: drainUnderLoad },
  { name: "pause-worker", happen: pauseWorker },
  { name: "pause-reconciler", happen: pauseLeader },
  { name: "clock", happen: jumpClocks },
];

/** kill -9, and started again a little later. */
function killOf(victim: Victim): Fault {
  return {
    name: victim,
    happen: async ({ parts, random }) => {
      const killedAtMs = nowMs();
      await parts.kill(victim);
      await delay(random() * 300);
      await parts.restart(victim);
      return killedAtMs;
    },
  };
}

/** SIGTERM in the middle of the work: what is held is finished, in time. */
async function drainUnderLoad(scene: Scene): Promise<number> {
  const role = pick<Role>(scene.random, ["ingest", "worker", "reconciler", "feed"]);
  if (role === "ingest") scene.ledger.drainedAtMs = Date.now();
  const toldAtMs = nowMs();
  await endInOrder(scene, role);
  await scene.parts.start(role);
  scene.ledger.drainedAtMs = undefined;
  return toldAtMs;
}

async function endInOrder({ parts, findings }: Scene, member: Member): Promise<void> {
  const { code, signal, tookMs } = await parts.drain(member);
  if (code !== 0) findings.stuck.push(`${member} answered SIGTERM with ${signal ?? `exit code ${code}`}`);
  if (tookMs > drainMsMax) findings.stuck.push(`${member} took ${Math.round(tookMs)} ms to end`);
}

/** A worker stands still past its lock on the lanes that it drains, another does its work, and it goes on where it was. */
async function pauseWorker(scene: Scene): Promise<number> {
  const { parts } = scene;
  await parts.start("second worker");
  parts.signal("worker", "SIGSTOP");
  const lockMs = 5_500;
  const [stoppedAtMs] = [nowMs(), await flowsOn(scene, "while a worker stands still")];
  await delay(Math.max(0, lockMs - (nowMs() - stoppedAtMs)));
  parts.signal("worker", "SIGCONT");
  const resumedAtMs = nowMs();
  await delay(300 + scene.random() * 500);
  await endInOrder(scene, "second worker");
  return resumedAtMs;
}

/** The leader stands still past its lease, another begins a term, and the first goes on as if it led. */
async function pauseLeader(scene: Scene): Promise<number> {
  const { parts, witness, findings, random } = scene;
  await parts.start("second reconciler");
  const before = await witness.term();
  parts.signal("reconciler", "SIGSTOP");
  await until("another leads", async () => (await witness.term()).fence > before.fence, 40_000).catch(() => {
    findings.stuck.push("nobody took over from a leader that stands still");
  });
  await flowsOn(scene, "while the former leader stands still");
  // There is something to publish when the former leader goes on, and nobody within the term who takes it first.
  parts.signal("second reconciler", "SIGSTOP");
  await delay(200 + random() * 200);
  parts.signal("reconciler", "SIGCONT");
  await delay(500 + random() * 500);
  parts.signal("second reconciler", "SIGCONT");
  const resumedAtMs = nowMs();
  await delay(300 + random() * 500);
  await endInOrder(scene, "second reconciler");
  return resumedAtMs;
}

/**
 * The clocks of all roles are an hour off, each in a direction of its own, and are set right while they
 * work. What an admin ends by the clock ends neither before its time nor after it.
 */
async function jumpClocks(scene: Scene): Promise<number> {
  const { parts, random, findings } = scene;
  const members: readonly Member[] = ["ingest", "worker", "reconciler", "feed"];
  const tenant = pick(random, scene.tenants);
  const sub = `banned-${tenant.banned.size}`;
  const expiresAt = new Date(Date.now() + hourMs / 2);
  const act = { actor: "chaos", at: new Date(), expiresAt };
  await denySubject(scene.database, tenant.id, { iss: tenant.issuer, sub }, act);
  tenant.banned.set(sub, expiresAt);
  for (const member of members) parts.setClock(member, pick(random, [-hourMs, hourMs]));
  const admitted = await admitForAWhile(scene, tenant);
  await hold(scene, 500, 5_000);
  await flowsOn(scene, "while the clocks are wrong");
  for (const member of members) parts.setClock(member, 0);
  const rightAtMs = nowMs();
  await admitted.revoke();
  await until("it is refused", async () => !(await admitted.isLetIn()), revokedMsMax).catch(() => {
    findings.resurrected.push("a token that was revoked is let in for as long as the clock was put back");
  });
  return rightAtMs;
}

/** A second token of the provider, used once, which ingest therefore knows. */
async function admitForAWhile({ credentials, database, parts }: Scene, { id, connectionId }: Tenant) {
  const issued = await credentials.issue({ purpose: "scim", tenantId: id, connectionId, label: "chaos" });
  const isLetIn = async (): Promise<boolean> => {
    const headers = { authorization: `Bearer ${issued.token}` };
    const answer = await fetch(`${parts.scimUrl}/Users?count=1`, { headers }).catch(() => undefined);
    return answer?.status !== 401;
  };
  await until("a second token is let in", isLetIn);
  return {
    isLetIn,
    revoke: async () =>
      void (await database.house(sql`UPDATE credential SET revoked_at = now() WHERE id = ${issued.id}`)),
  };
}
