import { constants, type KeyObject, sign } from "node:crypto";
import fc from "fast-check";
import { createLocalJWKSet, errors, jwtVerify } from "jose";
import { expect, test } from "vitest";
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

/** What the guard refuses and jose does not, each for a reason of its own. */
const stricter: ReadonlySet<string> = new Set([
  "token_malformed", // one spelling a token; no critical extensions; no claims that are no UTF-8 without a mark
  "type_not_allowed",
  "token_expired", // a token without exp
  "token_not_yet_valid", // an iat in the future
  "subject_missing",
  "subject_malformed",
]);

const mints = algorithms.map((alg) => createMint(alg));
const jwks = { keys: mints.map(({ jwk }) => jwk) };
const keySet = createLocalJWKSet(jwks);

async function joseAccepts(token: string): Promise<boolean> {
  try {
    const options = {
      algorithms: [...algorithms],
      issuer,
      audience,
      clockTolerance: 30,
      currentDate: new Date(nowSec * 1_000),
    };
    await jwtVerify(token, keySet, options);
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError) return false;
    throw error;
  }
}

/** How often both accepted, and how often only jose did: a run in which neither happened proves nothing. */
const tally = { both: 0, joseAlone: 0 };

async function expectAgreement(token: string): Promise<void> {
  const ours = judged(verifierOf(jwks), token);
  const theirs = await joseAccepts(token);
  if (theirs) tally[ours === "ok" ? "both" : "joseAlone"] += 1;
  if (ours === "ok") expect({ token, theirs }).toEqual({ token, theirs: true });
  else if (theirs) expect(stricter).toContain(ours);
}

const mint = fc.constantFrom(...mints);
const json = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    "",
    "ada",
    0,
    -1,
    1.5,
    1e300,
    nowSec,
    nowSec + 31,
    nowSec - 31,
    [],
    {},
    ["api"],
    [["api"]],
  ),
  fc.jsonValue({ maxDepth: 1 }),
);
const claimName = fc.constantFrom(
  "iss",
  "aud",
  "sub",
  "iat",
  "nbf",
  "exp",
  "jti",
  "sid",
  "crit",
  "__proto__",
  "constructor",
);
const headerName = fc.constantFrom(
  "alg",
  "kid",
  "typ",
  "crit",
  "b64",
  "zip",
  "jku",
  "jwk",
  "x5u",
  "cty",
  "enc",
  "__proto__",
);
const headerValue = fc.oneof(
  json,
  fc.constantFrom<unknown>(
    ...algorithms,
    "none",
    "HS256",
    "rs256",
    "RS256 ",
    ["b64"],
    ["exp"],
    "JWT",
    "jwt",
    "application/AT+JWT",
  ),
  mint.map(({ jwk }) => jwk.kid),
);

/** A token that its key signed, whatever it says. */
const signedOddly = fc
  .record({
    mint,
    header: fc.dictionary(headerName, headerValue, { maxKeys: 2 }),
    claims: fc.dictionary(claimName, json, { maxKeys: 3 }),
    leaveOut: fc.subarray(["kid", "typ", "exp", "sub", "iat", "aud", "jti"], { maxLength: 2 }),
  })
  .map(({ mint: by, header, claims, leaveOut }) => {
    const without = (part: object) =>
      Object.fromEntries(Object.entries(part).filter(([name]) => !leaveOut.includes(name)));
    return by.token(without({ ...by.header, ...header }), without({ ...by.claims, ...claims }));
  });

/** A token that was good, with its text changed behind its key's back. */
const changed = fc
  .record({
    mint,
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    change: fc.constantFrom("replace", "insert", "remove", "cut", "double", "segment", "pad"),
    letter: fc.constantFrom(..."AZaz09-_+/=. \n\t\0é€Ł".split(""), "😀"),
  })
  .map(({ mint: by, at, change, letter }) => {
    const token = by.token();
    const index = Math.floor(at * token.length);
    const [before, after] = [token.slice(0, index), token.slice(index)];
    switch (change) {
      case "replace":
        return before + letter + after.slice(1);
      case "insert":
        return before + letter + after;
      case "remove":
        return before + after.slice(1);
      case "cut":
        return before;
      case "double":
        return token + token;
      case "segment":
        return `${token}.${letter}`;
      default:
        return token
          .split(".")
          .map((part) => part + "=".repeat((4 - (part.length % 4)) % 4))
          .join(".");
    }
  });

