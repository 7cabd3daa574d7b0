import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import type { JWK } from "jose";
import { describe, expect, test } from "vitest";
import { GuardConfigError } from "./options.ts";
import {
  algorithms,
  audience,
  createMint,
  encoded,
  issuer,
  judged,
  type Mint,
  nowSec,
  verifierOf,
} from "./testing/token-mint.ts";
import { createScene } from "./testing/scene.ts";
import { importKey } from "./verify-key.ts";

const es256 = createMint("ES256");
const rs256 = createMint("RS256");
const verifier = verifierOf({ keys: [es256.jwk, rs256.jwk] });
const judge = (token: string): string => judged(verifier, token);

describe("3.1 perform algorithm verification", () => {
  test("a token that says it needs no signature is refused, however it spells that", () => {
    for (const alg of ["none", "None", "NONE", "nOnE", ""]) {
      const input = `${encoded({ ...es256.header, alg })}.${encoded(es256.claims)}`;
      expect(judge(`${input}.`)).toBe("algorithm_not_allowed");
      expect(judge(`${input}.${es256.token().split(".")[2]}`)).toBe("algorithm_not_allowed");
    }
  });

  test("an issuer's public key is never the secret of an HMAC, in whichever form", () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const jwk: JWK = { ...publicKey.export({ format: "jwk" }), kid: "key" };
    const forms = [
      publicKey.export({ format: "pem", type: "spki" }),
      publicKey.export({ format: "pem", type: "pkcs1" }),
      publicKey.export({ format: "der", type: "spki" }),
      Buffer.from(jwk.n ?? "", "base64url"),
      JSON.stringify(jwk),
    ];
    for (const secret of forms) {
      const input = `${encoded({ alg: "HS256", kid: "key", typ: "JWT" })}.${encoded(es256.claims)}`;
      const token = `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
      expect(judged(verifierOf({ keys: [jwk] }), token)).toBe("algorithm_not_allowed");
    }
  });

  test("a shared-secret key in the key set serves nothing, and no list can allow its algorithm", () => {
    const oct: JWK = { kty: "oct", k: encoded("a secret of thirty-two bytes ...."), kid: "key" };
    for (const alg of ["HS256", ...algorithms]) expect(importKey(oct, alg)).toBeUndefined();
    expect(() => verifierOf({ keys: [oct] }, { algorithms: ["HS256"] })).toThrow(GuardConfigError);
  });

  test("a key is used with the algorithm it is published for, and no other of its kind", () => {
    const forRs256 = importKey({ ...rs256.jwk, alg: "RS256" }, "PS256");
    expect(forRs256).toBeUndefined();
    const pss = createMint("PS256");
    const relabelled = verifierOf({ keys: [{ ...pss.jwk, alg: "RS256" }] });
    expect(judged(relabelled, pss.token())).toBe("key_unknown");
  });
});

describe("3.2 use appropriate algorithms", () => {
  test("an algorithm that the issuer is not configured for is refused, though its key is published", () => {
    const narrow = verifierOf({ keys: [es256.jwk, rs256.jwk] }, { algorithms: ["ES256"] });
    expect(judged(narrow, es256.token())).toBe("ok");
    expect(judged(narrow, rs256.token())).toBe("algorithm_not_allowed");
  });

  test("algorithms that encrypt, or sign with a shared secret, or with SHA-1, cannot be configured", () => {
    for (const alg of ["none", "HS256", "HS512", "RSA1_5", "RSA-OAEP", "dir", "A128KW", "RS1", "ES256K", "rs256", ""])
      expect(() => verifierOf({ keys: [es256.jwk] }, { algorithms: [alg] })).toThrow(GuardConfigError);
  });
});

describe("3.3 validate all cryptographic operations", () => {
  test("a token within a token is not believed, though the outer one is signed", () => {
    const nested = es256.token({ ...es256.header, cty: "JWT" }, es256.token());
    expect(judge(nested)).toBe("token_malformed");
  });

  test("an encrypted token is refused, as are detached and unencoded payloads", () => {
    const [header, claims, signature] = es256.token().split(".");
    expect(judge(`${header}.${claims}.${claims}.${claims}.${signature}`)).toBe("token_malformed");
    expect(judge(`${header}..${signature}`)).toBe("token_malformed");
    const unencoded = `${encoded({ ...es256.header, b64: false, crit: ["b64"] })}.${JSON.stringify(es256.claims)}`;
    expect(judge(`${unencoded}.${es256.signatureOf(unencoded).toString("base64url")}`)).toBe("token_malformed");
  });

  test("a signature of every algorithm is checked, over header and claims alike", () => {
    for (const alg of algorithms) {
      const mint = createMint(alg);
      const [header, claims, signature] = mint.token().split(".");
      const own = verifierOf({ keys: [mint.jwk] });
      expect(judged(own, mint.token())).toBe("ok");
      const admin = encoded({ ...mint.claims, sub: "root" });
      expect(judged(own, `${header}.${admin}.${signature}`)).toBe("signature_invalid");
      expect(judged(own, `${encoded({ ...mint.header, typ: "JWT" })}.${claims}.${signature}`)).toBe(
        "signature_invalid",
      );
    }
  });
});

describe("3.4 validate cryptographic inputs", () => {
  test("a point that is not on its curve is no key, nor is one of another curve", () => {
    const { y: _, ...half } = es256.jwk;
    expect(importKey({ ...half, y: encoded(Buffer.alloc(32, 7)) }, "ES256")).toBeUndefined();
    expect(importKey(half, "ES256")).toBeUndefined();
    expect(importKey({ ...createMint("ES384").jwk, alg: "ES256" }, "ES256")).toBeUndefined();
    expect(importKey({ ...es256.jwk, crv: "P-384", alg: "ES384" }, "ES384")).toBeUndefined();
  });

  test("a point of small order, under which anybody can sign, is no key", () => {
    const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
    const minusOne = Buffer.concat([Buffer.of(0xec), Buffer.alloc(30, 0xff), Buffer.of(0x7f)]);
    for (const point of [Buffer.alloc(32), identity, minusOne]) {
      for (const sign of [0, 0x80]) {
        const x = Buffer.from(point);
        x[31] = (x[31] as number) | sign;
        expect(importKey({ kty: "OKP", crv: "Ed25519", x: encoded(x) }, "EdDSA")).toBeUndefined();
      }
    }
  });

  test("numbers no signature has are refused, not computed with", () => {
    const [header, claims] = es256.token().split(".");
    for (const bytes of [
      Buffer.alloc(64),
      Buffer.alloc(64, 0xff),
      Buffer.concat([Buffer.alloc(32), Buffer.alloc(32, 1)]),
    ])
      expect(judge(`${header}.${claims}.${encoded(bytes)}`)).toBe("signature_invalid");
  });
});

describe("3.5 ensure cryptographic keys have sufficient entropy", () => {
  test.each([1_024, 2_040])("an RSA key of %i bits verifies nothing", (modulusLength) => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength });
    const jwk: JWK = { ...publicKey.export({ format: "jwk" }), kid: "key-RS256", alg: "RS256" };
    const input = `${encoded(rs256.header)}.${encoded(rs256.claims)}`;
    const token = `${input}.${encoded(sign("sha256", Buffer.from(input), privateKey))}`;
    expect(judged(verifierOf({ keys: [jwk] }), token)).toBe("key_unknown");
  });

  test("an RSA key with an exponent that hides nothing verifies nothing", () => {
    for (const e of ["AQ", "AA", "Ag", "AQAA"]) expect(importKey({ ...rs256.jwk, e }, "RS256")).toBeUndefined();
  });

  test("an RSA key so large that checking it would keep a gateway busy is not used", () => {
    const n = Buffer.alloc(16_384 / 8, 0xff).toString("base64url");
    expect(importKey({ ...rs256.jwk, n }, "RS256")).toBeUndefined();
  });

  test("a private key that an issuer publishes is nobody's key any more", () => {
    const jwk = es256.privateKey.export({ format: "jwk" }) as JWK;
    expect(importKey(jwk, "ES256")).toBeUndefined();
  });
});

describe("3.6 avoid compression of encryption inputs", () => {
  test("nothing is decompressed", () => {
    const small = deflateRawSync(Buffer.alloc(10_000_000, "a"));
    expect(judge(es256.token({ ...es256.header, zip: "DEF" }, small))).toBe("token_malformed");
    expect(judge(es256.token({ ...es256.header, zip: "DEF" }))).toBe("ok");
  });
});

describe("3.7 use UTF-8", () => {
  test("claims in another encoding are refused, not mended", () => {
    const text = JSON.stringify(es256.claims);
    for (const bytes of [
      Buffer.from(text.replace("ada", "ad\xe9"), "latin1"),
      Buffer.from(text, "utf16le"),
      Buffer.from(`\ufeff${text}`),
      Buffer.from(text.replace("ada", "ad\xc0\x80"), "latin1"),
    ])
      expect(judge(es256.token(es256.header, bytes))).toBe("token_malformed");
  });

  test("a subject with half a character is refused: as UTF-8, two of them would be one", () => {
    const claims = JSON.stringify(es256.claims).replace('"ada"', '"ada\\ud800"');
    expect(judge(es256.token(es256.header, claims))).toBe("subject_malformed");
  });

  test("a subject in any script is taken as it is", () => {
    for (const sub of ["łucja", "李", "😀", "\ufffd"])
      expect(judge(es256.token(es256.header, { ...es256.claims, sub }))).toBe("ok");
  });
});

describe("3.8 validate issuer and subject", () => {
  test("an issuer is compared byte by byte", () => {
    for (const iss of [
      `${issuer}/`,
      issuer.toUpperCase(),
      ` ${issuer}`,
      "",
      "https://idp.example.evil.example",
      [issuer],
      { iss: issuer },
    ])
      expect(judge(es256.token(es256.header, { ...es256.claims, iss }))).toBe("issuer_unknown");
  });

  test("one issuer's key does not sign for another", async () => {
    const [mine, other] = [await createScene(), await createScene()];
    const issuers = [mine, other].map(({ issuer: { origin, jwks } }) => ({
      issuer: origin,
      audience: "api",
      jwks: jwks(),
    }));
    const guard = await mine.guard({ issuers });
    const token = await other.issuer.mint({ iss: mine.issuer.origin });
    expect((await guard.check(token)).reason).toBe("signature_invalid");
  });

  test("a subject that is missing, empty, no text or too long is refused", () => {
    const at = (sub: unknown) => judge(es256.token(es256.header, { ...es256.claims, sub }));
    expect([undefined, null, ""].map(at)).toEqual(Array.from({ length: 3 }, () => "subject_missing"));
    expect([7, ["ada"], { sub: "ada" }, true, "a".repeat(256)].map(at)).toEqual(
      Array.from({ length: 5 }, () => "subject_malformed"),
    );
  });
});

describe("3.9 use and validate audience", () => {
  test("a token for somebody else, for nobody or for something that is no audience is refused", () => {
    for (const aud of [undefined, null, "", "apis", "API", [], ["other"], [["api"]], { api: true }, 7, "api api"])
      expect(judge(es256.token(es256.header, { ...es256.claims, aud }))).toBe("audience_wrong");
    expect(judge(es256.token(es256.header, { ...es256.claims, aud: ["other", audience] }))).toBe("ok");
  });
});

describe("3.10 do not trust received claims", () => {
  test("a key id is only compared, whatever it looks like", () => {
    for (const kid of [
      "../../../../dev/null",
      "key-ES256' OR '1'='1",
      "__proto__",
      "constructor",
      "KEY-ES256",
      "",
      7,
      null,
      ["key-ES256"],
      {},
    ])
      expect(judge(es256.token({ ...es256.header, kid }))).toBe("key_unknown");
  });

  test("a key or a place of keys that a token brings along decides nothing, and nothing is fetched", async () => {
    const { guard: create, issuer: idp } = await createScene();
    const guard = await create();
    const stranger = createMint("ES256", "key-1");
    const header = {
      alg: "ES256",
      typ: "JWT",
      kid: "key-1",
      jwk: stranger.jwk,
      jku: `${idp.origin}/stolen`,
      x5u: `${idp.origin}/stolen`,
      x5c: ["MIIB"],
    };
    const claims = { ...stranger.claims, iss: idp.origin };
    expect((await guard.check(stranger.token(header, claims))).reason).toBe("signature_invalid");
    expect(idp.answers.requests).toEqual([]);
  });

  test("a claim that every object has is none of the token's", () => {
    const odd = verifierOf({ keys: [es256.jwk] }, { subjectClaim: "constructor" });
    expect(judged(odd, es256.token())).toBe("subject_missing");
    const polluted = JSON.stringify(es256.claims).replace("{", '{"__proto__":{"sub":"root","aud":"api"},');
    expect(judge(es256.token(es256.header, polluted))).toBe("ok");
    expect(judge(es256.token(es256.header, '{"__proto__":{"iss":"https://idp.example"}}'))).toBe("issuer_unknown");
  });
});

describe("3.11 use explicit typing", () => {
  const types = (allowed: readonly (string | undefined)[], mint: Mint, typ: unknown) =>
    judged(verifierOf({ keys: [mint.jwk] }, { types: allowed }), mint.token({ ...mint.header, typ }));

  test("an issuer of RFC 9068 has access tokens of that type alone", () => {
    for (const typ of ["at+jwt", "AT+JWT", "application/at+jwt"]) expect(types(["at+jwt"], es256, typ)).toBe("ok");
    for (const typ of ["JWT", undefined, "", "application/application/at+jwt", "at+jwt ", 7, ["at+jwt"], null])
      expect(types(["at+jwt"], es256, typ)).toBe("type_not_allowed");
  });

  test("where nothing is configured, no other kind of token passes for an access token", () => {
    for (const typ of [
      "logout+jwt",
      "secevent+jwt",
      "dpop+jwt",
      "revocation-checkpoint+jwt",
      "id+jwt",
      "entity-statement+jwt",
    ])
      expect(judge(es256.token({ ...es256.header, typ }))).toBe("type_not_allowed");
  });
});

describe("3.12 use mutually exclusive validation rules for different kinds of JWTs", () => {
  test("an ID token is for its client, so it is no access token", () => {
    const claims = { ...es256.claims, aud: "client-7", nonce: "n", azp: "client-7" };
    expect(judge(es256.token({ ...es256.header, typ: "JWT" }, claims))).toBe("audience_wrong");
  });

  test("what the feed signs is no token, and a token is no checkpoint", async () => {
    const scene = await createScene();
    const { jwks, sign: signAsFeed } = scene.feed.signer;
    const options = { ...scene.options().issuers[0]!, jwks };
    const guard = await scene.guard({ issuers: [options] });
    const now = scene.clock.sec();
    const claims = { iss: scene.issuer.origin, aud: "api", sub: "ada", iat: now, exp: now + 30 };
    expect((await guard.check(await signAsFeed(claims))).reason).toBe("type_not_allowed");
    expect((await guard.check(await signAsFeed(claims, { typ: "JWT" }))).reason).toBe("ok");
    // And the reverse is "a checkpoint of another type is not followed", in feed.test.ts.
  });

  test("a token from the future is refused: it would outlive every revocation until then", () => {
    expect(judge(es256.token(es256.header, { ...es256.claims, iat: nowSec + 30 }))).toBe("ok");
    expect(judge(es256.token(es256.header, { ...es256.claims, iat: nowSec + 31 }))).toBe("token_not_yet_valid");
    expect(judge(es256.token(es256.header, { ...es256.claims, iat: "now" }))).toBe("token_malformed");
  });
});
