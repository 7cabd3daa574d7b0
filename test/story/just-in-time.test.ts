import { readFile } from "node:fs/promises";
import { provisioningReasons } from "@rollcall/core/domain";
import { sql } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import {
  ask,
  directoryOf,
  idOf,
  openGuard,
  openProvisioning,
  type ProvisioningScene,
} from "../harness/provisioning-scene.ts";
import { newGroup, newUser, patch } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
/** Accepts and applies nothing: what is answered here comes from the directory. */
const idle = await openHouse({ without: ["worker"] });

describe("a joiner whom no provider has told of", () => {
  test("passes with the first token, and is there with what the token says", async () => {
    const scene = await openProvisioning(house);
    const guard = await openGuard(scene);
    const token = await scene.mint("ann", { email: "ann@mail.test", given_name: "Ann", family_name: "Lee" });
    const decision = await guard.check(token);
    expect(decision).toMatchObject({ allow: true, user: { userName: "ann@example.test", groups: [] } });

    const [row] = await directoryOf(scene);
    const { body } = await scene.tenant.scim("GET", `/Users/${row?.id ?? ""}`);
    expect(body).toMatchObject({
      userName: "ann@example.test",
      externalId: "ann",
      displayName: "Dr ann",
      name: { givenName: "Ann", familyName: "Lee" },
      emails: [{ value: "ann@mail.test", primary: true }],
      active: true,
    });
    await untilQuiet(house, scene.tenant.id);
    expect((await readUserStore(house, scene.tenant.id)).get(row?.id ?? "")).toMatchObject({ identities: ["ann"] });
    expect(decision).toMatchObject({ user: { id: row?.id } });
  });

  test("passes though no worker runs", async () => {
    const scene = await openProvisioning(idle);
    const guard = await openGuard(scene);
    expect(await guard.check(await scene.mint("ann"))).toMatchObject({ allow: true });
  });

  test("is made once, however many gateways see the first token at one moment", async () => {
    const scene = await openProvisioning(house);
    const guards = await Promise.all([1, 2, 3, 4].map(() => openGuard(scene)));
    const token = await scene.mint("ann");
    const decisions = await Promise.all([...guards, ...guards, ...guards].map((guard) => guard.check(token)));
    const ids = decisions.map((decision) => (decision.allow ? decision.user?.id : decision.reason));
    expect(new Set(ids).size).toBe(1);
    expect((await directoryOf(scene)).map(({ id }) => id)).toEqual([ids[0]]);
  });

  test("is made once, though the tokens of one moment call them by different names", async () => {
    const scene = await openProvisioning(house, { attribute: "emails[primary]" });
    for (let round = 0; round < 5; round += 1) {
      const sub = `ann-${round}`;
      const answers = await Promise.all(
        Array.from({ length: 8 }, async (_, at) => {
          const token = await scene.mint(sub, { preferred_username: `${sub}.${at}` });
          return ask(scene, { sub, token });
        }),
      );
      expect(new Set(answers.map(({ userId }) => userId)).size).toBe(1);
      expect(await directoryOf(scene)).toHaveLength(round + 1);
    }
  });

  test("is in the groups that had waited for the externalId", async () => {
    const scene = await openProvisioning(house);
    await scene.tenant.scim("POST", "/Groups", newGroup("Staff", ["ann"]));
    const guard = await openGuard(scene);
    expect(await guard.check(await scene.mint("ann"))).toMatchObject({ allow: true, user: { groups: ["Staff"] } });
  });

  test("is nobody while the connection makes nobody, and that is what it does unless it is told to", async () => {
    const scene = await openProvisioning(house, { settings: { justInTime: { enabled: false } } });
    const guard = await openGuard(scene);
    const token = await scene.mint("ann");
    expect(await guard.check(token)).toMatchObject({ reason: "subject_unknown" });
    await scene.set({ justInTime: { enabled: true } });
    expect(await guard.check(token)).toMatchObject({ allow: true });
    await scene.set({ justInTime: { enabled: false } });
    expect(await guard.check(await scene.mint("bob"))).toMatchObject({ reason: "subject_unknown" });
    expect((await createdSettings(scene))["justInTime"]).toMatchObject({ enabled: false });
  });
});

