import { newId } from "@rollcall/core/runtime";
import { annSub, must, nowSec, openExplain } from "../harness/explain-scene.ts";
import { addSource } from "../harness/hook-sender.ts";
import type { House } from "../harness/house.ts";
import { deactivate, reactivate } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";
import { asked, refusal, type Row } from "./explain-rows.ts";

/** What gateways are told and say, and who is made from a token. */
export function gatewayRows(house: House) {
  return { ...reportRows(house), ...standingRows(house) };
}

function reportRows(house: House) {
  return {
    gateway_behind: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.receipt("edge-1", { epoch: 2, seq: 0 });
        return asked(scene, { token: await scene.mint() });
      },
      verdict: "ok",
      evidence: /^1 of 1 behind, stale or blind: edge-1 \(behind, on another epoch, its word is .* old\)$/,
    },
    gateway_stale: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.receipt("edge-1", { seq: 0, asOf: new Date(Date.now() - 600_000) });
        return asked(scene, { requestId: await scene.refuse("feed_stale", { sub: annSub }) });
      },
      evidence: /^gateway edge-1 refused it at 20.* for feed_stale$/,
    },
    gateway_cut_off: {
      ask: refusal(house, "resolve_unavailable", { sub: annSub }),
      evidence: /for resolve_unavailable$/,
    },
    gateway_cached: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.receipt("edge-1", { seq: 0 });
        const at = new Date(Date.now() + 30_000);
        return asked(scene, { requestId: await scene.refuse("revoked", { sub: annSub, at }) });
      },
      evidence: /for revoked; it is at the head of the feed, and nothing refuses this subject$/,
    },
    cause_gone: {
      ask: async () => {
        const scene = await openExplain(house);
        const at = new Date(Date.now() - 60_000);
        return asked(scene, { requestId: await scene.refuse("subject_unknown", { sub: annSub, at }) });
      },
      evidence: /for subject_unknown; the last change of this subject was applied at 20/,
    },
    nothing_refused: {
      ask: async () => asked(await openExplain(house), { from: new Date(Date.now() - 60_000).toISOString() }),
      evidence: /./,
    },
  } satisfies Readonly<Record<string, Row>>;
}

function standingRows(house: House) {
  return {
    revoked: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.admin("POST", `/tenants/${scene.tenant.slug}/revocations`, {
          iss: scene.issuer.origin,
          sub: "eve",
        });
        return asked(scene, { sub: "eve", iss: scene.issuer.origin });
      },
      evidence: /^denied since 20.* \(admin_revoked\) by credential /,
    },
    session_ended: {
      ask: async () => {
        const scene = await openExplain(house);
        const { issuer, tenant } = scene;
        const source = await addSource(house, tenant, "logout", { issuer: issuer.origin, audience: "crm" });
        const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
        const logout = { aud: "crm", jti: newId(), sub: annSub, sid: "s-1", events };
        const body = new URLSearchParams({
          logout_token: await issuer.mint(logout, { header: { typ: "logout+jwt" } }),
        });
        must((await fetch(source.url, { method: "POST", body })).status, 200);
        await untilQuiet(house, tenant.id);
        return asked(scene, { token: await scene.mint({ sid: "s-1" }) });
      },
      evidence: /^the token's session is denied since 20.*\(session_ended\)/,
    },
    issued_before_revocation: {
      ask: async () => {
        const scene = await openExplain(house);
        for (const change of [deactivate, reactivate]) {
          await scene.tenant.scim("PATCH", `/Users/${scene.annId}`, change);
          await untilQuiet(house, scene.tenant.id);
        }
        return asked(scene, { token: await scene.mint({ iat: nowSec() - 100 }) });
      },
      evidence: /^tokens issued before 20.* are dead \(lifted\); this one was issued at 20/,
    },
    provisioning_off: {
      ask: async () => {
        const scene = await openExplain(house);
        return asked(scene, { token: await scene.mint({ sub: "00u7" }) });
      },
      verdict: "never_provisioned",
      evidence: /^off: no connection/,
    },
    claims_missing: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.set({ justInTime: { enabled: true, required: ["emails[primary]"] } });
        return asked(scene, { token: await scene.mint({ sub: "00u7", preferred_username: "seven" }) });
      },
      evidence: /^missing claims: email$/,
    },
    provisioning_failed: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.set({ justInTime: { enabled: true } });
        return asked(scene, { token: await scene.mint({ sub: "00u7", preferred_username: "ann@example.test" }) });
      },
      evidence: /^user_name_taken: /,
    },
  } satisfies Readonly<Record<string, Row>>;
}
