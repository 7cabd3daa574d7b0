import { describe, expect, test } from "vitest";
import { readApiDescription, routeName } from "../harness/api-description.ts";
import { openHouse } from "../harness/house.ts";
import { faultsIn } from "../harness/json-schema.ts";
import { createTiedTwin } from "../harness/tied-twin.ts";
import { matrix } from "./isolation-matrix.ts";

const house = await openHouse({ readBacks: {} });
const twin = await createTiedTwin(house);
const { document, routes } = await readApiDescription(house);
const operator = await house.credentials.issue({ purpose: "admin", tenantId: undefined, label: "story" });

describe("the description of the API", () => {
  test("has every route that the console has, and none besides", () => {
    const described = routes.map(routeName).toSorted();
    const served = house.routes
      .filter((route) => !route.startsWith("HEAD ") && / \/v1\/(?:admin|explain)/.test(route))
      .map((route) => route.replace(/\/$/, ""));
    expect(described).toEqual([...new Set(served)].toSorted());
  });

  test("is OpenAPI 3.1: each operation has a name of its own, its path's parameters and an answer", () => {
    expect(document["openapi"]).toMatch(/^3\.1\.\d$/);
    expect(Object.keys(document).toSorted()).toEqual(
      ["components", "info", "jsonSchemaDialect", "openapi", "paths", "security", "tags"].toSorted(),
    );
    const names = routes.map(({ operation }) => operation.operationId);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    for (const { path, method, operation } of routes) {
      const inPath = operation.parameters?.filter((parameter) => parameter.in === "path") ?? [];
      expect(
        inPath.map(({ name }) => `{${name}}`),
        path,
      ).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      expect(operation.summary, path).toMatch(/^[A-Z].{8,}[^.]$/);
      expect(Object.keys(operation.responses).some((status) => Number(status) >= 200 && Number(status) < 400)).toBe(
        true,
      );
      expect(method === "GET" && operation.requestBody !== undefined, path).toBe(false);
    }
    expect(JSON.stringify(document).match(/"\$ref":"(?!#\/components\/responses\/Problem")[^"]*"/g)).toBeNull();
  });

  test("says what every route answers, but for those that answer nothing", () => {
    const silent = routes.filter(({ operation }) =>
      Object.entries(operation.responses).some(
        ([status, { content }]) => status.startsWith("2") && status !== "204" && content === undefined,
      ),
    );
    expect(silent.map(routeName)).toEqual([]);
  });
});

describe("what a route really answers is what is said of it:", () => {
  test.each(routes.map((route) => [routeName(route), route] as const))("%s", async (name, { method, operation }) => {
    const row = matrix[name];
    const ask = row?.own === undefined ? await houseAsk(name) : await row.own(twin);
    if (ask === undefined) return;
    const token = row?.own === undefined ? operator.token : twin.adminToken;
    const answer = await fetch(`${house.url}${ask.path}`, {
      method,
      headers: {
        ...(row !== undefined && row.token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(ask.body === undefined ? {} : { "content-type": "application/json" }),
        ...ask.headers,
      },
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
    });
    const text = await answer.text();
    const [status = ""] = Object.keys(operation.responses).filter((one) => one !== "default");
    // What was so already is answered with 200.
    expect([status, "200"], text).toContain(String(answer.status));
    const described = operation.responses[status]?.content?.["application/json"]?.schema;
    expect(text === "", name).toBe(described === undefined);
    if (described !== undefined) expect(faultsIn(described, JSON.parse(text) as unknown)).toEqual([]);
    const asked = operation.requestBody?.content["application/json"]?.schema;
    if (ask.body !== undefined && asked !== undefined) expect(faultsIn(asked, ask.body)).toEqual([]);
  });

  test("a refusal too", async () => {
    const { components } = document as {
      components: { responses: { Problem: { content: Record<string, { schema: Record<string, unknown> }> } } };
    };
    const schema = components.responses.Problem.content["application/problem+json"]?.schema ?? {};
    for (const [path, token] of [
      ["/v1/admin/me", "none"],
      ["/v1/admin/nowhere", operator.token],
      [`/v1/admin/tenants/${twin.slug}/users?limit=0&x=1`, operator.token],
    ] as const) {
      const answer = await fetch(`${house.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
      expect(answer.ok).toBe(false);
      expect(faultsIn(schema, await answer.json())).toEqual([]);
    }
  });
});

/** What an operator of the house asks of its own; undefined where a story of its own asks. */
async function houseAsk(
  name: string,
): Promise<{ path: string; body?: unknown; headers?: Record<string, string> } | undefined> {
  const asks: Readonly<Record<string, { path: string; body?: unknown } | undefined>> = {
    "POST /v1/admin/tenants": { path: "/v1/admin/tenants", body: { slug: `t-${crypto.randomUUID()}` } },
    "POST /v1/admin/tokens": { path: "/v1/admin/tokens", body: { purpose: "feed" } },
  };
  const [method, path = ""] = name.split(" ");
  return asks[name] ?? (method === "GET" && !path.includes(":") && !path.includes("/login/") ? { path } : undefined);
}
