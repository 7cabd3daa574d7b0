import { newId } from "@rollcall/core/runtime";
import { releasePull, sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { annSub, askExplain, must, openExplain } from "../harness/explain-scene.ts";
import { addSource, tell } from "../harness/hook-sender.ts";
import { hold } from "../harness/hold.ts";
import { type House, quietLog } from "../harness/house.ts";
import { createPeople, crowd, pullScene } from "../harness/pull-scene.ts";
import { addConnection, createTenant, deactivate, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll, untilQuiet } from "../harness/user-store.ts";
import { asked, type Row, subject } from "./explain-rows.ts";

/** A house where nothing is applied before the story says so, and the first failure is the last. */
export type IdleHouse = { readonly house: House; readonly apply: () => Promise<void> };

export function idleHouse(house: House): IdleHouse {
  const drain = createDrain({ database: house.database, log: quietLog, newId, attemptsMax: 1 });
  return { house, apply: () => applyAll(drain) };
}

const secondIssuer = "https://second.example";

/** Another connection's user, who has a subject of an issuer of their own besides one of Ann's; unless it is said otherwise the very same. */
async function rivals(idle: IdleHouse, externalId = annSub) {
  const scene = await openExplain(idle.house);
  await idle.apply();
  const { connectionId, scim } = await addConnection(idle.house, scene.tenant, scene.issuer.origin);
  const issuers = [scene.issuer.origin, secondIssuer];
  await scene.admin("PATCH", `/tenants/${scene.tenant.slug}/connections/${connectionId}`, { issuers });
  const { body } = await scim("POST", "/Users", newUser(externalId, { userName: "second@example.test" }));
  return { scene, other: { scim, userId: body["id"] as string } };
}

/** What became of the user. */
export function userRows(house: House, idle: IdleHouse) {
  return { ...pendingRows(idle), ...arrivalRows(house), ...knownRows(house) };
}

function pendingRows(idle: IdleHouse) {
  return {
    not_applied: {
      ask: async () => asked(await openExplain(idle.house), { sub: annSub }),
      evidence: /^event \d+ \(user\.created\) was accepted 20.* ago\); lane \d+, 0 of this tenant before it$/,
    },
    dead_lettered: {
      ask: async () => {
        const { scene } = await rivals(idle);
        await idle.apply();
        return asked(scene, { sub: annSub, iss: secondIssuer });
      },
      evidence: /^event \d+ \(user\.created\) was given up 20.*: .*IdentityTaken/,
    },
    denied: {
      ask: async () => {
        const { scene, other } = await rivals(idle, "00u2bob");
        await idle.apply();
        // Who leaves and claims to be Ann in the same request cannot be applied, and is denied at once.
        const claims = newUser("00u2bob", { externalId: annSub, userName: "second@example.test", active: false });
        must((await other.scim("PUT", `/Users/${other.userId}`, claims)).status, 200);
        await idle.apply();
        return asked(scene, { sub: "00u2bob", iss: secondIssuer });
      },
      // The directory's word comes first, and says the same.
      verdict: "user_inactive",
      evidence: /^poison since 20/,
    },
  } satisfies Readonly<Record<string, Row>>;
}

