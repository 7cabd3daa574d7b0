import { identityHeaders } from "@rollcall/authz";
import { expect, test } from "vitest";
import { createGatewayScene, forged, type GatewayScene, send } from "./gateway-scene.ts";
import { until } from "./until.ts";

export type GatewayUnderTest = {
  /** Starts the gateway in front of the scene's application, and returns where it answers. */
  readonly start: (scene: GatewayScene) => Promise<string>;
  readonly routeFrom: string;
  /** What a client gets where Rollcall cannot tell, and where authz cannot be reached. */
  readonly blindStatus: number;
  readonly downStatus: number;
  /** Whether the client gets the body of a refusal, too. */
  readonly passesBody: boolean;
  readonly isSkipped?: boolean;
};

const challenge = 'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"';
const refusal = '{"type":"about:blank","status":401,"code":"token_invalid"}';

/** What holds behind every gateway: each promise is tried at the one that is given. */
export function promisesOfGateway(gateway: GatewayUnderTest): void {
  promisesToApplications(gateway);
  promisesOfRefusal(gateway);
}

async function stageOf(gateway: GatewayUnderTest) {
  const scene = await createGatewayScene({ routeFrom: gateway.routeFrom });
  const origin = await gateway.start(scene);
  const ask = (path: string, headers: Parameters<typeof send>[2], more?: Parameters<typeof send>[3]) =>
    send(origin, path, headers, more);
  return { ...scene, ask };
}

function promisesToApplications(gateway: GatewayUnderTest): void {
  const { isSkipped = false } = gateway;
  const stage = () => stageOf(gateway);

  test.skipIf(isSkipped)("a valid token passes, and the application sees whom Rollcall names", async () => {
    const { ask, bearer, issuer, clock, asked } = await stage();
    const headers = { ...(await bearer()), "x-other": "kept" };
    const { status, seen } = await ask("/orders?id=7", headers, { method: "POST", body: "a=1" });
    expect(status).toBe(200);
    expect(seen).toMatchObject({ method: "POST", url: "/orders?id=7", body: "a=1" });
    expect(seen!.headers).toMatchObject({
      ...headers,
      "x-auth-subject": "ada",
      "x-auth-issuer": issuer.origin,
      "x-revocation-as-of": String(clock.sec()),
      "x-revocation-cursor": "7-0",
    });
    // The body is the application's alone.
    expect(asked.at(-1)?.headers["content-length"] ?? "0").toBe("0");
    expect(asked.at(-1)?.headers["transfer-encoding"]).toBeUndefined();
  });

  test.skipIf(isSkipped)(
    "what a client says under our names never arrives, not even where we say nothing",
    async () => {
      const { ask, bearer, issuer } = await stage();
      const { status, seen } = await ask("/orders", { ...forged, ...(await bearer()) });
      expect(status).toBe(200);
      // Tokens of this issuer name no tenant, and nobody was asked about the user.
      const said = Object.entries(seen!.headers).filter(([name, value]) => isOurs(name) && value !== "");
      expect(Object.fromEntries(said)).toEqual({
        "x-auth-subject": "ada",
        "x-auth-issuer": issuer.origin,
        "x-revocation-as-of": expect.any(String) as string,
        "x-revocation-cursor": "7-0",
      });
      expect(JSON.stringify(seen)).not.toContain("root");
    },
  );

  test.skipIf(isSkipped)("a header of ours that a client sends twice is gone twice", async () => {
    const { ask, bearer } = await stage();
    const twice = { "X-Auth-Tenant": ["t1", "t2"], "X-Auth-Subject": ["root", "admin"] };
    const { seen } = await ask("/orders", { ...twice, ...(await bearer()) });
    expect(valuesOf("x-auth-subject", seen!.rawHeaders)).toEqual(["ada"]);
    expect(valuesOf("x-auth-tenant", seen!.rawHeaders).join("")).toBe("");
  });

  test.skipIf(isSkipped)("a client cannot make the gateway drop our headers on the way (RFC 9110 §7.6.1)", async () => {
    const { ask, bearer, served } = await stage();
    const connection = ["keep-alive", `close, ${identityHeaders.join(", ")}`];
    const { status, seen } = await ask("/orders", { ...(await bearer()), connection });
    if (status === 200) expect(seen!.headers).toMatchObject({ "x-auth-subject": "ada", "x-revocation-cursor": "7-0" });
    else expect([status, served()]).toEqual([400, 0]);
  });
}

function promisesOfRefusal(gateway: GatewayUnderTest): void {
  const { isSkipped = false, passesBody } = gateway;
  const stage = () => stageOf(gateway);

  test.skipIf(isSkipped)(
    "a leaver's token is refused as soon as the feed says so, and the client is told why it may ask anew",
    async () => {
      const { ask, bearer, feed, issuer, served } = await stage();
      const headers = await bearer();
      expect((await ask("/orders", headers)).status).toBe(200);
      feed.publish({ iss: issuer.origin, sub: "ada" });
      await until("the token is refused", async () => (await ask("/orders", headers)).status === 401);
      const before = served();
      const { headers: answered, body } = await ask("/orders", headers);
      expect(answered["www-authenticate"]).toBe(challenge);
      if (passesBody) expect(body).toBe(refusal);
      expect(served()).toBe(before);
    },
  );

  test.skipIf(isSkipped)("without a token nobody passes, by any method and on any path", async () => {
    const { ask, served } = await stage();
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) {
      for (const path of ["/", "/orders", "/authz", "/authz/nginx", "/livez", "/_authz"]) {
        const { status, headers } = await ask(path, forged, { method });
        expect([method, path, status >= 400, status < 500]).toEqual([method, path, true, true]);
        if (status === 401) expect(headers["www-authenticate"]).toBe('Bearer realm="api"');
        for (const name of identityHeaders) expect(headers[name]).toBeUndefined();
      }
    }
    expect(served()).toBe(0);
  });

  test.skipIf(isSkipped)("of two tokens neither passes", async () => {
    const { ask, bearer, served } = await stage();
    const [first, second] = [await bearer(), await bearer({ sub: "eve" })];
    const { status } = await ask("/orders", { Authorization: [first.authorization, second.authorization] });
    // nginx, and what is built on it, refuses two by itself, with 400.
    expect([400, 401]).toContain(status);
    expect(served()).toBe(0);
  });

  test.skipIf(isSkipped)("a gateway that is blind refuses, except on routes whose owner chose otherwise", async () => {
    const { ask, bearer, goBlind, served } = await stage();
    const headers = await bearer();
    goBlind();
    expect((await ask("/orders", headers)).status).toBe(gateway.blindStatus);
    const lies = {
      "x-forwarded-uri": "/menu",
      "x-original-uri": "/menu",
      "x-envoy-original-path": "/menu",
      route: "/menu",
    };
    expect((await ask("/orders", { ...headers, ...lies })).status).toBe(gateway.blindStatus);
    expect(served()).toBe(0);
    expect((await ask("/menu?day=1", headers)).status).toBe(200);
  });

  test.skipIf(isSkipped)("nobody passes while authz is down", async () => {
    const { ask, bearer, stopAuthz, served } = await stage();
    const headers = await bearer();
    await stopAuthz();
    expect((await ask("/orders", headers)).status).toBe(gateway.downStatus);
    expect(served()).toBe(0);
  });
}

/** Whether an application could take it for one of ours. */
function isOurs(name: string): boolean {
  return (identityHeaders as readonly string[]).includes(name.toLowerCase().replaceAll(/[_.]/g, "-"));
}

function valuesOf(name: string, rawHeaders: readonly string[]): readonly string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name);
}
