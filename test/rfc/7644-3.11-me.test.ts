import { describe, expect, test } from "vitest";
import { createCredentials } from "@rollcall/core/store";
import { houseSecret, openHouse } from "../harness/house.ts";
import { createPerson } from "../harness/person.ts";
import { createTenant, deactivate, newGroup, newUser, patch } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse();
const base = "https://rollcall.test/scim/v2";
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const set = (path: string, value: unknown) => patch({ op: "replace", path, value });

describe("§3.11: /Me stands for the user of the token", () => {
  test("read, with attributes of choice, a tag that is honoured, and the permanent location", async () => {
    const { id, tenant, me } = await createPerson(house);
    await tenant.scim("POST", "/Groups", newGroup("Sales", [id]));
    const mine = await me("GET", "/Me");
    expect(mine.status).toBe(200);
    expect(mine.body).toEqual((await tenant.scim("GET", `/Users/${id}`)).body);
    expect(mine.headers.get("location")).toBe(`${base}/Users/${id}`);
    expect(mine.headers.get("content-location")).toBe(`${base}/Users/${id}`);
    expect((mine.body["meta"] as { location: string }).location).toBe(`${base}/Users/${id}`);
    expect((await me("GET", "/Me?attributes=displayName")).body).toEqual({
      schemas: mine.body["schemas"] && [(mine.body["schemas"] as string[])[0]],
      id,
      displayName: "Ann",
    });
    expect((await me("HEAD", "/Me")).headers.get("location")).toBe(`${base}/Users/${id}`);
    const unchanged = await me("GET", "/Me/", undefined, { "if-none-match": mine.headers.get("etag") ?? "" });
    expect([unchanged.status, unchanged.headers.get("location")]).toEqual([304, `${base}/Users/${id}`]);
  });

  test("changed by PATCH and by PUT, and heard of like any change", async () => {
    const { id, tenant, me } = await createPerson(house);
    const patched = await me("PATCH", "/Me", set("nickName", "Annie"));
    expect([patched.status, patched.body["nickName"], patched.headers.get("location")]).toEqual([
      200,
      "Annie",
      `${base}/Users/${id}`,
    ]);
    const put = await me("PUT", "/Me", { userName: "ann@example.test", displayName: "Ann B", locale: "de-DE" });
    expect(put.status).toBe(200);
    // What is theirs is replaced; of what is not theirs, what they do not speak of stays.
    expect((await tenant.scim("GET", `/Users/${id}`)).body).toMatchObject({
      displayName: "Ann B",
      locale: "de-DE",
      active: true,
      externalId: "ann",
      emails: [{ value: "ann@example.test", type: "work" }],
      roles: [{ value: "reader" }],
    });
    expect(put.body["nickName"]).toBeUndefined();
    const stale = await me("PATCH", "/Me", set("nickName", "A"), { "if-match": 'W/"1"' });
    expect([stale.status, stale.headers.get("location")]).toEqual([412, `${base}/Users/${id}`]);
  });

  test("deleted: the person leaves, and the token with them, for good", async () => {
    const { id, tenant, me, token, credentialId } = await createPerson(house);
    expect((await me("DELETE", "/Me")).status).toBe(204);
    expect((await tenant.scim("GET", `/Users/${id}`)).status).toBe(404);
    await until("the token is refused", async () => (await me("GET", "/Me")).status === 401);
    const again = await tenant.scim("POST", "/Users", newUser("ann"));
    expect(again.body["id"]).toBe(id);
    // Asked of somebody who remembers nothing of what was before.
    const fresh = createCredentials(house.database, houseSecret, Date.now);
    expect(await fresh.authenticate(token, "scim")).toBeUndefined();
    const [row] = await house.database.housePrisma.credential.findMany({ where: { id: credentialId } });
    expect(row?.revokedAt).toBeInstanceOf(Date);
  });

  test("for a token without a user /Me is not supported: 501, and 405 for what nobody may", async () => {
    const tenant = await createTenant(house);
    for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
      const answer = await tenant.scim(method, "/Me", method === "PUT" || method === "PATCH" ? {} : undefined);
      expect([method, answer.status]).toEqual([method, 501]);
      expect(answer.body).toMatchObject({
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: "501",
        detail: expect.stringContaining("no user"),
      });
    }
    const created = await tenant.scim("POST", "/Me", newUser("me"));
    expect([created.status, created.headers.get("allow")]).toEqual([405, expect.stringContaining("PATCH")]);
  });
});

