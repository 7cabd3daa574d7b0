import { describe, expect, test } from "vitest";
import type { GuardOptions } from "@rollcall/guard";
import { bearerOf as bearerOfExpress, protect as protectExpress } from "@rollcall/guard/express";
import { bearerOf as bearerOfFastify } from "@rollcall/guard/fastify";
import { bearerOf as bearerOfHono } from "@rollcall/guard/hono";
import { createScene } from "@rollcall/guard/testing";
import { type AdapterAnswer, type Application, applications } from "../harness/adapter-applications.ts";

async function running(application: Application, changes: Partial<GuardOptions> = {}) {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  const guard = await scene.guard(changes);
  await expect.poll(() => guard.status().feed?.seq).toBe(1);
  const bearer = async (claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await scene.issuer.mint(claims)}`,
  });
  return { ...scene, guard, ask: await application(guard), bearer };
}

describe.each(Object.entries(applications))("behind %s", (_, application) => {
  test("a request that passes reaches the application, which knows who it is from", async () => {
    const { ask, bearer } = await running(application);
    expect(await ask("/orders?x=1", await bearer())).toMatchObject({ status: 200, body: "ada" });
    const lower = (await bearer()).authorization.replace("Bearer", "bearer  ");
    expect(await ask("/orders", { authorization: lower })).toMatchObject({ status: 200 });
  });

  test("every refused token is refused alike, and none of them says why", async () => {
    const { ask, bearer } = await running(application);
    const good = (await bearer()).authorization;
    const answers = await Promise.all(
      [
        await bearer({ sub: "eve" }),
        await bearer({ exp: 1 }),
        await bearer({ iss: "https://stranger.example" }),
        await bearer({ aud: "other" }),
        { authorization: "Bearer nonsense" },
        { authorization: `${good} ` + "x" },
        { authorization: [good, good] },
      ].map((headers) => ask("/orders", headers)),
    );
    for (const answer of answers) expect(visible(answer)).toEqual(visible(answers[0] as AdapterAnswer));
    expect(visible(answers[0] as AdapterAnswer)).toEqual({
      status: 401,
      challenge: 'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"',
      type: "application/problem+json",
      cache: "no-store",
      retryAfter: undefined,
      length: "58",
      body: '{"type":"about:blank","status":401,"code":"token_invalid"}',
    });
  });

  test("whoever brings no token is not told that one is invalid", async () => {
    const { ask } = await running(application);
    for (const headers of [{}, { authorization: "Basic YTpi" }, { authorization: "Bearer" }, { authorization: "" }])
      expect(visible(await ask("/orders?access_token=x", headers as Record<string, string>))).toMatchObject({
        status: 401,
        challenge: 'Bearer realm="api"',
        body: '{"type":"about:blank","status":401,"code":"token_invalid"}',
      });
  });

  test("where the guard cannot tell, it is 503 with Retry-After, and the route may choose otherwise", async () => {
    const { ask, bearer, clock, feed } = await running(application, {
      stale: (route) => (route === "/menu" ? "allow" : "deny"),
    });
    feed.told.tamper = () => ({ status: 500 });
    clock.advanceSec(31);
    const headers = await bearer();
    expect(visible(await ask("/orders", headers))).toEqual({
      status: 503,
      challenge: undefined,
      type: "application/problem+json",
      cache: "no-store",
      retryAfter: "1",
      length: "62",
      body: '{"type":"about:blank","status":503,"code":"authz_unavailable"}',
    });
    expect(await ask("/menu?day=1", headers)).toMatchObject({ status: 200, body: "ada" });
  });
});

test("all four answer alike", async () => {
  const answers = await Promise.all(
    Object.values(applications).map(async (application) => {
      const { ask, bearer } = await running(application);
      return [visible(await ask("/", await bearer({ exp: 1 }))), visible(await ask("/"))];
    }),
  );
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test("a handler that was reached past the guard is told so, not that nobody called", async () => {
  expect(() => bearerOfExpress({})).toThrow("did not pass the guard");
  expect(() => bearerOfFastify({})).toThrow("did not pass the guard");
  expect(() => bearerOfHono({})).toThrow("did not pass the guard");
});

test("a realm that could break out of its header is refused where it is configured", async () => {
  const { guard: create } = await createScene();
  const guard = await create();
  for (const realm of ['a"b', "a\r\nb", "ä", "a\\b"]) expect(() => protectExpress(guard, { realm })).toThrow(TypeError);
});

function visible({ status, headers, body }: AdapterAnswer) {
  return {
    status,
    challenge: headers["www-authenticate"],
    type: headers["content-type"],
    cache: headers["cache-control"],
    retryAfter: headers["retry-after"],
    length: headers["content-length"] ?? String(Buffer.byteLength(body)),
    body,
  };
}
