import { z } from "zod";

const address = (...protocols: readonly string[]) =>
  z.string().superRefine((text, context) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !protocols.includes(url.protocol))
      context.addIssue({ code: "custom", message: `must be a URL that begins with ${protocols.join("// or ")}//` });
    else if (url.username !== "" || url.password !== "" || url.hash !== "" || url.search !== "")
      context.addIssue({ code: "custom", message: "must hold no user, password, query or fragment" });
  });
const webAddress = address("https:", "http:");
const origin = webAddress.refine((text) => !URL.canParse(text) || new URL(text).pathname === "/", "must have no path");
const word = z.string().trim().min(1).max(1_024);
const pageSize = (usual: number, most: number) => z.number().int().min(2).max(most).default(usual);

/** Whether the credential may read groups as well, and they are listed. */
const groups = z.boolean().default(false);

/** How fast and how many at once; what is left out is what the provider bears by its own documentation. */
const pace = z
  .strictObject({
    perSec: z.number().positive().max(1_000).optional(),
    atOnceMax: z.number().int().min(1).max(64).optional(),
    timeoutMs: z.number().int().min(100).max(120_000).optional(),
    attemptsMax: z.number().int().min(1).max(10).optional(),
  })
  .default({});

const scim = z.strictObject({ kind: z.literal("scim"), url: webAddress, pageSize: pageSize(100, 1_000), pace });

const okta = z.strictObject({
  kind: z.literal("okta"),
  url: origin,
  /** `ssws`: the secret is an API token. `oauth`: it is the private key of a service app, as a JWK. */
  authentication: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("ssws") }),
      z.strictObject({ kind: z.literal("oauth"), clientId: word }),
    ])
    .default({ kind: "ssws" }),
  groups,
  pageSize: pageSize(200, 200),
  pace,
});

/** The secret is the client's. The addresses are others in national clouds. */
const microsoftGraph = z.strictObject({
  kind: z.literal("microsoft-graph"),
  tenant: z.string().regex(/^[\w.-]{1,128}$/, "must be the id or the domain of the tenant"),
  clientId: word,
  url: origin.default("https://graph.microsoft.com"),
  loginUrl: webAddress.default("https://login.microsoftonline.com"),
  groups,
  pageSize: pageSize(999, 999),
  pace,
});

/** The secret is the service account's key file. */
const googleDirectory = z.strictObject({
  kind: z.literal("google-directory"),
  /** The administrator on whose behalf the service account asks. */
  administrator: z.email(),
  customer: word.default("my_customer"),
  url: origin.default("https://admin.googleapis.com"),
  tokenUrl: webAddress.default("https://oauth2.googleapis.com/token"),
  groups,
  pageSize: pageSize(500, 500),
  pace,
});

const keycloak = z.strictObject({
  kind: z.literal("keycloak"),
  /** What comes before `/admin` and `/realms`. */
  url: webAddress,
  realm: word,
  /** Where the client is, if not in the realm itself. */
  clientRealm: word.optional(),
  clientId: word,
  pageSize: pageSize(100, 1_000),
  pace,
});

const auth0 = z.strictObject({
  kind: z.literal("auth0"),
  /** The tenant's own domain, also where it has a custom one: the Management API answers there. */
  url: origin,
  clientId: word,
  audience: word.optional(),
  pageSize: pageSize(100, 100),
  pace,
});

const ldap = z
  .strictObject({
    kind: z.literal("ldap"),
    url: address("ldaps:", "ldap:"),
    startTls: z.boolean().default(false),
    /** Certificates that sign the server's, in PEM; without them, those of the system. */
    authorities: z
      .string()
      .includes("-----BEGIN CERTIFICATE-----", { error: "must hold a certificate in PEM" })
      .optional(),
    bindName: word,
    base: word,
    groupBase: word.optional(),
    dialect: z.enum(["inetOrgPerson", "activeDirectory"]),
    filter: z
      .string()
      .regex(/^\(.+\)$/s, "must be a filter as in (department=Sales)")
      .max(8_192)
      .optional(),
    pageSize: pageSize(500, 1_000),
    pace,
  })
  .refine(({ url, startTls }) => !startTls || url.startsWith("ldap:"), {
    path: ["startTls"],
    error: "is for ldap://, and ldaps:// is TLS from its first byte",
  })
  .refine(({ url }) => URL.canParse(url) && new URL(url).hostname !== "", { path: ["url"], error: "must name a host" });

/** How a provider is asked, one shape for each kind. No secret is part of it. */
export const providerSettings = z.discriminatedUnion("kind", [
  scim,
  okta,
  microsoftGraph,
  googleDirectory,
  keycloak,
  auth0,
  ldap,
]);

export type ProviderSettings = z.output<typeof providerSettings>;
export type SettingsOf<Kind extends ProviderSettings["kind"]> = Extract<ProviderSettings, { kind: Kind }>;
