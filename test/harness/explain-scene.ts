import { randomUUID } from "node:crypto";
import type { ExplainCode } from "@rollcall/core/domain";
import { recordReceipts } from "@rollcall/core/store";
import { expect, onTestFinished } from "vitest";
import { createIssuer, type Issuer } from "../../apps/guard/src/testing/issuer.ts";
import { type Admin, adminOf } from "./admin.ts";
import type { House } from "./house.ts";
import { createTenant, newUser, type TestTenant } from "./tenant.ts";
import { untilQuiet } from "./user-store.ts";

export type ExplainStep = {
  readonly step: string;
  readonly status: "ok" | "problem" | "unknown";
  readonly code?: ExplainCode;
  readonly evidence: string;
  readonly fix?: string;
};
export type Explained = {
  readonly verdict: { readonly code: ExplainCode; readonly sentence: string; readonly fix: string };
  readonly steps: readonly ExplainStep[];
  readonly causes: readonly { readonly code: ExplainCode; readonly count?: number }[];
  readonly refusal?: Readonly<Record<string, unknown>>;
  readonly refusals?: Readonly<Record<string, unknown>>;
};

/** A tenant with an issuer of its own, and Ann, who is applied and may enter. */
export type ExplainScene = {
  readonly house: House;
  readonly tenant: TestTenant;
  readonly issuer: Issuer;
  readonly admin: Admin;
  readonly annId: string;
  readonly mint: (claims?: Record<string, unknown>) => Promise<string>;
  /** Changes the connection. */
  readonly set: (body: object) => Promise<void>;
  readonly ask: (
    question: object,
    asOperator?: boolean,
  ) => Promise<{ readonly status: number; readonly body: Explained }>;
  /** Reports one refusal as a gateway does, and answers the request's id. */
  readonly refuse: (reason: string, more?: Refused) => Promise<string>;
  /** What a gateway says of how far it is. */
  readonly receipt: (
    gateway: string,
    said: { readonly epoch?: number; readonly seq: number; readonly asOf?: Date },
  ) => Promise<void>;
};
export type Refused = {
  readonly at?: Date;
  readonly sub?: string;
  readonly hash?: string;
  readonly claims?: readonly string[];
  readonly gateway?: string;
};

export const annSub = "00u1ann";
export const nowSec = (): number => Math.floor(Date.now() / 1_000);

export async function openExplain(
  house: House,
  options: { readonly subjectAttribute?: string } = {},
): Promise<ExplainScene> {
  const issuer = await createIssuer({ sec: nowSec });
  onTestFinished(() => issuer.close());
  const tenant = await createTenant(house, { issuer: issuer.origin, ...options });
  const admin = await adminOf(house, tenant);
  const set = async (body: object): Promise<void> => {
    const answer = await admin("PATCH", `/tenants/${tenant.slug}/connections/idp`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  };
  await set({ audience: "api" });
  const ann = await tenant.scim("POST", "/Users", newUser(annSub, { userName: "ann@example.test" }));
  if (house.worker !== undefined) await untilQuiet(house, tenant.id);
  return {
    house,
    tenant,
    issuer,
    admin,
    annId: ann.body["id"] as string,
    mint: (claims = {}) => issuer.mint({ sub: annSub, ...claims }),
    set,
    ask: (question, asOperator = false) =>
      askExplain(house, asOperator ? undefined : tenant, { tenant: tenant.slug, ...question }),
    refuse: async (reason, { at = new Date(), gateway = "edge-1", ...more } = {}) => {
      const requestId = `req-${randomUUID()}`;
      const sec = at.getTime() / 1_000;
      const bearer = more.sub === undefined && more.hash === undefined ? {} : { iss: issuer.origin };
      const status = await sendReport(house, tenant, {
        gateway,
        id: randomUUID(),
        counts: [{ minute: Math.floor(sec / 60) * 60, reason, count: 1 }],
        refusals: [{ at: sec, reason, request: requestId, ...bearer, ...more }],
        dropped: 0,
      });
      expect(status).toBe(204);
      return requestId;
    },
    receipt: async (gateway, { epoch = 1, seq, asOf = new Date() }) => {
      const said = { gateway, epoch, seq, asOf, entries: 0, digest: Buffer.alloc(32) };
      expect(await recordReceipts(house.database, tenant.id, [said], 30)).toEqual([]);
    },
  };
}

/** What a row takes for granted. */
export function must(found: unknown, wanted: unknown): void {
  expect(found).toEqual(wanted);
}

async function sendReport(
  house: House,
  tenant: Pick<TestTenant, "slug" | "feedToken">,
  report: object,
): Promise<number> {
  const { status } = await fetch(`${house.url}/v1/feeds/${tenant.slug}/refusals`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.feedToken}`, "content-type": "application/json" },
    body: JSON.stringify(report),
  });
  return status;
}

/** As a tenant's admin, or without a tenant as an operator of the house. */
export async function askExplain(
  house: House,
  tenant: Pick<TestTenant, "id"> | undefined,
  question: object,
): Promise<{ readonly status: number; readonly body: Explained }> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant?.id, label: "story" });
  const answer = await fetch(`${house.url}/v1/explain`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(question),
  });
  return { status: answer.status, body: (await answer.json()) as Explained };
}
