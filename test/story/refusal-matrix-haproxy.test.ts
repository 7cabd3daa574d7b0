import { spawnSync } from "node:child_process";
import { type CutRow, cutKey } from "@rollcall/cli/cut-row";
import { refusalReasons, type RefusalReason } from "@rollcall/guard";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { send } from "../harness/gateway-scene.ts";
import { openHaproxy } from "../harness/haproxy.ts";
import { openHouse } from "../harness/house.ts";

const isMissing = spawnSync("haproxy", ["-v"]).error !== undefined;
// oxlint-disable-next-line node/no-process-env -- what CI sets is no configuration of ours
const isSkipped = isMissing && process.env["CI"] !== "true";
if (isSkipped) console.warn("skipped: haproxy is not on the PATH, so what it refuses is not tried");

const house = await openHouse();
const clock = { sec: () => Math.floor(Date.now() / 1_000) };
const issuer = await createIssuer(clock, "RS256");
const stranger = await createIssuer(clock, "RS256");
afterAll(() => Promise.all([issuer.close(), stranger.close()]));

type Row =
  | {
      readonly token: () => Promise<string> | string | undefined;
      /** What the agent has written into the map of revocations. */
      readonly cut?: CutRow["notBefore"];
      readonly isBlind?: boolean;
    }
  /** Why HAProxy, which has its own checks in the guard's place, never refuses for it. */
  | { readonly never: string };

const asksNobody = "it has no known subjects, and asks nobody";

/** How each reason comes about at HAProxy; a new reason without a row is a type error. */
const rows = {
  token_missing: { token: () => undefined },
  token_malformed: { token: () => "nonsense" },
  signature_invalid: { token: () => stranger.mint({ iss: issuer.origin }) },
  algorithm_not_allowed: { token: async () => unsigned(await issuer.mint()) },
  key_unknown: { token: () => stranger.mint({ iss: issuer.origin }, { header: { kid: "unheard-of" } }) },
  keys_unavailable: { never: "it reads its keys when it starts, and does not start without them" },
  type_not_allowed: { token: () => issuer.mint({}, { header: { typ: "logout+jwt" } }) },
  issuer_unknown: { token: () => issuer.mint({ iss: "https://stranger.example" }) },
  audience_wrong: { token: () => issuer.mint({ aud: "other" }) },
  token_expired: { token: () => issuer.mint({ exp: 1 }) },
  token_not_yet_valid: { token: () => issuer.mint({ nbf: clock.sec() + 3_600 }) },
  tenant_wrong: { never: "it has one issuer and no list of tenants" },
  subject_missing: { token: () => issuer.mint({ sub: undefined }) },
  subject_malformed: { token: () => issuer.mint({ sub: "a".repeat(256) }) },
  revoked: { token: () => issuer.mint(), cut: Number.MAX_SAFE_INTEGER },
  issued_before_revocation: { token: () => issuer.mint(), cut: clock.sec() + 3_600 },
  subject_unknown: { never: asksNobody },
  claims_missing: { never: asksNobody },
  subject_denied: { never: asksNobody },
  feed_stale: { token: () => issuer.mint(), isBlind: true },
  resolve_unavailable: { never: asksNobody },
} satisfies Record<RefusalReason, Row>;

test.skipIf(isSkipped)(
  "HAProxy answers each reason that it has like every other of its class, byte for byte, as the guard's adapters do",
  async () => {
    const { haproxy, served } = await openHaproxy(house, issuer, "none");
    const maps = haproxy.maps(1);
    onTestFinished(() => expect(served()).toBe(0));
    const [seen, expected] = [new Map<string, unknown>(), new Map<string, unknown>()];
    for (const [reason, row] of Object.entries(rows) as [RefusalReason, Row][]) {
      if ("never" in row) continue;
      const key = cutKey({ op: "deny", scope: "sub", iss: issuer.origin, sub: "ada" });
      const cuts = row.cut === undefined ? [] : [{ key, notBefore: row.cut }];
      await maps.replace(cuts, clock.sec() + (row.isBlind === true ? -1 : 600));
      const token = await row.token();
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const { status, headers: said, body } = await send(haproxy.origin, "/", headers);
      seen.set(reason, { status, headers: said, body });
      expected.set(reason, refusalOf(reason));
    }
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));
  },
);

/** All that HAProxy says, as nothing more may be there. */
function refusalOf(reason: RefusalReason) {
  const { status } = refusalReasons[reason];
  const error = ', error="invalid_token", error_description="The access token is no longer valid"';
  const told =
    status === 503
      ? { "retry-after": "1" }
      : { "www-authenticate": `Bearer realm="api"${reason === "token_missing" ? "" : error}` };
  const code = status === 503 ? "authz_unavailable" : "token_invalid";
  const body = JSON.stringify({ type: "about:blank", status, code });
  const common = { "cache-control": "no-store", "content-type": "application/problem+json" };
  return { status, headers: { ...common, ...told, "content-length": String(body.length) }, body };
}

/** The same token under the algorithm `none`. */
function unsigned(token: string): string {
  const header = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
  return `${header}.${token.split(".")[1]}.`;
}
