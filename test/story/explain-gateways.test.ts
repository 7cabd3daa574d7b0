import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beginFeed, houseFeedId, recordReceipts, sql } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { idOf, openProvisioning, type ProvisioningScene } from "../harness/provisioning-scene.ts";
import { newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const staleSec = 30;

type Step = {
  readonly step: string;
  readonly status: string;
  readonly code?: string;
  readonly evidence: string;
  readonly gateways?: readonly Record<string, unknown>[];
};
type Explanation = { readonly verdict: { readonly code: string }; readonly steps: readonly Step[] };

async function explain({ tenant }: ProvisioningScene, question: object, asOperator = false): Promise<Explanation> {
  const { token } = await house.credentials.issue({
    purpose: "admin",
    tenantId: asOperator ? undefined : tenant.id,
    label: "story",
  });
  const response = await fetch(`${house.url}/v1/explain`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ ...question, tenant: tenant.slug }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Explanation;
}

async function rollcall({ tenant }: ProvisioningScene, ...args: readonly string[]): Promise<string> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
  return new Promise((resolve) => {
    execFile(bin, ["--tenant", tenant.slug, ...args], { env }, (_error, stdout) => resolve(stdout));
  });
}

const stepOf = ({ steps }: Explanation, name: string): Step | undefined => steps.find(({ step }) => step === name);

describe("the step just_in_time", () => {
  test("says what a request with the token would come to, and makes nobody", async () => {
    const scene = await openProvisioning(house, {
      settings: { justInTime: { enabled: true, required: ["emails[primary]"] } },
    });
    await scene.tenant.scim("POST", "/Users", newUser("bob"));
    const of = async (claims: object) => explain(scene, { token: await scene.mint("ann", { ...claims }) });

    const lacking = await of({});
    expect(lacking.verdict.code).toBe("claims_missing");
    expect(stepOf(lacking, "just_in_time")?.evidence).toBe("missing claims: email");

    const email = "ann@mail.test";
    expect((await of({ email })).verdict.code).toBe("ok");
    const taken = await of({ email, preferred_username: "bob@example.test" });
    expect(taken.verdict.code).toBe("provisioning_failed");
    expect(stepOf(taken, "just_in_time")?.evidence).toMatch(/^user_name_taken: /);
    expect(stepOf(await of({ email, client_id: "ann" }), "just_in_time")?.evidence).toMatch(/^service_account: /);
    expect((await of({ email, aud: "other" })).verdict.code).toBe("audience_wrong");
    const forged = (await scene.mint("ann", { email })).replace(/.{10}$/, "AAAAAAAAAA");
    expect((await explain(scene, { token: forged })).verdict.code).toBe("signature_invalid");

    const alone = await explain(scene, { sub: "ann", iss: scene.issuer.origin });
    expect([alone.verdict.code, stepOf(alone, "just_in_time")?.status]).toEqual(["never_provisioned", "unknown"]);
    expect((await scene.tenant.scim("GET", "/Users")).body["totalResults"]).toBe(1);

    await scene.set({ justInTime: { enabled: false } });
    const off = await of({ email });
    expect([off.verdict.code, stepOf(off, "just_in_time")?.evidence]).toEqual([
      "never_provisioned",
      "off: no connection of the issuer makes users from tokens",
    ]);
  });

  test("says that a leaver is not brought back", async () => {
    const scene = await openProvisioning(house, {
      attribute: "userName",
      settings: { justInTime: { enabled: true, claims: { externalId: "oid" } } },
    });
    const ann = await scene.tenant.scim("POST", "/Users", newUser("00u1"));
    await scene.tenant.scim("DELETE", `/Users/${idOf(ann)}`);
    const answer = await explain(scene, { token: await scene.mint("ann.new", { oid: "00u1" }) });
    expect(answer.verdict.code).toBe("provisioning_failed");
    expect(stepOf(answer, "just_in_time")?.evidence).toMatch(/^idp_deleted: /);
  });
});

test("the step gateway tells who enforces a revocation and since when, and who does not, of both feeds", async () => {
  const scene = await openProvisioning(house);
  const { tenant, issuer } = scene;
  await beginFeed(house.database, houseFeedId);
  const path = `/tenants/${tenant.slug}/revocations`;
  await scene.admin("POST", path, { iss: issuer.origin, sub: "eve" });
  await untilQuiet(house, tenant.id);
  const says = (feedId: string, gateway: string, seq: number, asOf = new Date()) =>
    recordReceipts(
      house.database,
      feedId,
      [{ gateway, epoch: 1, seq, asOf, entries: 0, digest: Buffer.alloc(32) }],
      staleSec,
    );
  await says(tenant.id, "edge", 1);
  await says(tenant.id, "late", 0);
  await says(tenant.id, "old", 0, new Date(Date.now() - 60_000));
  await says(houseFeedId, "everywhere", 0);
  const question = { sub: "eve", iss: issuer.origin };
  const told = async () => stepOf(await explain(scene, question, true), "gateway");
  expect((await told())?.gateways).toEqual([
    expect.objectContaining({ name: "edge", follows: "tenant", standing: "live", enforces: true, behind: 0 }),
    expect.objectContaining({ name: "everywhere", follows: "all", enforces: false }),
    expect.objectContaining({ name: "late", enforces: false, behind: 1 }),
    expect.objectContaining({ name: "old", standing: "stale", enforces: false }),
  ]);
  // What the house calls its gateways is no tenant's business; that they are late is.
  const asTenant = stepOf(await explain(scene, question), "gateway");
  expect(JSON.stringify(asTenant)).not.toContain("everywhere");
  expect(asTenant?.evidence).toContain("enforced by 1 of 4 gateways");

  await says(tenant.id, "late", 1);
  await until("the feed of all tenants has it, and its gateway says so", async () => {
    const [head] = await house.database.once<{ seq: number }>(
      houseFeedId,
      sql`SELECT seq FROM feed_meta WHERE tenant_id = ${houseFeedId}`,
    );
    await says(houseFeedId, "everywhere", head?.seq ?? 0);
    const { items } = (await scene.admin("GET", path)).body as { items: { enforcedAt: string | null }[] };
    return items[0]?.enforcedAt !== null;
  });
  const after = await told();
  expect(after?.evidence).toMatch(/^entry 1 is enforced by 3 of 4 gateways since 20\d\d-/);
  expect(after?.evidence).toContain("not yet by old (stale");

  const shown = await rollcall(scene, "explain", "eve", "--iss", issuer.origin);
  expect(shown).toMatch(/^edge +this tenant +live +0 .* yes +20\d\d-/m);
  expect(shown).toMatch(/^a gateway of all tenants +all tenants/m);
  const json = await rollcall(scene, "--json", "explain", "eve", "--iss", issuer.origin);
  expect(stepOf(JSON.parse(json) as Explanation, "gateway")?.gateways).toHaveLength(4);
});
