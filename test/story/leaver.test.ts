import { describe, expect, inject, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const backends = ["postgres", "redis"] as const;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "with the queue on %s",
  async (queue) => {
    const house = await openHouse({ queue });

    test("a leaver is in the feed, with the token's own issuer and subject", async () => {
      const tenant = await createTenant(house);
      const created = await tenant.scim("POST", "/Users", newUser("00u1"));
      expect(created.status).toBe(201);
      const gone = await tenant.scim("PATCH", `/Users/${created.body["id"] as string}`, {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        Operations: [{ op: "replace", value: { active: false } }],
      });
      expect(gone.status).toBe(200);

      const page = await until("the denial is in the feed", async () => {
        const response = await fetch(`${house.url}/v1/feeds/${tenant.slug}/changes?since=1-0&wait=5`, {
          headers: { authorization: `Bearer ${tenant.feedToken}` },
        });
        return (
          response.status === 200 &&
          ((await response.json()) as { iss: string[]; ops: { op: string; s: string; i: number; r: string }[] })
        );
      });
      expect(page.ops).toHaveLength(1);
      expect(page.ops[0]).toMatchObject({ op: "deny", s: "00u1", r: "idp_inactive" });
      expect(page.iss[page.ops[0]?.i ?? -1]).toBe(tenant.issuer);
    });
  },
);