/** Bytes that are signed and are not what an encoder of JSON would write. */
const odd = fc
  .record({
    mint,
    claims: fc.constantFrom<(claims: string) => Buffer | string>(
      (text) => `\u{feff}${text}`,
      (text) => ` ${text}\n`,
      (text) => text.replace('"sub"', '"sub":"eve","sub"'),
      (text) => text.replace('"sub"', '"\\u0073ub"'),
      (text) => text.replace('"ada"', '"ad\ud800a"'),
      (text) => text.replace('"ada"', '"\\ud800"'),
      (text) => text.replace('"ada"', '"\ufffd"'),
      (text) => Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"x":"\xff"}', "latin1")]),
      (text) => Buffer.from(text, "utf16le"),
      (text) => `[${text}]`,
      (text) => `${text}${text}`,
      (text) => text.slice(0, -1),
      () => "",
      () => "null",
      (text) => text.replace(`${nowSec + 300}`, "1e999"),
      (text) => text.replace(`${nowSec + 300}`, `${nowSec + 300}.5`),
      (text) => text.replace(`${nowSec - 10}`, "1e1000"),
    ),
    header: fc.constantFrom<(header: string) => Buffer | string>(
      (text) => text,
      (text) => ` ${text}`,
      (text) => text.replace('"alg"', '"alg":"none","alg"'),
      (text) => text.replace("{", '{"crit":[],'),
      (text) => text.replace("{", '{"crit":["b64"],"b64":true,'),
      (text) => text.replace("{", '{"crit":["b64"],"b64":false,'),
      (text) => text.replace("{", '{"b64":false,'),
      (text) => `[${text}]`,
    ),
  })
  .map(({ mint: by, claims, header }) =>
    by.token(header(JSON.stringify(by.header)), claims(JSON.stringify(by.claims))),
  );

test.each(algorithms)("a good token of %s is accepted by both", async (alg) => {
  const good = mints.find((one) => one.alg === alg) as Mint;
  expect([judged(verifierOf(jwks), good.token()), await joseAccepts(good.token())]).toEqual(["ok", true]);
});

test.each([
  ["signed with odd headers and claims", signedOddly, 8000],
  ["changed in its text", changed, 8000],
  ["signed over odd bytes", odd, 4000],
] as const)("of tokens %s, none is accepted that jose refuses", { timeout: 280_000 }, async (_, tokens, numRuns) => {
  await fc.assert(fc.asyncProperty(tokens, expectAgreement), { numRuns });
});

test("there were tokens that both accepted, and some that only jose did", () => {
  console.log(tally);
  expect(tally.both).toBeGreaterThan(50);
  expect(tally.joseAlone).toBeGreaterThan(50);
});

test.each(algorithms)("a signature of %s that is not the one its key made is refused by both", async (alg) => {
  const by = mints.find((one) => one.alg === alg) as Mint;
  const [header = "", claims = "", signature = ""] = by.token().split(".");
  const bytes = Buffer.from(signature, "base64url");
  const half = bytes.length / 2;
  const others = [
    Buffer.alloc(bytes.length),
    Buffer.alloc(bytes.length, 0xff),
    bytes.toReversed(),
    Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)]),
    Buffer.concat([bytes.subarray(0, half), Buffer.alloc(half)]),
    Buffer.concat([Buffer.alloc(half), bytes.subarray(half)]),
    createMint(alg).signatureOf(`${header}.${claims}`),
    ...mints.filter((other) => other.alg !== alg).map((other) => other.signatureOf(`${header}.${claims}`)),
  ];
  for (const other of others) {
    const token = `${header}.${claims}.${encoded(Buffer.from(other))}`;
    expect([judged(verifierOf(jwks), token), await joseAccepts(token)]).toEqual(["signature_invalid", false]);
  }
});

test("an Ed25519 signature whose second half is out of range is refused by both (RFC 8032 §5.1.7)", async () => {
  const by = mints.find(({ alg }) => alg === "EdDSA") as Mint;
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const [header = "", claims = "", signature = ""] = by.token().split(".");
  const bytes = Buffer.from(signature, "base64url");
  const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32).toReversed()).toString("hex")}`) + order;
  const second = Buffer.from(scalar.toString(16).padStart(64, "0"), "hex").toReversed();
  const token = `${header}.${claims}.${encoded(Buffer.concat([bytes.subarray(0, 32), second]))}`;
  expect([judged(verifierOf(jwks), token), await joseAccepts(token)]).toEqual(["signature_invalid", false]);
});

test("the other ECDSA signature that a signature implies changes nothing but the token's text", async () => {
  const by = mints.find(({ alg }) => alg === "ES256") as Mint;
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const [header = "", claims = "", signature = ""] = by.token().split(".");
  const bytes = Buffer.from(signature, "base64url");
  const other = order - BigInt(`0x${bytes.subarray(32).toString("hex")}`);
  const second = Buffer.from(other.toString(16).padStart(64, "0"), "hex");
  const token = `${header}.${claims}.${encoded(Buffer.concat([bytes.subarray(0, 32), second]))}`;
  // ECDSA allows it, so both must; a token is never told from another by its text.
  expect([judged(verifierOf(jwks), token), await joseAccepts(token)]).toEqual(["ok", true]);
});

test.each([
  ["DER in place of the two numbers", "ES256", (key: KeyObject) => key],
  ["a PKCS #1 signature in place of PSS", "PS256", (key: KeyObject) => key],
  [
    "PSS in place of a PKCS #1 signature",
    "RS256",
    (key: KeyObject) => ({ key, padding: constants.RSA_PKCS1_PSS_PADDING }),
  ],
] as const)("%s is refused by both", async (_, alg, form) => {
  const by = mints.find((one) => one.alg === alg) as Mint;
  const input = by.token().split(".").slice(0, 2).join(".");
  const token = `${input}.${encoded(sign("sha256", Buffer.from(input), form(by.privateKey)))}`;
  expect([judged(verifierOf(jwks), token), await joseAccepts(token)]).toEqual(["signature_invalid", false]);
});
