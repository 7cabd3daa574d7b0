import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { ask, idOf, openGuard, openProvisioning } from "../harness/provisioning-scene.ts";
import { deactivate, newUser } from "../harness/tenant.ts";

const house = await openHouse();
/** Accepts and applies nothing: what is answered here comes from the directory. */
const idle = await openHouse({ without: ["worker"] });

describe("an answer about a joiner", () => {
  test("is never one of before: refused just now, provisioned, admitted", async () => {
    const scene = await openProvisioning(idle, { settings: { justInTime: { enabled: false } } });
    const guard = await openGuard(scene);
    for (let at = 0; at < 20; at += 1) {
      const sub = `joiner-${at}`;
      const token = await scene.mint(sub);
      // Without a deadline Rollcall looks once and answers; with one it looks until then.
      const first = await ask(scene, { sub });
      expect(first).toEqual({ status: "unknown", reason: "never_provisioned" });
      if (at % 5 === 0) expect(await guard.check(token)).toMatchObject({ reason: "subject_unknown" });
      expect((await scene.tenant.scim("POST", "/Users", newUser(sub))).status).toBe(201);
      expect(await guard.check(token)).toMatchObject({ allow: true });
    }
  });

  test("waits for a create that is on its way, and no longer than it may", async () => {
    const scene = await openProvisioning(house, { settings: { justInTime: { enabled: false } } });
    const question = { sub: "ann", deadline_ms: 60_000 };
    const answer = ask(scene, question);
    const created = await scene.tenant.scim("POST", "/Users", newUser("ann"));
    expect(await answer).toMatchObject({ status: "active", userId: idOf(created) });
    // A minute is asked for, and the server has a limit of its own: the story ends long before.
    expect(await ask(scene, { ...question, sub: "bob" })).toEqual({
      status: "unknown",
      reason: "never_provisioned",
    });
  });

  test("is a leaver's at once, whatever deadline there is", async () => {
    const scene = await openProvisioning(house);
    const ann = await scene.tenant.scim("POST", "/Users", newUser("ann"));
    await scene.tenant.scim("PATCH", `/Users/${idOf(ann)}`, deactivate);
    const token = await scene.mint("ann");
    const question = { sub: "ann", deadline_ms: 60_000, token };
    expect(await ask(scene, question)).toEqual({ status: "denied", reason: "idp_inactive" });
  });
});
