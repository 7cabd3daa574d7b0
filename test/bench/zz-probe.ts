import { mkdtemp, chmod, rm } from "node:fs/promises";
import { startFleet } from "@rollcall/cli/fleet";
import { findTenant, sql, publishFeed, beginTerm } from "@rollcall/core/store";
import { feedDigest } from "@rollcall/reconciler";
const directory = await mkdtemp("/tmp/feedwork/p-"); await chmod(directory, 0o755); await chmod("/tmp/feedwork", 0o755);
const fleet = await startFleet(directory, ["https://i.test"], { roles: [] });
try {
  const tenant = await findTenant(fleet.database, "acme"); const db = fleet.database;
  for (let round = 0; round < 6; round += 1) {
    const subs = Array.from({ length: 3000 }, (_, i) => `r${round}-${i}`);
    await db.once(tenant.id, sql`WITH changed AS (INSERT INTO revocation (tenant_id, scope, iss, sub, deny, origin, reason, accepted_at)
        SELECT ${tenant.id}, 'sub', 'https://i.test', sub, true, 'idp', 'idp_inactive', now() FROM unnest(${subs}::text[]) AS sub RETURNING scope, iss, sub, accepted_at)
      INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at) SELECT ${tenant.id}, scope, iss, sub, accepted_at FROM changed`);
    const fence = await beginTerm(db);
    const took = []; for (let i = 0; i < 3; i += 1) { const t = performance.now(); const n = await publishFeed(db, tenant.id, fence, feedDigest); took.push(`${n} in ${Math.round(performance.now() - t)} ms`); }
    console.log(round, took.join(", "));
  }
} finally { await fleet.close(); await rm(directory, { recursive: true, force: true }); }
