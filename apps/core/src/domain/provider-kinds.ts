import { addressHost } from "./address-host.ts";
import type { JsonObject } from "./directory.ts";
import type { IdAttribute } from "./source-kinds.ts";

/** One setting of a provider, as an admin gives it: a text, whatever it means. A dot leads into a group of settings. */
export type ProviderSetting = {
  readonly meaning: string;
  readonly required?: boolean;
  /** `text` where nothing is said. */
  readonly type?: "text" | "number" | "flag" | "address";
  /** The values it may have. */
  readonly choices?: readonly string[];
};

export type ProviderDescription = {
  readonly title: string;
  /** What its secret is. */
  readonly secret: string;
  /** Whether it can say what has changed since it was last asked. */
  readonly changes: boolean;
  readonly settings: Readonly<Record<string, ProviderSetting>>;
};

const url = (meaning: string) => ({ meaning, required: true, type: "address" }) as const;
const otherUrl = (meaning: string) => ({ meaning, type: "address" }) as const;
const needed = (meaning: string) => ({ meaning, required: true }) as const;
const paceSettings = {
  pageSize: { meaning: "how many users one page of a list holds", type: "number" },
  "pace.perSec": { meaning: "how many questions a second", type: "number" },
  "pace.atOnceMax": { meaning: "how many questions at once", type: "number" },
  "pace.timeoutMs": { meaning: "how long one answer is waited for, in milliseconds", type: "number" },
  "pace.attemptsMax": { meaning: "how often one question is asked where it may help", type: "number" },
} as const satisfies Readonly<Record<string, ProviderSetting>>;

/** Which providers can be asked, and what an admin says of each. */
const described = {
  scim: {
    title: "a SCIM 2.0 server",
    secret: "its bearer token",
    changes: false,
    settings: { url: url("where its SCIM is, as in https://idp.example/scim/v2"), ...paceSettings },
  },
  okta: {
    title: "Okta",
    secret: "an API token, or the private key of a service app as a JWK",
    changes: false,
    settings: {
      url: url("the organization's address, as in https://acme.okta.com"),
      "authentication.kind": { meaning: "ssws for an API token, oauth for a service app", choices: ["ssws", "oauth"] },
      "authentication.clientId": { meaning: "the client id of the service app" },
      groups: { meaning: "whether its credential may read groups as well, and they are listed", type: "flag" },
      ...paceSettings,
    },
  },
  "microsoft-graph": {
    title: "Microsoft Entra ID, by Microsoft Graph",
    secret: "the client secret of the application",
    changes: true,
    settings: {
      tenant: needed("the id or the domain of the Entra tenant"),
      clientId: needed("the application's client id"),
      url: otherUrl("another Graph than https://graph.microsoft.com, as in a national cloud"),
      loginUrl: otherUrl("another place for tokens than https://login.microsoftonline.com"),
      groups: { meaning: "whether its credential may read groups as well, and they are listed", type: "flag" },
      ...paceSettings,
    },
  },
  "google-directory": {
    title: "Google Workspace, by the Directory API",
    secret: "the key file of the service account",
    changes: false,
    settings: {
      administrator: needed("the administrator on whose behalf the service account asks"),
      customer: { meaning: "the Workspace account (my_customer)" },
      url: otherUrl("another place than https://admin.googleapis.com"),
      tokenUrl: otherUrl("another place for tokens than https://oauth2.googleapis.com/token"),
      groups: { meaning: "whether its credential may read groups as well, and they are listed", type: "flag" },
      ...paceSettings,
    },
  },
  keycloak: {
    title: "Keycloak",
    secret: "the client secret",
    changes: false,
    settings: {
      url: url("what comes before /admin and /realms"),
      realm: needed("the realm whose users they are"),
      clientRealm: { meaning: "the realm of the client, if it is another" },
      clientId: needed("the client with a service account that may view users"),
      ...paceSettings,
    },
  },
  auth0: {
    title: "Auth0",
    secret: "the client secret",
    changes: false,
    settings: {
      url: url("the tenant's own domain, as in https://acme.eu.auth0.com"),
      clientId: needed("the machine-to-machine application's client id"),
      audience: { meaning: "the Management API's identifier, if it is not at the url" },
      ...paceSettings,
    },
  },
  ldap: {
    title: "an LDAP directory",
    secret: "the password of bindName",
    changes: false,
    settings: {
      url: url("ldaps://host, or ldap://host with startTls"),
      startTls: { meaning: "whether ldap:// is made TLS", type: "flag" },
      authorities: { meaning: "the certificates that sign the server's, in PEM" },
      bindName: needed("whom it is asked as, as in cn=reader,dc=example,dc=org"),
      base: needed("where users are, as in ou=people,dc=example,dc=org"),
      groupBase: { meaning: "where groups are, if they are elsewhere" },
      dialect: {
        meaning: "inetOrgPerson for OpenLDAP and 389, activeDirectory for AD",
        required: true,
        choices: ["inetOrgPerson", "activeDirectory"],
      },
      filter: { meaning: "which entries are users of this application, as in (department=Sales)" },
      ...paceSettings,
    },
  },
} as const satisfies Readonly<Record<string, ProviderDescription>>;

