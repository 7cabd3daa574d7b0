import { createHmac, createPublicKey, KeyObject, randomUUID, sign as signBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { activeOf, at, createReceiverScene, errorOf } from "../harness/receiver-scene.ts";
import { addReceiver, audience, caep, push, risc, secondsOf, setOf } from "../harness/security-events.ts";
import { openIssuer, type SigningIssuer, tokenOf } from "../harness/signing-issuer.ts";

const shift = { ms: 0 };
const now = (): number => Date.now() + shift.ms;
const house = await openHouse({ now });
const transmitter = await openIssuer();
const minute = 60_000;
const { scene, tell, said } = createReceiverScene(house, transmitter, now);

describe("what is not verified is not believed", () => {
  test("its issuer, its audience, its type and its time are those that were agreed", async () => {
    const { tenant, source, by } = await scene();
    const events = { [`${risc}account-disabled`]: {} };
    const future = secondsOf(new Date(Date.now() + 20 * minute));
    const errors = [
      await errorOf(await tell(source, by("ann"), events, { iss: "https://other.test" })),
      await errorOf(await tell(source, by("ann"), events, { aud: "https://other.test" })),
      await errorOf(await tell(source, by("ann"), events, { aud: `${audience}/` })),
      await errorOf(await tell(source, by("ann"), events, { aud: [] })),
      await errorOf(await tell(source, by("ann"), events, { iat: future })),
      await errorOf(await push(source, await setOf(transmitter, said(by("ann"), events), { typ: "JWT" }))),
      await errorOf(await push(source, await setOf(transmitter, said(by("ann"), events), { typ: "logout+jwt" }))),
      await errorOf(await push(source, "no token")),
      await errorOf(await push(source, "")),
    ];
    expect(errors.map(({ status, err }) => `${status} ${err}`)).toEqual([
      "400 invalid_issuer",
      ...Array(3).fill("400 invalid_audience"),
      ...Array(5).fill("400 invalid_request"),
    ]);
    expect(errors.every(({ description }) => typeof description === "string")).toBe(true);
    expect(await activeOf(tenant)).toBe(true);
    expect((await tell(source, by("ann"), events, { aud: ["https://other.test", audience] })).status).toBe(202);
  });

  test("no algorithm, a secret one made of the public key, another's key, another algorithm of the key's", async () => {
    const rsa = await openIssuer("RS256");
    const { tenant, source, by } = await scene({}, rsa);
    const claims = {
      iss: rsa.issuer,
      aud: audience,
      jti: randomUUID(),
      iat: at(0),
      sub_id: by("ann"),
      events: { [`${risc}account-disabled`]: {} },
    };
    const header = { typ: "secevent+jwt", kid: rsa.kid() };
    const [jwk] = rsa.published;
    const publicKey = createPublicKey({ key: jwk as Record<string, string>, format: "jwk" });
    const pem = publicKey.export({ type: "spki", format: "pem" }) as string;
    const foreign = await generateKeyPair("RS256", { extractable: true });
    const foreignJwk = await exportJWK(foreign.publicKey);
    const signForeign = (more: object): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ ...header, alg: "RS256", ...more }).sign(foreign.privateKey);
    const hmac = (secret: string) => (signed: string) => createHmac("sha256", secret).update(signed).digest();
    const tokens = [
      tokenOf({ ...header, alg: "none" }, claims, () => Buffer.alloc(0)),
      tokenOf({ ...header, alg: "nOnE" }, claims, () => Buffer.alloc(0)),
      tokenOf(header, claims, () => Buffer.alloc(256)),
      tokenOf({ ...header, alg: "HS256" }, claims, hmac(pem)),
      tokenOf({ ...header, alg: "HS256" }, claims, hmac(` ${pem}`)),
      tokenOf({ ...header, alg: "HS256" }, claims, hmac(pem.trim())),
      tokenOf({ ...header, alg: "HS256" }, claims, hmac(JSON.stringify(jwk))),
      await signForeign({}),
      await signForeign({ jwk: foreignJwk }),
      await signForeign({ jku: "https://evil.test/jwks", x5u: "https://evil.test/cert" }),
      await signForeign({ kid: "../../dev/null" }),
      await signForeign({ kid: undefined }),
      tokenOf(
        { ...header, alg: "RS256", crit: ["b64"], b64: false },
        claims,
        signRs256(KeyObject.from(foreign.privateKey as never)),
      ),
      tokenOf({ ...header, alg: "RS256" }, claims, () => Buffer.alloc(0)),
      tokenOf({ ...header, alg: "RS256" }, claims, () => Buffer.alloc(256)),
      tokenOf({ ...header, alg: "ES256" }, claims, () => Buffer.alloc(64)),
    ];
    for (const [place, token] of tokens.entries())
      expect((await push(source, token)).status, `${place}`).toBeGreaterThanOrEqual(400);
    expect(await activeOf(tenant)).toBe(true);
    const honest = await rsa.sign(claims);
    const [head = "", body = "", signature = ""] = honest.split(".");
    for (const bent of [
      ` ${honest}`,
      `${honest}\n`,
      `${head}.${body} .${signature}`,
      `${honest}=`,
      `${honest}.`,
      `${head}.${body}.`,
    ])
      expect((await push(source, bent)).status, bent.slice(-3)).toBe(400);
    expect(await activeOf(tenant)).toBe(true);
    expect((await push(source, honest)).status).toBe(202);
    expect(await activeOf(tenant)).toBe(false);
  });

  test("two keys of one id are no key, and neither is one for encryption or a private one", async () => {
    for (const spoil of [
      (own: SigningIssuer) => own.published.push({ ...own.published[0], x: own.published[0]?.x } as never),
      (own: SigningIssuer) => void (own.published[0] = { ...own.published[0], use: "enc" } as never),
      (own: SigningIssuer) => void (own.published[0] = { ...own.published[0], alg: "ES384" } as never),
    ]) {
      const own = await openIssuer();
      spoil(own);
      const { tenant, source, by } = await scene({}, own);
      const answer = await tell(source, by("ann"), { [`${risc}account-disabled`]: {} }, {}, own);
      expect([answer.status, (await errorOf(answer)).err]).toEqual([400, "invalid_key"]);
      expect(await activeOf(tenant)).toBe(true);
    }
  });

  test("another source's SET, and one for another tenant, are nobody's here", async () => {
    const { tenant, source, by } = await scene();
    const other = await openIssuer();
    const answer = await tell(source, by("ann"), { [`${risc}account-disabled`]: {} }, {}, other);
    expect((await errorOf(answer)).err).toBe("invalid_issuer");
    const forged = await setOf(other, {
      ...said(by("ann"), { [`${risc}account-disabled`]: {} }),
      iss: transmitter.issuer,
    });
    expect((await errorOf(await push(source, forged))).status).toBeGreaterThanOrEqual(400);
    expect(await activeOf(tenant)).toBe(true);
  });

  test("a bearer is checked where it is sent, and must be sent where that was agreed", async () => {
    const { tenant, source, by } = await scene();
    const set = await setOf(transmitter, said(by("ann"), { [`${risc}account-disabled`]: {} }));
    expect((await errorOf(await push(source, set, { authorization: "Bearer wrong" }))).err).toBe(
      "authentication_failed",
    );
    expect(await activeOf(tenant)).toBe(true);
    expect((await push(source, set, { authorization: `Bearer ${source.secret}` })).status).toBe(202);
    const strict = await addReceiver(house, tenant, transmitter, { authorization: "required" });
    expect((await errorOf(await push(strict, set))).err).toBe("authentication_failed");
  });

  test("another content type, or a GET, is no SET", async () => {
    const { source, by } = await scene();
    const set = await setOf(transmitter, said(by("ann"), { [`${risc}account-disabled`]: {} }));
    expect((await push(source, set, { "content-type": "application/json" })).status).toBe(400);
    expect((await fetch(source.url)).status).toBe(400);
  });
});