describe("a person's token reaches nobody else", () => {
  test("by no route, whatever it names and however it is spelled", async () => {
    const { id, tenant, me } = await createPerson(house);
    const other = (await tenant.scim("POST", "/Users", newUser("bob"))).body["id"] as string;
    const group = (await tenant.scim("POST", "/Groups", newGroup("Sales"))).body["id"] as string;
    const asked: readonly [string, string, unknown?][] = [
      ["GET", "/Users"],
      ["GET", `/Users?filter=userName eq "bob@example.test"`],
      ["GET", `/Users/${other}`],
      ["GET", `/Users/${id}`],
      ["GET", `/%55sers/${other}`],
      ["HEAD", `/Users/${other}/`],
      ["PUT", `/Users/${other}`, newUser("bob")],
      ["PATCH", `/Users/${other}`, deactivate],
      ["PATCH", `/Users/${id}`, set("userName", "root")],
      ["DELETE", `/Users/${other}`],
      ["POST", "/Users", newUser("eve")],
      ["POST", "/Me", newUser("eve")],
      ["GET", "/Groups"],
      ["GET", `/Groups/${group}`],
      ["PATCH", `/Groups/${group}`, patch({ op: "add", path: "members", value: [{ value: id }] })],
      ["POST", "/Groups", newGroup("Admins", [id])],
      ["DELETE", `/Groups/${group}`],
      ["POST", "/.search", { filter: 'userName eq "bob@example.test"' }],
      ["POST", "/Users/.search", {}],
      ["POST", "/Groups/.search", {}],
      ["POST", "/Bulk", { Operations: [{ method: "PATCH", path: `/Users/${other}`, data: deactivate }] }],
      ["POST", "/Bulk/", { Operations: [{ method: "PATCH", path: "/Me", data: deactivate }] }],
      ["GET", `/Me/${other}`],
      ["GET", `/Me/../Users/${other}`],
      ["GET", "/Nothing"],
      ["GET", "/"],
      ["OPTIONS", "/Users"],
    ];
    for (const [method, path, body] of asked) {
      const answer = await me(method, path, body);
      expect([method, path, answer.status]).toEqual([method, path, 403]);
      expect(JSON.stringify(answer.body)).not.toContain("bob");
    }
    // The same connection has just carried a request that may pass, which opens nothing to the next.
    expect((await me("GET", "/Me")).status).toBe(200);
    expect((await me("GET", `/Users/${other}`)).status).toBe(403);
    expect((await tenant.scim("GET", `/Users/${other}`)).body).toMatchObject({
      active: true,
      userName: "bob@example.test",
    });
    expect((await tenant.scim("GET", "/Users?count=0")).body["totalResults"]).toBe(2);
  });

  test("not by another method said in a header, where its connection may say one", async () => {
    const tenant = await createTenant(house, { kind: "ping" });
    const { id, me } = await createPerson(house, { tenant });
    const other = (await tenant.scim("POST", "/Users", newUser("bob"))).body["id"] as string;
    for (const path of [`/Users/${other}`, `/Users/${id}`, "/Me"]) {
      const answer = await me("POST", path, {}, { "x-http-method-override": "DELETE" });
      expect([path, answer.status]).toEqual([path, 403]);
    }
    expect((await tenant.scim("GET", `/Users/${other}`)).status).toBe(200);
  });

  test("and may read what this server can do", async () => {
    const { me } = await createPerson(house);
    for (const path of [
      "/ServiceProviderConfig",
      "/Schemas",
      "/ResourceTypes",
      "/ResourceTypes/User",
      `/Schemas/${enterprise}`,
    ]) {
      expect([path, (await me("GET", path)).status]).toEqual([path, 200]);
    }
  });

  test("at no other door", async () => {
    const { tenant, token, me } = await createPerson(house);
    expect((await me("GET", "/Me")).status).toBe(200);
    for (const path of [`/v1/feeds/${tenant.slug}/changes?since=1-0`, `/v1/admin/tenants/${tenant.slug}`]) {
      const answer = await fetch(`${house.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });
});