export type ProviderKind = keyof typeof described;

export const providerKinds: Readonly<Record<ProviderKind, ProviderDescription>> = described;

export const providerKindNames = Object.keys(providerKinds) as readonly ProviderKind[];

/** What follows from an answer, whoever gives it. */
export type ReadBackRules = {
  readonly idAttribute: IdAttribute;
  /** Whether somebody whom the directory does not know is created. */
  readonly creates: boolean;
  /** Whom its word lets in again: whom an event or an answer shut out, or also whom SCIM did. */
  readonly lifts: "own" | "all";
  /** Whether all that it says of a user is taken over, or only whether they are active. */
  readonly takes: "all" | "active";
};

const ruleSettings = {
  idAttribute: {
    meaning: "externalId where the directory keeps the provider's ids as externalId (usual); none where it does not",
    choices: ["externalId", "none"],
  },
  creates: {
    meaning: "yes where users whom the directory does not know are created (no)",
    choices: ["no", "yes"],
  },
  lifts: {
    meaning: "own where it lets in whom events and answers shut out (usual); all where also whom SCIM did",
    choices: ["own", "all"],
  },
  takes: {
    meaning: "all where attributes are taken over (usual); active where only whether they may enter",
    choices: ["all", "active"],
  },
} as const satisfies Readonly<Record<string, ProviderSetting>>;

export function readBackRulesOf(settings: JsonObject): ReadBackRules {
  return {
    idAttribute: settings["idAttribute"] === "none" ? "none" : "externalId",
    creates: settings["creates"] === "yes",
    lifts: settings["lifts"] === "all" ? "all" : "own",
    takes: settings["takes"] === "active" ? "active" : "all",
  };
}

/** What its client is opened with: everything but the rules, which are ours. */
export function clientSettingsOf(kind: ProviderKind, settings: JsonObject): JsonObject {
  const own = Object.entries(settings).filter(([name]) => !(name in ruleSettings));
  return { kind, ...Object.fromEntries(own) };
}

/** Whom a provider's secret is shown to: what of its settings says where it is, without paths. */
export function audienceOf(kind: ProviderKind, settings: JsonObject): readonly (string | undefined)[] {
  return Object.entries(providerKinds[kind].settings)
    .filter(([, { type }]) => type === "address")
    .map(([name]) => addressHost(settings[name]));
}

/** Every setting that a provider of this kind may be given, by name. */
export function settingsOfProvider(kind: ProviderKind): Readonly<Record<string, ProviderSetting>> {
  return { ...providerKinds[kind].settings, ...ruleSettings };
}