describe("the issuer's keys", () => {
  test("are found from its configuration, or where an admin says, and asked for once", async () => {
    const own = await openIssuer("EdDSA", "/tenants/acme");
    const { tenant, source, by } = await scene({}, own);
    const direct = await addReceiver(house, tenant, own, { jwksUri: own.jwksUri });
    for (let time = 0; time < 3; time += 1)
      expect((await tell(source, by("ann"), { [`${caep}session-revoked`]: {} }, {}, own)).status).toBe(202);
    expect(own.asked()).toBe(1);
    expect((await tell(direct, by("ann"), { [`${caep}session-revoked`]: {} }, {}, own)).status).toBe(202);
  });

  test("that are not there yet have a SET sent again, and a rotated one is learnt of, at most once in half a minute", async () => {
    const own = await openIssuer("PS256");
    const { tenant, source, by } = await scene({}, own);
    const revoke = (): Promise<Response> => tell(source, by("ann"), { [`${caep}session-revoked`]: {} }, {}, own);
    own.down = true;
    expect((await revoke()).status).toBe(503);
    own.down = false;
    expect((await revoke()).status).toBe(503);
    shift.ms += minute;
    expect((await revoke()).status).toBe(202);
    await own.rotate();
    expect((await revoke()).status).toBe(503);
    shift.ms += minute;
    expect((await revoke()).status).toBe(202);
    expect(own.asked()).toBe(2);
    const unknown = await setOf(own, said(by("ann"), { [`${risc}account-disabled`]: {} }), { kid: "nobody's" });
    for (let time = 0; time < 5; time += 1) expect((await push(source, unknown)).status).toBe(503);
    expect(own.asked()).toBe(2);
    shift.ms += minute;
    expect((await errorOf(await push(source, unknown))).err).toBe("invalid_key");
    expect(await activeOf(tenant)).toBe(true);
  });

  test("serve through an outage for a day, and no longer", async () => {
    const own = await openIssuer();
    const { source, by } = await scene({}, own);
    const revoke = (): Promise<Response> => tell(source, by("ann"), { [`${caep}session-revoked`]: {} }, {}, own);
    expect((await revoke()).status).toBe(202);
    own.down = true;
    shift.ms += 23 * 60 * minute;
    expect((await revoke()).status).toBe(202);
    shift.ms += 2 * 60 * minute;
    expect((await revoke()).status).toBe(503);
    own.down = false;
    shift.ms += minute;
    expect((await revoke()).status).toBe(202);
  });

  test("that were withdrawn verify nothing after five minutes", async () => {
    const own = await openIssuer();
    const { tenant, source, by } = await scene({}, own);
    const stolen = await setOf(own, { ...said(by("ann"), { [`${risc}account-disabled`]: {} }) });
    await tell(source, by("bob"), { [`${caep}session-revoked`]: {} }, {}, own);
    await own.rotate();
    shift.ms += 6 * minute;
    expect((await errorOf(await push(source, stolen))).err).toBe("invalid_key");
    expect(await activeOf(tenant)).toBe(true);
  });
});

function signRs256(key: Parameters<typeof signBytes>[2]) {
  return (signed: string): Buffer => signBytes("sha256", Buffer.from(signed), key);
}