describe("the provider speaks of a person who was made from a token", () => {
  test.each([
    ["externalId", (sub: string) => newUser(sub, { userName: `${sub}.lee@example.test` })],
    ["userName", (sub: string) => newUser("00u1", { userName: sub, externalId: "00u1" })],
    ["emails[primary]", (sub: string) => newUser("00u1", { emails: [{ value: sub, primary: true }] })],
    ["name.familyName", (sub: string) => newUser("00u1", { name: { familyName: sub } })],
  ])("and means the same user, by %s", async (attribute, created) => {
    const scene = await openProvisioning(house, { attribute });
    const guard = await openGuard(scene);
    const decision = await guard.check(await scene.mint("ann"));
    const [made] = await directoryOf(scene);
    expect(decision).toMatchObject({ allow: true, user: { id: made?.id } });

    const answer = await scene.tenant.scim("POST", "/Users", created("ann"));
    expect([answer.status, idOf(answer)]).toEqual([201, made?.id]);
    await untilQuiet(house, scene.tenant.id);
    expect(await directoryOf(scene)).toHaveLength(1);
    expect([...(await readUserStore(house, scene.tenant.id)).keys()]).toEqual([made?.id]);
    // Said once, it is the provider's: whoever says it again is told that there is such a user.
    expect((await scene.tenant.scim("POST", "/Users", created("ann"))).status).toBe(409);
    expect(await guard.check(await scene.mint("ann", { jti: "later" }))).toMatchObject({ user: { id: made?.id } });
  });

  test("inactive: they are refused from then on", async () => {
    const scene = await openProvisioning(house);
    const guard = await openGuard(scene);
    const token = await scene.mint("ann");
    expect(await guard.check(token)).toMatchObject({ allow: true });
    await scene.tenant.scim("POST", "/Users", newUser("ann", { active: false }));
    await until("the gateway refuses", async () => (await guard.check(token)).reason === "revoked");
  });

  test("by looking them up and changing them: they are the provider's too", async () => {
    const scene = await openProvisioning(house);
    await (await openGuard(scene)).check(await scene.mint("ann"));
    const found = await scene.tenant.scim("GET", `/Users?filter=${encodeURIComponent('externalId eq "ann"')}`);
    const [ann] = found.body["Resources"] as { id: string }[];
    const changed = await scene.tenant.scim(
      "PATCH",
      `/Users/${ann?.id ?? ""}`,
      patch({ op: "replace", path: "displayName", value: "Ann" }),
    );
    expect(changed.status).toBe(200);
    expect((await scene.tenant.scim("POST", "/Users", newUser("ann"))).status).toBe(409);
  });

  test("at the very moment: there is one user, whoever came first", async () => {
    const scene = await openProvisioning(house, { attribute: "emails[primary]" });
    const names = Array.from({ length: 12 }, (_, at) => `user-${at}`);
    await Promise.all(
      names.flatMap((sub) => [
        scene.mint(sub).then((token) => ask(scene, { sub, token })),
        scene.tenant.scim("POST", "/Users", newUser(sub, { emails: [{ value: sub, primary: true }] })),
      ]),
    );
    expect(await directoryOf(scene)).toHaveLength(names.length);
    await untilQuiet(house, scene.tenant.id);
    expect((await readUserStore(house, scene.tenant.id)).size).toBe(names.length);
  });
});

