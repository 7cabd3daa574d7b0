import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { newId, readConfig } from "@rollcall/core/runtime";
import { openDatabase, readResync, type ResyncRun, startResync } from "@rollcall/core/store";
import { startResyncs } from "@rollcall/reconciler";
import { peakMemoryMib } from "../child-process.ts";

/** Compares one tenant, as the reconciler does it and in a process of its own, and says what it took. */
const [tenantId = ""] = process.argv.slice(2);
const { DATABASE_URL: url } = readConfig(["DATABASE_URL"]);
const database = openDatabase({ url, poolMax: 4, onError: () => undefined });
const resyncs = await startResyncs({ database, wake: () => undefined, log: pino({ level: "silent" }) });
const startedAt = performance.now();
const { id } = await startResync(database, tenantId, {
  id: newId(),
  scope: { scope: "tenant" },
  heals: "none",
  actor: "bench",
});
const run = await untilEnded(id);
const ms = performance.now() - startedAt;
const found = Object.values(run.found).reduce((sum, count) => sum + count, 0);
process.stdout.write(
  `${JSON.stringify({ ms, found, state: run.state, compared: run.compared, peakMib: peakMemoryMib(process.pid) })}\n`,
);
await resyncs.close();
await database.close();

/** Asked for as seldom as its end may be late, for asking is work that the comparison waits for. */
async function untilEnded(runId: string): Promise<ResyncRun> {
  for (;;) {
    const run = await readResync(database, tenantId, runId);
    if (run === undefined) throw new Error("the comparison is not there any more");
    if (run.finishedAt !== undefined) return run;
    await delay(50);
  }
}
