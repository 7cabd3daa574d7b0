import { newUser, patch } from "../harness/tenant.ts";
import { annSub, nowSec, openExplain } from "../harness/explain-scene.ts";
import type { House } from "../harness/house.ts";
import { untilQuiet } from "../harness/user-store.ts";
import { asked, refusal, type Row, subject, token } from "./explain-rows.ts";

/** Of a connection that makes users, where tokens have to say whose they are. */
const matched =
  (house: House, claims: object): Row["ask"] =>
  async () => {
    const scene = await openExplain(house);
    await scene.set({ justInTime: { enabled: true, match: { org: "acme" } } });
    return asked(scene, { token: await scene.mint({ sub: "00u9", preferred_username: "new", ...claims }) });
  };

/** What a token says of itself, and whom its subject means. */
export function tokenRows(house: House) {
  return { ...subjectRows(house), ...claimRows(house) };
}

function subjectRows(house: House) {
  return {
    subject_missing: { ask: token(house, { sub: undefined }), evidence: /^the claim sub is absent$/ },
    subject_empty: { ask: subject(house, ""), evidence: /is ""$/ },
    subject_malformed: { ask: token(house, { sub: "x".repeat(256) }), evidence: /^256 characters; 255 are allowed$/ },
    subject_whitespace: {
      ask: subject(house, `${annSub} `),
      evidence: /^the token says "00u1ann ", the directory "00u1ann"$/,
    },
    subject_case_differs: { ask: subject(house, annSub.toUpperCase()), evidence: /^the token says "00U1ANN"/ },
    subject_email_changed: {
      ask: async () => {
        const scene = await openExplain(house, { subjectAttribute: "userName" });
        await scene.tenant.scim(
          "PATCH",
          `/Users/${scene.annId}`,
          patch({ op: "replace", path: "userName", value: "ann.new@example.test" }),
        );
        await untilQuiet(house, scene.tenant.id);
        return asked(scene, { token: await scene.mint({ sub: "ann@example.test" }) });
      },
      evidence: /^"ann@example\.test" is an earlier subject of user .*"ann\.new@example\.test" now$/,
    },
    subject_rule_mismatch: {
      ask: subject(house, "ann@example.test"),
      evidence: /is userName of user .*connection idp reads externalId$/,
    },
    service_account: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.set({ justInTime: { services: [{ claim: "sub", prefix: "job-" }] } });
        return asked(scene, { sub: "job-backup", iss: scene.issuer.origin });
      },
      evidence: /^"job-backup" speaks for a program$/,
    },
  } satisfies Readonly<Record<string, Row>>;
}

function claimRows(house: House) {
  return {
    ok: { ask: token(house, {}), evidence: /no gateway reports/ },
    token_missing: {
      ask: refusal(house, "token_missing"),
      evidence: /^gateway edge-1 refused it at 20.* for token_missing$/,
    },
    token_malformed: {
      ask: async () => asked(await openExplain(house), { token: "abc" }),
      evidence: /^it has 1 part between dots/,
    },
    issuer_unknown: {
      ask: token(house, { iss: "https://stranger.example" }),
      evidence: /^iss is "https:\/\/stranger.example"$/,
    },
    wrong_environment: {
      ask: async () => {
        const scene = await openExplain(house);
        await scene.set({ issuers: ["https://login.prod.idp.example/oauth"] });
        return asked(scene, { token: await scene.mint({ iss: "https://login.dev.idp.example/oauth" }) });
      },
      evidence: /^iss is "https:\/\/login\.dev\..*a connection names "https:\/\/login\.prod\./,
    },
    tenant_claim_missing: {
      ask: matched(house, {}),
      evidence: /^the claim org is absent; connection idp matches "acme"$/,
    },
    tenant_unknown: {
      ask: matched(house, { org: "globex" }),
      evidence: /^org is "globex"; connection idp matches "acme"$/,
    },
    other_tenant: {
      ask: async () => {
        const [scene, other] = [await openExplain(house), await openExplain(house)];
        const sub = `00u${other.tenant.slug}`;
        await other.tenant.scim("POST", "/Users", newUser(sub));
        await untilQuiet(house, other.tenant.id);
        return asked(scene, { sub, iss: scene.issuer.origin }, true);
      },
      evidence: /^the subject is known in tenant t-/,
    },
    algorithm_not_allowed: {
      ask: async () => {
        const scene = await openExplain(house);
        const key = new Uint8Array(32);
        return asked(scene, { token: await scene.issuer.mint({ sub: annSub }, { header: { alg: "HS256" }, key }) });
      },
      evidence: /^alg is "HS256"$/,
    },
    key_unknown: { ask: token(house, {}, { kid: "unheard-of" }), evidence: /no key that fits/ },
    keys_unavailable: {
      ask: async () => {
        const scene = await openExplain(house);
        scene.issuer.answers.status = 500;
        return asked(scene, { token: await scene.mint() });
      },
      evidence: /answers 500$/,
    },
    signature_invalid: {
      ask: async () => {
        const scene = await openExplain(house);
        return asked(scene, { token: (await scene.mint()).replace(/.{20}$/, "A".repeat(20)) });
      },
      evidence: /no published key/,
    },
    type_not_allowed: { ask: token(house, {}, { typ: "logout+jwt" }), evidence: /^typ is "logout\+jwt"$/ },
    audience_wrong: { ask: token(house, { aud: "other" }), evidence: /"other"; the connection wants "api"$/ },
    token_expired: { ask: token(house, { exp: 1 }), evidence: /^expired at 1970/ },
    token_not_yet_valid: { ask: token(house, { nbf: nowSec() + 3_600 }), evidence: /^valid from 20/ },
  } satisfies Readonly<Record<string, Row>>;
}
