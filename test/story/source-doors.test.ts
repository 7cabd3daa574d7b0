import { randomUUID } from "node:crypto";
import { request as ask } from "node:http";
import { describe, expect, test } from "vitest";
import { rotateSourceSecret, sealSecret, sourceSecretPurpose, sql } from "@rollcall/core/store";
import { readDelivery } from "../deliveries/read-delivery.ts";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { addVendor, deliver, isActive, post, provision, vendorNames, vendors } from "../harness/vendor-hooks.ts";

const house = await openHouse({ without: ["worker"] });
const bytesMax = 256 * 1_024;

describe.each(vendorNames)("%s", (name) => {
  const { leaver, subject, prove, unknown } = vendors[name];
  const scene = async (): Promise<{ readonly tenant: TestTenant; readonly source: HookSource }> => {
    const tenant = await createTenant(house);
    await provision(tenant, subject);
    return { tenant, source: await addVendor(house, tenant, name) };
  };

  test("shuts out whoever its recorded delivery says has left", async () => {
    const { tenant, source } = await scene();
    expect((await deliver(source, name, leaver)).status).toBeLessThan(300);
    expect(await isActive(tenant, subject)).toBe(false);
  });

  test("is not believed without proof, with another's, or with one for another body", async () => {
    const { tenant, source } = await scene();
    const body = readDelivery(leaver);
    const own = prove(source.secret, body);
    const forged = [
      {},
      Object.fromEntries(Object.keys(own).map((header) => [header, "undefined"])),
      prove("a guess", body),
      ...(Object.hasOwn(own, "authorization") ? [] : [prove(source.secret, `${body} `)]),
    ];
    for (const headers of forged) expect((await post(source, name, body, headers)).status).toBe(401);
    expect(await isActive(tenant, subject)).toBe(true);
  });

  test("is not believed at another source's address", async () => {
    const { source } = await scene();
    const other = await scene();
    const body = readDelivery(leaver);
    expect((await post({ ...other.source, secret: source.secret }, name, body)).status).toBe(401);
    expect(await isActive(other.tenant, subject)).toBe(true);
  });

  test("says nothing of what is wrong with what is not verified, not even that it is no JSON", async () => {
    const { source } = await scene();
    const answers = await Promise.all(["{", "[1]", readDelivery(leaver)].map((body) => post(source, name, body, {})));
    const told = await Promise.all(answers.map((answer) => answer.text()));
    expect(new Set(told)).toEqual(new Set([expect.stringContaining('"code":"unauthenticated"')]));
    expect(new Set(told).size).toBe(1);
  });

  test("counts once, word for word again", async () => {
    const { tenant, source } = await scene();
    const body = readDelivery(leaver);
    for (let time = 0; time < 3; time += 1) expect((await post(source, name, body)).status).toBeLessThan(300);
    const rows = await house.database.once<{ count: number }>(
      tenant.id,
      sql`SELECT count(*) AS count FROM lifecycle_event WHERE source = 'hook' AND kind = 'user.deactivated'`,
    );
    expect(rows).toEqual([{ count: 1 }]);
  });

  test("is believed with both secrets while one takes the other's place, and then with the new one alone", async () => {
    const { tenant, source } = await scene();
    const rotate = (secret: string, untilMs: number) =>
      rotateSourceSecret(
        house.database,
        tenant.id,
        source.id,
        {
          secret: sealSecret(house.credentials.keyFor(sourceSecretPurpose), source.id, secret),
          formerUntil: new Date(untilMs),
        },
        "test",
      );
    const sends = async (secret: string) => (await post({ ...source, secret }, name, unknown)).status;
    await rotate("second", Date.now() + 60_000);
    expect([await sends(source.secret), await sends("second")]).toEqual([200, 200]);
    await rotate("third", Date.now() - 1);
    expect([await sends(source.secret), await sends("second"), await sends("third")]).toEqual([401, 401, 200]);
  });

  test("is thanked for a type that nobody knows, and told that it came to nothing", async () => {
    const { source } = await scene();
    const answer = await post(source, name, unknown);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ leftOut: [{ code: "ignored" }] });
  });

  test("is told what to mend where nothing can be read", async () => {
    const { source } = await scene();
    for (const body of ["", "{", "7"]) {
      const answer = await post(source, name, body);
      expect([body, answer.status]).toEqual([body, 400]);
      expect(await answer.json()).toMatchObject({
        code: expect.stringMatching(/^(?:syntax|value)_invalid$/) as string,
      });
    }
  });

  test("may send 256 KiB and no more", async () => {
    const { tenant, source } = await scene();
    const body = readDelivery(leaver);
    expect((await post(source, name, body.padEnd(bytesMax + 1))).status).toBe(413);
    expect(await isActive(tenant, subject)).toBe(true);
    expect((await post(source, name, body.padEnd(bytesMax))).status).toBeLessThan(300);
    expect(await isActive(tenant, subject)).toBe(false);
  });

  test("is read by its bytes, whatever it calls them, unless they are packed", async () => {
    const { tenant, source } = await scene();
    const body = readDelivery(leaver);
    const headers = prove(source.secret, body);
    const packed = await post(source, name, body, { ...headers, "content-encoding": "gzip" });
    expect([packed.status, await isActive(tenant, subject)]).toEqual([415, true]);
    expect((await post(source, name, body, { ...headers, "content-type": "text/plain; odd" })).status).toBeLessThan(
      300,
    );
    expect(await isActive(tenant, subject)).toBe(false);
  });

  test("is heard by POST alone", async () => {
    const { tenant, source } = await scene();
    const body = readDelivery(leaver);
    const headers = prove(source.secret, body);
    const statuses = await Promise.all(
      ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "GET"].map((method) => sent(source.url, method, headers, body)),
    );
    expect(statuses.slice(0, 5)).toEqual([404, 404, 404, 404, 404]);
    expect(statuses[5]).toBeGreaterThanOrEqual(400);
    expect(await isActive(tenant, subject)).toBe(true);
  });

  test("is told to come again while it is paused, and of nothing else than before at an address of nobody's", async () => {
    const { tenant, source } = await scene();
    await house.database.once(tenant.id, sql`UPDATE event_source SET status = 'paused' WHERE id = ${source.id}`);
    expect((await deliver(source, name, leaver)).status).toBe(503);
    expect(await isActive(tenant, subject)).toBe(true);
    expect((await deliver({ ...source, url: `${house.url}/hooks/${randomUUID()}` }, name, leaver)).status).toBe(404);
  });
});

test("a signature of WorkOS' that is older than three minutes is a replay", async () => {
  const tenant = await createTenant(house);
  await provision(tenant, "ann");
  const source = await addVendor(house, tenant, "workos");
  const body = readDelivery(vendors.workos.leaver);
  for (const seconds of [185, -185]) {
    const headers = vendors.workos.prove(source.secret, body, Date.now() - seconds * 1_000);
    expect((await post(source, "workos", body, headers)).status).toBe(401);
  }
  expect(await isActive(tenant, "ann")).toBe(true);
});

/** With a body, which fetch gives to no GET. */
function sent(url: string, method: string, headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((answer, fail) => {
    const length = { "content-length": String(Buffer.byteLength(body)), "content-type": "application/json" };
    // A connection of its own: whoever answers without reading the body leaves it to the next request.
    const sending = ask(url, { method, agent: false, headers: { ...headers, ...length } }, (response) => {
      response.resume().once("end", () => answer(response.statusCode ?? 0));
    });
    sending.once("error", fail);
    sending.end(body);
  });
}