function arrivalRows(house: House) {
  return {
    connection_paused: {
      ask: async () => {
        const scene = await openExplain(house);
        const paused = await scene.admin("POST", `/tenants/${scene.tenant.slug}/connections/idp/pause`, {
          note: "a storm",
        });
        must(paused.status, 200);
        return asked(scene, { sub: "00u7", iss: scene.issuer.origin });
      },
      evidence: /^connection idp is paused since 20/,
    },
    connection_silent: {
      ask: async () => {
        const tenant = await createTenant(house);
        return (await askExplain(house, tenant, { sub: "00u7", iss: tenant.issuer })).body;
      },
      // Users may come by their tokens alone: that it was never heard is told, and an alert that stands decides.
      verdict: "never_provisioned",
      evidence: /^connection idp was never heard/,
    },
    event_parked: {
      ask: async () => {
        const scene = await openExplain(house);
        const source = await addSource(house, scene.tenant, "webhook");
        const told = await tell(source, { type: "user.disabled", at: new Date(), data: { externalId: "00u7" } });
        must(told.status, 204);
        return asked(scene, { sub: "00u7", iss: scene.issuer.origin });
      },
      evidence: /^a source of connection idp said "disabled" of them 20/,
    },
    pull_braked: {
      ask: async () => {
        const many = crowd(60);
        const { tenant, become, pull, ended } = await pullScene(house, many, { pageSize: 60 });
        await createPeople(house, tenant, many);
        const first = await pull();
        if (first.state === "braked") {
          await releasePull(house.database, tenant.id, first.id, { actor: "ann", note: "it is the first one" });
          await until("it has gone on", async () => (await ended(first.id)).state !== "braked");
        }
        become(many.map((one, at) => (at < 21 ? { ...one, active: false } : one)));
        must((await pull()).state, "braked");
        return (await askExplain(house, tenant, { sub: many[0]?.id, iss: tenant.issuer })).body;
      },
      // Until a person lets it go on, everybody in it is let in as before.
      verdict: "ok",
      evidence: /listing .* of connection idp waits since 20.*; this subject is in it$/,
    },
    drift: {
      ask: async () => {
        const scene = await openExplain(house);
        await house.database.once(scene.tenant.id, sql`UPDATE link SET applied_version = 0`);
        return asked(scene, { sub: annSub, iss: scene.issuer.origin });
      },
      evidence: /^the directory is at version 1, the user store at 0$/,
    },
  } satisfies Readonly<Record<string, Row>>;
}

function knownRows(house: House) {
  return {
    never_provisioned: { ask: subject(house, "00u7"), evidence: /none ever had$/ },
    other_connection: {
      ask: async () => {
        const scene = await openExplain(house);
        const other = await addConnection(house, scene.tenant, "https://hr.example");
        await other.scim("POST", "/Users", newUser("00u8"));
        await untilQuiet(house, scene.tenant.id);
        return asked(scene, { sub: "00u8", iss: scene.issuer.origin });
      },
      evidence: /of connection idp-.*, which names https:\/\/hr\.example$/,
    },
    user_inactive: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.tenant.scim("PATCH", `/Users/${scene.annId}`, deactivate);
        await untilQuiet(house, scene.tenant.id);
        return asked(scene, { token: await scene.mint() });
      },
      evidence: /is inactive since 20.* by event \d+ \(user\.deactivated\)$/,
    },
    user_deleted: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.tenant.scim("DELETE", `/Users/${scene.annId}`);
        await untilQuiet(house, scene.tenant.id);
        return asked(scene, { token: await scene.mint() });
      },
      evidence: /was deleted 20.*ago\), by event \d+ \(user\.deleted\)$/,
    },
    user_store_unreachable: {
      ask: async () => {
        const scene = await openExplain(house);
        const held = await hold(house, scene.tenant.id, "LOCK TABLE identity IN ACCESS EXCLUSIVE MODE", []);
        try {
          return await asked(scene, { token: await scene.mint() });
        } finally {
          await held.letGo();
        }
      },
      evidence: /^the database did not answer what was asked of it \(55P03\)$/,
    },
    identity_missing: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.set({ issuers: [scene.issuer.origin, "https://second.example"] });
        return asked(scene, { sub: annSub, iss: "https://second.example" });
      },
      evidence: /holds no subject of https:\/\/second\.example$/,
    },
    identity_elsewhere: {
      ask: async () => {
        const scene = await openExplain(house);
        const { body } = await scene.tenant.scim("POST", "/Users", newUser("00u2bob"));
        await untilQuiet(house, scene.tenant.id);
        const bob = body["id"] as string;
        // As a restore of one table leaves it.
        await house.database.once(
          scene.tenant.id,
          sql`UPDATE identity SET user_id = ${bob}, directory_user_id = ${bob} WHERE sub = ${annSub}`,
        );
        return asked(scene, { sub: annSub, iss: scene.issuer.origin });
      },
      evidence: /^the subject is user .*'s, the directory says /,
    },
    suspended: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.admin("POST", `/tenants/${scene.tenant.slug}/users/${scene.annId}/suspend`, {});
        await untilQuiet(house, scene.tenant.id);
        return asked(scene, { sub: annSub, iss: scene.issuer.origin });
      },
      evidence: /^admin_suspended since 20.* by credential /,
    },
  } satisfies Readonly<Record<string, Row>>;
}
