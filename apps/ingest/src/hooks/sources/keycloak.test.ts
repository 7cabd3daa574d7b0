import { createHash, createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { Json } from "@rollcall/core/domain";
import { describe, expect, test } from "vitest";
import { hear, noTools, receivedAt, requestOf, sourceOf } from "../testing/hook-request.ts";
import { readKeySet } from "../verify-key.ts";
import { keycloak } from "./keycloak.ts";

const ann = "3f0c9a52-9f53-4a39-8fd4-1f0f7c7a2a01";
const bearer = { authorization: "Bearer present" };
const source = sourceOf("keycloak", { verification: "bearer", realm: "acme" });

function heard(type: string, more: object, of = source) {
  const event = { uid: "k-1", time: 1_767_323_045_123, realmId: "acme", type, ...more };
  return hear(keycloak, requestOf(event, bearer), of);
}

function admin(type: string, representation?: unknown, resourcePath = `users/${ann}`) {
  return heard(type, {
    resourcePath,
    authDetails: { realmId: "master", userId: "admin" },
    ...(representation === undefined ? {} : { representation }),
  });
}

describe("what an admin has done", () => {
  test("states what was sent of the user", async () => {
    const sent = { username: "ann", enabled: true, email: "ann@example.test", firstName: "Ann", lastName: "Berg" };
    expect((await admin("admin.USER-CREATE", JSON.stringify(sent))).events).toEqual([
      {
        id: "k-1",
        kind: "created",
        subject: { id: ann },
        occurredAt: new Date(1_767_323_045_123),
        attributes: {
          externalId: ann,
          userName: "ann",
          active: true,
          name: { givenName: "Ann", familyName: "Berg" },
          emails: [{ value: "ann@example.test", primary: true }],
        },
      },
    ]);
  });

  test.each([
    ['{"enabled":false}', "changed", false],
    ['{"enabled":true}', "changed", true],
    ['{"enabled":"true"}', "changed", false],
    ['{"enabled":null}', "changed", undefined],
    ['{"firstName":"Ann"}', "changed", undefined],
    ['{"enabled":false,"attributes":{"a":["1"],"A":["2"]}}', "changed", false],
    [{ enabled: false }, "changed", false],
  ])("with %j is active %j", async (representation, kind, active) => {
    const [event] = (await admin("admin.USER-UPDATE", representation)).events;
    expect([event?.kind, event?.attributes?.["active"]]).toEqual([kind, active]);
  });

  test.each([
    [undefined, "changed"],
    ["", "changed"],
    ["null", "changed"],
    ["[1]", "changed"],
    ['{"enabled":true,"firs', "changed"],
    ['{"firstName":"\\"enabled\\":false', "changed"],
    ['{"firstName":"Ann","enabled":false,"attrib', "disabled"],
    ['{"enabled" : "false", oops', "disabled"],
  ])("whose representation is %j only says so, or that somebody is disabled", async (representation, kind) => {
    const [event] = (await admin("admin.USER-UPDATE", representation)).events;
    expect([event?.kind, event?.attributes]).toEqual([kind, undefined]);
  });

  test("deletes, ends all sessions or one, and changes groups and roles", async () => {
    expect((await admin("admin.USER-DELETE", '{"username":"ann"}')).events).toMatchObject([
      { kind: "deleted", subject: { id: ann } },
    ]);
    expect((await admin("admin.USER-ACTION", "{}", `users/${ann}/logout`)).events).toMatchObject([
      { kind: "sessions_ended", subject: { id: ann } },
    ]);
    expect((await admin("admin.USER_SESSION-DELETE", undefined, "sessions/s-1")).events).toMatchObject([
      { kind: "sessions_ended", session: "s-1" },
    ]);
    for (const [type, path] of [
      ["admin.GROUP_MEMBERSHIP-DELETE", `users/${ann}/groups/g-1`],
      ["admin.REALM_ROLE_MAPPING-CREATE", `users/${ann}/role-mappings/realm`],
      ["admin.CLIENT_ROLE_MAPPING-DELETE", `users/${ann}/role-mappings/clients/c-1`],
      ["admin.USER-CREATE", `users/${ann}/federated-identity/google`],
      ["admin.USER-DELETE", `users/${ann}/federated-identity/google`],
    ] as const)
      expect((await admin(type, "[]", path)).events).toMatchObject([{ kind: "changed", subject: { id: ann } }]);
  });

  test.each([
    ["admin.REALM_ROLE_MAPPING-CREATE", "groups/g-1/role-mappings/realm", "ignored"],
    ["admin.USER-ACTION", `users/${ann}/reset-password`, "ignored"],
    ["admin.REALM-ACTION", "logout-all", "ignored"],
    ["admin.USER-DELETE", "users/", "value_invalid"],
    ["admin.USER-DELETE", "clients/1", "value_invalid"],
  ])("is nothing to us where it is %s of %s", async (type, path, code) => {
    expect(await admin(type, undefined, path)).toEqual({ events: [], leftOut: [`${code} k-1`] });
  });
});

describe("what a user has done", () => {
  const authDetails = { realmId: "acme", userId: ann, username: "ann", sessionId: "s-1" };
  const access = (type: string, more: object = {}) => heard(type, { realmId: "0d3b-acme", authDetails, ...more });

  test("is a logout of one session", async () => {
    expect((await access("access.LOGOUT")).events).toMatchObject([
      { kind: "sessions_ended", subject: { id: ann }, session: "s-1" },
    ]);
  });

  test.each([
    ["access.DELETE_ACCOUNT", "deleted"],
    ["access.USER_DISABLED_BY_PERMANENT_LOCKOUT", "disabled"],
    ["access.REGISTER", "created"],
    ["access.UPDATE_PROFILE", "changed"],
    ["access.UPDATE_EMAIL", "changed"],
  ])("%s is %s", async (type, kind) => {
    const [event] = (await access(type)).events;
    expect(event).toMatchObject({ kind, subject: { id: ann, userName: "ann" } });
    expect([event?.session, event?.attributes]).toEqual([undefined, undefined]);
  });

  test.each(["access.LOGIN", "access.LOGOUT_ERROR", "access.USER_DISABLED_BY_TEMPORARY_LOCKOUT", "system.X"])(
    "%s is nothing to us",
    async (type) => expect((await access(type)).leftOut).toEqual(["ignored k-1"]),
  );

  test("failed, or is another realm's, or nobody's", async () => {
    expect((await access("access.DELETE_ACCOUNT", { error: "not_allowed" })).leftOut).toEqual(["ignored k-1"]);
    const other = { authDetails: { ...authDetails, realmId: "other" } };
    expect((await access("access.DELETE_ACCOUNT", other)).leftOut).toEqual(["ignored k-1"]);
    const nobody = { authDetails: { realmId: "acme" } };
    expect((await access("access.DELETE_ACCOUNT", nobody)).leftOut).toEqual(["value_invalid k-1"]);
    // An admin of our realm may act on another's users.
    const foreign = { realmId: "other", authDetails: { realmId: "acme" }, resourcePath: `users/${ann}` };
    expect((await heard("admin.USER-DELETE", foreign)).leftOut).toEqual(["ignored k-1"]);
  });
});

const body = JSON.stringify({ uid: "k-1", realmId: "acme", type: "admin.USER-DELETE", resourcePath: `users/${ann}` });

describe("verification by hmac", () => {
  const signed = sourceOf("keycloak", { verification: "hmac" });
  const signature = (secret: string, text = body) => ({
    "x-keycloak-signature": createHmac("sha256", secret).update(text).digest("hex"),
  });

  test.each(["present", "former"])("takes the %s secret", async (secret) => {
    expect((await hear(keycloak, requestOf(body, signature(secret)), signed)).events).toHaveLength(1);
  });

  test.each([{}, { "x-keycloak-signature": "" }, signature("guess"), signature("present", `${body} `), bearer])(
    "does not take %j",
    async (headers) => {
      await expect(keycloak.receive(requestOf(body, headers), signed, noTools)).rejects.toThrow(
        "could not be verified",
      );
    },
  );

  test("takes nobody where the way is not said, and nobody's signature where a token is asked for", async () => {
    for (const verification of [undefined, "none", "jwt", "bearer"]) {
      const of = sourceOf("keycloak", verification === undefined ? {} : { verification });
      const asked = keycloak.receive(requestOf(body, signature("present")), of, noTools);
      await expect(asked).rejects.toThrow("could not be verified");
    }
  });
});

describe("verification by a token of the realm", () => {
  const jwt = sourceOf("keycloak", { verification: "jwt" });
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const keys = readKeySet({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k" } as unknown as Json] });
  const tools = { ...noTools, keys: { find: () => Promise.resolve(keys) } };
  const nowSec = receivedAt.getTime() / 1_000;
  const good = {
    iss: "https://idp.test",
    aud: `https://rollcall.test/hooks/${jwt.id}`,
    iat: nowSec,
    exp: nowSec + 300,
    request_body_sha256: createHash("sha256").update(body).digest("hex"),
  };

  function tokenOf(claims: object, key = privateKey) {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${part({ typ: "JWT", alg: "RS256", kid: "k" })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), key).toString("base64url");
    return { authorization: `Bearer ${signed}.${signature}` };
  }

  test("takes one for this body", async () => {
    expect((await hear(keycloak, requestOf(body, tokenOf(good)), jwt, tools)).events).toMatchObject([
      { kind: "deleted" },
    ]);
  });

  test.each([
    ["for another body", { ...good, request_body_sha256: createHash("sha256").update("{}").digest("hex") }],
    ["for no body, as every token of a user is", { ...good, request_body_sha256: undefined }],
    ["of another realm", { ...good, iss: "https://other.test" }],
    ["for another audience", { ...good, aud: "account" }],
    ["without an end", { ...good, exp: undefined }],
    ["that is over", { ...good, iat: nowSec - 301, exp: nowSec - 1 }],
    ["that is old though it lives long", { ...good, iat: nowSec - 301, exp: nowSec + 3_600 }],
  ])("does not take one %s", async (_name, claims) => {
    const received = keycloak.receive(requestOf(body, tokenOf(claims)), jwt, tools);
    await expect(received).rejects.toThrow("could not be verified");
  });

  test("does not take another key's, or the secret", async () => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
    for (const headers of [tokenOf(good, other), bearer, {}])
      await expect(keycloak.receive(requestOf(body, headers), jwt, tools)).rejects.toThrow("could not be verified");
  });

  test("asks for a second sending where the realm's keys are not known now", async () => {
    const received = keycloak.receive(requestOf(body, tokenOf(good)), jwt, noTools);
    await expect(received).rejects.toThrow("nobody's keys are asked for");
  });
});
