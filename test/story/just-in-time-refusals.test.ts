import { suspendUser } from "@rollcall/core/store";
import { generateKeyPair } from "jose";
import { Client } from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { addSource, type HookSource, tell } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import {
  ask,
  directoryOf,
  idOf,
  nowSec,
  openIssuer,
  openProvisioning,
  type ProvisioningScene,
} from "../harness/provisioning-scene.ts";
import { addConnection, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

/** A token of a moment later: lifting a denial leaves the tokens of before dead. */
async function later({ mint }: ProvisioningScene, sub: string): Promise<string> {
  const sec = nowSec();
  await until("the next second", () => nowSec() > sec);
  return mint(sub);
}

describe("nobody is made", () => {
  test("of a leaver: a tombstone stays one", async () => {
    const scene = await openProvisioning(house);
    const ann = await scene.tenant.scim("POST", "/Users", newUser("ann"));
    await scene.tenant.scim("DELETE", `/Users/${idOf(ann)}`);
    const token = await scene.mint("ann");
    const question = { sub: "ann", token };
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_deleted" });
    await untilQuiet(house, scene.tenant.id);
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_deleted" });
    expect(await directoryOf(scene)).toMatchObject([{ id: idOf(ann), deleted: true }]);
  });

  test("of a leaver who comes with another subject and the same externalId", async () => {
    const settings = { justInTime: { enabled: true, claims: { userName: "preferred_username", externalId: "oid" } } };
    const scene = await openProvisioning(house, { attribute: "userName", settings });
    const ann = await scene.tenant.scim("POST", "/Users", newUser("00u1"));
    await scene.tenant.scim("DELETE", `/Users/${idOf(ann)}`);
    await untilQuiet(house, scene.tenant.id);
    const token = await scene.mint("ann.new@example.test", { oid: "00u1" });
    expect(await ask(scene, { sub: "ann.new@example.test", token })).toEqual({
      status: "denied",
      reason: "idp_deleted",
    });
    expect(await directoryOf(scene)).toHaveLength(1);
  });

  test("of a leaver whose subject is neither name nor externalId", async () => {
    const scene = await openProvisioning(house, { attribute: "emails[primary]" });
    const ann = await scene.tenant.scim(
      "POST",
      "/Users",
      newUser("00u1", { emails: [{ value: "ann", primary: true }] }),
    );
    await untilQuiet(house, scene.tenant.id);
    await scene.tenant.scim("DELETE", `/Users/${idOf(ann)}`);
    const question = { sub: "ann", token: await scene.mint("ann") };
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_deleted" });
    await untilQuiet(house, scene.tenant.id);
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_deleted" });
    expect(await directoryOf(scene)).toHaveLength(1);
  });

  test("of whom somebody has denied, whether there is a user or not", async () => {
    const scene = await openProvisioning(house);
    const question = async (sub: string) => ({ sub, token: await scene.mint(sub) });
    const ann = await scene.tenant.scim("POST", "/Users", newUser("ann"));
    await untilQuiet(house, scene.tenant.id);
    await suspendUser(house.database, scene.tenant.id, idOf(ann), { actor: "test", at: new Date() });
    const suspended = { status: "denied", reason: "admin_suspended" };
    expect(await ask(scene, await question("ann"))).toEqual(suspended);

    const path = `/tenants/${scene.tenant.slug}/revocations`;
    const denied = await scene.admin("POST", path, { iss: scene.issuer.origin, sub: "bob" });
    expect(denied.status).toBe(201);
    const bob = await question("bob");
    expect(await ask(scene, bob)).toEqual({ status: "denied", reason: "admin_revoked" });
    // What was lifted is over: then they come as anybody does.
    await scene.admin("POST", `${path}/lift`, { iss: scene.issuer.origin, sub: "bob" });
    expect((await directoryOf(scene)).map(({ id }) => id)).toEqual([idOf(ann)]);
    expect(await ask(scene, { ...bob, token: await later(scene, "bob") })).toMatchObject({
      status: "active",
    });
  });

  test("of whom a source has said that they left, before anybody knew them, until it says otherwise", async () => {
    const { scene, source } = await openTold();
    const question = { sub: "ann", token: await scene.mint("ann") };
    await told(source, "user.disabled", "ann", 60);
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_inactive" });
    await told(source, "user.enabled", "ann", 120);
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_inactive" });
    await told(source, "user.deleted", "ann", 30);
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_deleted" });
    expect(await directoryOf(scene)).toEqual([]);

    await told(source, "user.disabled", "bob", 60);
    await told(source, "user.enabled", "bob", 30);
    expect(await ask(scene, { sub: "bob", token: await scene.mint("bob") })).toMatchObject({ status: "active" });
  });

  test("of whoever is said to have left at the very moment, and is committed a moment after", async () => {
    const { scene, source } = await openTold();
    const question = { sub: "ann", token: await scene.mint("ann") };
    const client = new Client({ connectionString: house.databaseUrl });
    await client.connect();
    onTestFinished(() => client.end());
    // What is told asks for a read-back at last, and so stands still between its words and its commit.
    await client.query("BEGIN");
    await client.query("LOCK TABLE read_back IN SHARE MODE");
    const telling = told(source, "user.disabled", "ann", 0);
    await until("it is told", async () => (await lockWaiters(house.databaseUrl)) === 1);
    let answer: unknown;
    const asking = ask(scene, question).then((answered) => (answer = answered));
    await until(
      "the token waits for it, or is answered",
      async () => answer !== undefined || (await lockWaiters(house.databaseUrl)) === 2,
    );
    await client.query("COMMIT");
    await telling;
    expect(await asking).toEqual({ status: "denied", reason: "idp_inactive" });
    expect(await directoryOf(scene)).toEqual([]);
  });

  test("of a token or a session that was ended, or that is older than its subject's tokens may be", async () => {
    const scene = await openProvisioning(house);
    const path = `/tenants/${scene.tenant.slug}/revocations`;
    const iss = scene.issuer.origin;
    await scene.admin("POST", path, { iss, tokenId: "t-1" });
    await scene.admin("POST", path, { iss, session: "s-1" });
    await scene.admin("POST", path, { iss, sub: "cut", kind: "nbf" });
    const tokens = {
      one: await scene.mint("one", { jti: "t-1" }),
      two: await scene.mint("two", { sid: "s-1" }),
      cut: await scene.mint("cut", { iat: nowSec() - 100 }),
    };
    for (const [sub, token] of Object.entries(tokens))
      expect(await ask(scene, { sub, token })).toEqual({ status: "denied", reason: "token_revoked" });
    expect(await directoryOf(scene)).toEqual([]);
  });

  test("of a token that nobody signed, or somebody else, or that has had its time", async () => {
    const scene = await openProvisioning(house);
    const stranger = await generateKeyPair("ES256");
    const claims = { sub: "ann", preferred_username: "ann" };
    const good = await scene.mint("ann");
    const forged = {
      "another key": await scene.issuer.mint(claims, { key: stranger.privateKey }),
      "no signature": `${good.slice(0, good.lastIndexOf(".") + 1)}`,
      "another's content": [good.split(".")[0], (await scene.mint("eve")).split(".")[1], good.split(".")[2]].join("."),
      "no algorithm": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${good.split(".")[1] ?? ""}.`,
      "its time over": await scene.mint("ann", { exp: nowSec() - 60 }),
      "another audience": await scene.mint("ann", { aud: "other" }),
      "another subject": await scene.mint("bob"),
      "an ID token": await scene.issuer.mint(claims, { header: { typ: "logout+jwt" } }),
      "no token": "no token",
    };
    for (const [what, token] of Object.entries(forged))
      expect([what, await ask(scene, { sub: "ann", token })]).toEqual([
        what,
        { status: "unknown", reason: "token_refused" },
      ]);
    expect(await directoryOf(scene)).toEqual([]);
  });

  test("of a gateway's word alone", async () => {
    const scene = await openProvisioning(house);
    const question = { sub: "ann" };
    expect(await ask(scene, question)).toEqual({ status: "unknown", reason: "token_needed" });
    expect(await directoryOf(scene)).toEqual([]);
  });

  test("of another tenant's token, though both name the issuer", async () => {
    const issuer = await openIssuer();
    const mine = await openProvisioning(house, { issuer, settings: { audience: "mine" } });
    const theirs = await openProvisioning(house, { issuer, settings: { audience: "theirs" } });
    const question = async (aud: string | readonly string[]) => ({
      sub: "ann",
      token: await mine.mint("ann", { aud }),
    });
    expect(await ask(mine, await question("theirs"))).toMatchObject({ reason: "token_refused" });
    // Meant for both, it says of neither that it is theirs.
    expect(await ask(mine, await question(["mine", "theirs"]))).toMatchObject({
      reason: "tenant_ambiguous",
    });
    expect([await directoryOf(mine), await directoryOf(theirs)]).toEqual([[], []]);
    expect(await ask(mine, await question("mine"))).toMatchObject({ status: "active" });
    expect(await directoryOf(theirs)).toEqual([]);
  });

  test("where tenants share issuer and audience, but of tokens that say whose they are", async () => {
    const issuer = await openIssuer();
    const mine = await openProvisioning(house, {
      issuer,
      settings: { justInTime: { enabled: true, match: { tid: "mine" } } },
    });
    const theirs = await openProvisioning(house, { issuer });
    const question = async (claims: object) => ({
      sub: "ann",
      token: await mine.mint("ann", { ...claims }),
    });
    expect(await ask(mine, await question({ tid: "theirs" }))).toMatchObject({ reason: "tenant_wrong" });
    expect(await ask(mine, await question({}))).toMatchObject({ reason: "tenant_wrong" });
    // They have not said what tells their tokens from mine.
    expect(await ask(theirs, await question({ tid: "mine" }))).toMatchObject({ reason: "tenant_ambiguous" });
    expect([await directoryOf(mine), await directoryOf(theirs)]).toEqual([[], []]);
    expect(await ask(mine, await question({ tid: "mine" }))).toMatchObject({ status: "active" });
  });

  test.each([
    ["the subject is the client", { client_id: "job" }],
    ["the subject is the authorized party", { azp: "job" }],
    ["Entra says so", { idtyp: "app" }],
    ["Auth0 says so", { gty: "client-credentials" }],
    ["an admin has said how they are told", { department: "robots-7" }],
  ])("of a service account: %s", async (_how, claims) => {
    const services = [{ claim: "department", prefix: "robots-" }];
    const scene = await openProvisioning(house, { settings: { justInTime: { enabled: true, services } } });
    const token = await scene.mint("job", claims);
    expect(await ask(scene, { sub: "job", token })).toEqual({
      status: "unknown",
      reason: "service_account",
    });
    expect(await directoryOf(scene)).toEqual([]);
  });

  test("in the name of all tenants, but in the one that takes the token", async () => {
    const issuer = await openIssuer();
    const mine = await openProvisioning(house, { issuer, settings: { audience: "mine" } });
    const theirs = await openProvisioning(house, { issuer, settings: { audience: "theirs" } });
    const { token: feedToken } = await house.credentials.issue({ purpose: "feed", tenantId: undefined, label: "all" });
    const everywhere = { ...mine, tenant: { ...mine.tenant, feedToken } };
    const question = async (aud: string) => ({
      sub: "ann",
      token: await mine.mint("ann", { aud }),
    });
    expect(await ask(everywhere, await question("other"))).toMatchObject({ reason: "token_refused" });
    expect(await ask(everywhere, await question("theirs"))).toMatchObject({ status: "active" });
    expect(await directoryOf(mine)).toEqual([]);
    expect(await directoryOf(theirs)).toHaveLength(1);
  });

  test("where two connections would each make one", async () => {
    const scene = await openProvisioning(house);
    await addConnection(house, scene.tenant, scene.issuer.origin);
    const [, other] = (await scene.admin("GET", `/tenants/${scene.tenant.slug}/connections`)).body["items"] as {
      id: string;
    }[];
    await scene.admin("PATCH", `/tenants/${scene.tenant.slug}/connections/${other?.id ?? ""}`, {
      justInTime: { enabled: true },
    });
    const token = await scene.mint("ann");
    expect(await ask(scene, { sub: "ann", token })).toEqual({
      status: "unknown",
      reason: "connection_ambiguous",
    });
  });
});

/** A scene whose source knows people by names that their tokens do not carry as the subject: no cut of theirs is the subject's. */
async function openTold(): Promise<{ readonly scene: ProvisioningScene; readonly source: HookSource }> {
  const scene = await openProvisioning(house, { attribute: "emails[primary]" });
  return { scene, source: await addSource(house, scene.tenant, "webhook") };
}

async function told(source: HookSource, type: string, sub: string, agoSec: number): Promise<void> {
  const answer = await tell(source, {
    type,
    at: new Date(Date.now() - agoSec * 1_000),
    data: { userName: `${sub}@example.test` },
  });
  expect(answer.status).toBeLessThan(300);
}