describe("claims", () => {
  test("that are missing are named, and nobody is made", async () => {
    const justInTime = {
      enabled: true,
      claims: { userName: "upn", "emails[primary]": "email" },
      required: ["emails[primary]"],
    };
    const scene = await openProvisioning(house, { settings: { justInTime } });
    const guard = await openGuard(scene);
    expect(await guard.check(await scene.mint("ann"))).toMatchObject({
      reason: "claims_missing",
      status: 401,
      claims: ["upn", "email"],
    });
    // A claim of another type, or empty, is as if it were not there.
    expect(await guard.check(await scene.mint("ann", { upn: ["ann"], email: "" }))).toMatchObject({
      claims: ["upn", "email"],
    });
    expect(await directoryOf(scene)).toEqual([]);
    expect(await guard.check(await scene.mint("ann", { upn: "ann", email: "ann@mail.test" }))).toMatchObject({
      allow: true,
    });
  });

  test("that cannot be a name make nobody", async () => {
    const scene = await openProvisioning(house);
    for (const name of ["a\u200bnn", " ann", "x".repeat(1_025), "a\0b"]) {
      const token = await scene.mint("ann", { preferred_username: name });
      expect(await ask(scene, { sub: "ann", token })).toEqual({
        status: "unknown",
        reason: "claim_invalid",
        claims: ["preferred_username"],
      });
    }
    expect(await directoryOf(scene)).toEqual([]);
  });

  test("that name somebody else adopt nobody", async () => {
    const scene = await openProvisioning(house);
    const bob = await scene.tenant.scim("POST", "/Users", newUser("bob"));
    const token = await scene.mint("ann", { preferred_username: "BOB@example.test" });
    expect(await ask(scene, { sub: "ann", token })).toEqual({
      status: "unknown",
      reason: "user_name_taken",
    });
    expect((await directoryOf(scene)).map(({ id }) => id)).toEqual([idOf(bob)]);
  });
});

async function createdSettings({ admin, tenant }: ProvisioningScene): Promise<Record<string, unknown>> {
  return (await admin("GET", `/tenants/${tenant.slug}/connections/idp`)).body;
}

describe("the admin's settings", () => {
  test("are shown, audited, and refused where they could make nobody", async () => {
    const scene = await openProvisioning(house, {
      settings: { justInTime: { enabled: true, match: { tid: "acme" } } },
    });
    const { tenant } = scene;
    expect((await createdSettings(scene))["justInTime"]).toMatchObject({
      enabled: true,
      required: ["userName"],
      match: { tid: "acme" },
    });
    const audited = await house.database.once<{ detail: { after: object } }>(
      tenant.id,
      sql`SELECT detail FROM audit WHERE action = 'connection.update' ORDER BY id`,
    );
    expect(audited.at(-1)?.detail.after).toMatchObject({ justInTime: { enabled: true } });

    const faults = [
      { subjectRule: "direct" },
      { subjectRule: "federated" },
      { justInTime: { claims: { displayName: "name" } } },
      { justInTime: { required: ["title"] } },
      { justInTime: { claims: { "no attribute!": "name" } } },
      { justInTime: { enabled: "yes" } },
    ];
    for (const fault of faults) expect([fault, (await scene.set(fault)).status]).toEqual([fault, 400]);
    expect((await createdSettings(scene))["subjectRule"]).toBe("attribute");
  });

  test("making somebody is audited, with the gateway that asked", async () => {
    const scene = await openProvisioning(house);
    await (await openGuard(scene)).check(await scene.mint("ann"));
    const [made] = await directoryOf(scene);
    const [audited] = await house.database.once(
      scene.tenant.id,
      sql`SELECT actor, target FROM audit WHERE action = 'user.provision'`,
    );
    expect(audited).toEqual({ actor: scene.tenant.feedToken.split("_")[2], target: made?.id });
  });
});

test("the page of reason codes lists every reason why a token makes nobody, as it is", async () => {
  const page = await readFile(new URL("../../docs/reason-codes.md", import.meta.url), "utf8");
  const rows = Object.entries(provisioningReasons).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  expect(page).toContain(`${rows.join("\n")}\n\n`);
});
