import { type Guide, hostOf, type Subject, withoutSlash } from "./guide.ts";

function sameId(name: string): Subject {
  return {
    claim: "sub",
    attribute: "externalId",
    compare: "exact",
    why: `sub is the id that ${name} gives a user for good; provisioning sends it as externalId.`,
  };
}

export const onelogin: Guide = {
  kind: "onelogin",
  name: "OneLogin",
  for: "OneLogin, by its SCIM Provisioner with SAML",
  asks: [
    {
      name: "domain",
      label: "OneLogin domain",
      hint: "As in the address of your OneLogin.",
      placeholder: "acme.onelogin.com",
      pattern: "(https?://)?[A-Za-z0-9.\\-]+/?",
    },
  ],
  issuersOf: ({ domain }) => [`https://${hostOf(domain)}/oidc/2`],
  subject: sameId("OneLogin"),
  steps: [
    {
      say: "Add the application SCIM Provisioner with SAML (SCIM v2 Enterprise). On the tab Configuration, SCIM Base URL:",
      paste: "url",
    },
    { say: "SCIM Bearer Token:", paste: "token" },
    {
      say: 'In the SCIM JSON Template set "externalId" to "{$user.id}" and leave "userName" as it is. Under API Status press Enable.',
    },
    {
      say: "On the tab Provisioning enable provisioning; when users are deleted or lose access: Suspend or Delete. Save, then add the application to a user.",
    },
  ],
};

export const jumpcloud: Guide = {
  kind: "jumpcloud",
  name: "JumpCloud",
  for: "JumpCloud, by a custom SCIM integration",
  asks: [],
  issuersOf: () => ["https://oauth.id.jumpcloud.com/"],
  subject: sameId("JumpCloud"),
  steps: [
    {
      say: "Open SSO Applications, your application, Identity Management. API Type: SCIM API; SCIM version: 2.0. Base URL:",
      paste: "url",
    },
    { say: "Token Key:", paste: "token" },
    {
      say: "Press Test Connection with an e-mail that nobody here has: JumpCloud creates that user and deletes it again.",
    },
    { say: "Map externalId to the user's id, Activate, and assign a user group." },
  ],
};

export const ping: Guide = {
  kind: "ping",
  name: "Ping Identity",
  for: "PingOne and PingFederate",
  asks: [
    {
      name: "issuer",
      label: "Issuer",
      hint: "PingOne: the Issuer of your OIDC application. PingFederate: its base URL.",
      placeholder: "https://auth.pingone.eu/ENVIRONMENT/as",
      pattern: "https?://.+",
    },
  ],
  issuersOf: ({ issuer }) => [withoutSlash(issuer)],
  subject: sameId("PingOne"),
  steps: [
    {
      say: "In PingOne open Integrations, Provisioning, and add a connection of the type SCIM Outbound. SCIM Base URL:",
      paste: "url",
    },
    { say: "Authentication Method: OAuth 2 Bearer Token. Token:", paste: "token" },
    {
      say: 'Users resource /Users, Groups resource /Groups, SCIM version 2.0, user filter expression userName Eq "%s".',
    },
    { say: "Map externalId to the User ID, switch the rule on, and choose Disable or Delete for who is removed." },
  ],
};

export const keycloak: Guide = {
  kind: "keycloak",
  name: "Keycloak",
  for: "Keycloak with one of its SCIM client extensions",
  asks: [
    {
      name: "issuer",
      label: "Realm address",
      hint: "As /.well-known/openid-configuration of the realm says it in issuer.",
      placeholder: "https://sso.acme.example/realms/acme",
      pattern: "https?://.+/realms/[^\\/]+/?",
    },
  ],
  issuersOf: ({ issuer }) => [withoutSlash(issuer)],
  subject: sameId("Keycloak"),
  steps: [
    {
      say: "Install a SCIM client extension, and in the realm add a user federation or a remote SCIM provider. Its endpoint:",
      paste: "url",
    },
    { say: "Authentication: bearer token:", paste: "token" },
    { say: "Have the user's Keycloak id sent as externalId, switch on propagation of users and groups, and save." },
    { say: "Create or change a user, or press Sync: that is the first user." },
  ],
};

export const scim: Guide = {
  kind: "scim",
  name: "Another, by SCIM 2.0",
  for: "Whoever speaks RFC 7643 and RFC 7644",
  asks: [
    {
      name: "issuer",
      label: "Issuer of its tokens",
      hint: "The iss of an access token, byte for byte; a slash at the end counts.",
      placeholder: "https://idp.example",
      pattern: "https?://.+",
    },
  ],
  issuersOf: ({ issuer }) => [(issuer ?? "").trim()],
  subject: {
    claim: "sub",
    attribute: "externalId",
    compare: "exact",
    why: "What stays the same for a user's whole life belongs into sub, and into externalId.",
  },
  steps: [
    { say: "SCIM base URL:", paste: "url" },
    { say: "Bearer token:", paste: "token" },
    { say: "Send the value of a token's subject as externalId. Deactivate leavers with active=false, or delete them." },
    { say: "Send a user." },
  ],
};
