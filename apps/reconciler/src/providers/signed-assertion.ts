import { importJWK, importPKCS8, type JWK, SignJWT } from "jose";
import { z } from "zod";
import { ProviderFailure } from "./provider.ts";

type Parts = { readonly now?: () => number; readonly newId: () => string };

const livesSec = 300;
const scopeRoot = "https://www.googleapis.com/auth/admin.directory";
const serviceAccount = z.object({
  client_email: z.string().min(3),
  private_key: z.string().includes("PRIVATE KEY"),
  private_key_id: z.string().min(1).optional(),
});
const privateKey = z.looseObject({
  kty: z.string(),
  d: z.string(),
  alg: z.string().optional(),
  kid: z.string().optional(),
});

/** What Google gives an access token for: the service account, on behalf of an administrator (RFC 7523 §2.1). */
export async function googleAssertion(
  secret: string,
  administrator: string,
  { audience, groups }: { readonly audience: string; readonly groups: boolean },
  { now = Date.now }: Parts,
): Promise<string> {
  const account = readSecret(serviceAccount, secret, "the key file of a service account");
  const key = await importPKCS8(account.private_key, "RS256").catch(() =>
    unusable("the key file of a service account"),
  );
  const second = Math.floor(now() / 1_000);
  const keyId = account.private_key_id;
  // Google gives a token for all that is asked or for nothing: groups are not asked for where nobody wants them.
  const scope = [...(groups ? ["group"] : []), "user"].map((kind) => `${scopeRoot}.${kind}.readonly`).join(" ");
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) })
    .setIssuer(account.client_email)
    .setSubject(administrator)
    .setAudience(audience)
    .setIssuedAt(second)
    .setExpirationTime(second + livesSec)
    .sign(key);
}

/** How a service app of Okta says who it is (RFC 7523 §2.2). */
export async function oktaAssertion(
  secret: string,
  clientId: string,
  audience: string,
  { now = Date.now, newId }: Parts,
): Promise<string> {
  const jwk = readSecret(privateKey, secret, "the private key of a service app");
  const alg = jwk.alg ?? (jwk.kty === "RSA" ? "RS256" : "ES256");
  const key = await importJWK(jwk as JWK, alg).catch(() => unusable("the private key of a service app"));
  const second = Math.floor(now() / 1_000);
  return new SignJWT()
    .setProtectedHeader({ alg, ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(newId())
    .setIssuedAt(second)
    .setExpirationTime(second + livesSec)
    .sign(key);
}

/** Says what the secret should be, and nothing of what it is. */
function readSecret<Schema extends z.ZodType>(schema: Schema, secret: string, what: string): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(secret);
  } catch {
    return unusable(what);
  }
  const read = schema.safeParse(value);
  return read.success ? read.data : unusable(what);
}

function unusable(what: string): never {
  throw new ProviderFailure("unauthenticated", `the secret is not ${what}, as JSON`);
}
