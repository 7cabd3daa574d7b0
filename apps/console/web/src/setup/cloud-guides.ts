import { type Guide, hostOf } from "./guide.ts";

export const okta: Guide = {
  kind: "okta",
  name: "Okta",
  for: "Okta, by an app of your own or one of its catalogue",
  asks: [
    {
      name: "domain",
      label: "Okta domain",
      hint: "As in the address of your Okta, without -admin.",
      placeholder: "acme.okta.com",
      pattern: "(https?://)?[A-Za-z0-9.\\-]+/?",
    },
    {
      name: "server",
      label: "Authorization server",
      hint: "Its id, from Security, API. `default` is the one that Okta makes.",
      placeholder: "default",
      pattern: "[A-Za-z0-9]+",
      usual: "default",
    },
  ],
  issuersOf: ({ domain, server }) => [`https://${hostOf(domain)}/oauth2/${server ?? "default"}`],
  subject: {
    claim: "uid",
    attribute: "externalId",
    compare: "exact",
    why: "Okta's access tokens carry the user's id in uid, and its provisioning sends the same id as externalId. Their sub is the login, which changes when somebody is renamed.",
  },
  steps: [
    { say: "In the Admin Console open Applications, your app, General, and enable SCIM provisioning. Save." },
    { say: "On the tab Provisioning choose Integration, Edit. SCIM connector base URL:", paste: "url" },
    {
      say: "Unique identifier field for users: userName. Supported actions: Push New Users, Push Profile Updates, Push Groups.",
    },
    { say: "Authentication Mode: HTTP Header. Authorization, Bearer:", paste: "token" },
    {
      say: "Test Connector Configuration, then Save. Under To App enable Create Users, Update User Attributes and Deactivate Users.",
    },
    { say: "On the tab Assignments assign a person: that is the first user." },
  ],
};

export const entra: Guide = {
  kind: "entra",
  name: "Microsoft Entra ID",
  for: "Microsoft Entra ID, formerly Azure AD",
  asks: [
    {
      name: "directory",
      label: "Directory (tenant) ID",
      hint: "From Entra's overview.",
      placeholder: "00000000-0000-0000-0000-000000000000",
      pattern: "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    },
  ],
  // An API that asks for version 2.0 tokens gets the first; one whose manifest says nothing, the second.
  issuersOf: ({ directory = "" }) => [
    `https://login.microsoftonline.com/${directory.toLowerCase()}/v2.0`,
    `https://sts.windows.net/${directory.toLowerCase()}/`,
  ],
  subject: {
    claim: "oid",
    attribute: "externalId",
    compare: "exact",
    why: "A user's oid is the same in every token of the tenant; sub is another one for each application. The mapping below makes it the externalId.",
  },
  urlEnd: "?aadOptscim062020",
  steps: [
    {
      say: "In the Entra admin centre open Enterprise applications, your application, Provisioning, and choose the mode Automatic. Tenant URL:",
      paste: "url",
    },
    { say: "Secret Token:", paste: "token" },
    { say: "Test Connection, then Save." },
    {
      say: "Under Mappings, Provision Microsoft Entra ID Users, change externalId: its source attribute becomes objectId instead of mailNickname. Without this no token finds its user.",
    },
    {
      say: "Under Users and groups assign whom to provision, then Start provisioning. Provision on demand sends the first user at once; a cycle takes about 40 minutes.",
    },
  ],
};

export const google: Guide = {
  kind: "google",
  name: "Google Workspace",
  for: "Google Workspace's automatic provisioning",
  asks: [],
  issuersOf: () => ["https://accounts.google.com"],
  subject: {
    claim: "sub",
    attribute: "externalId",
    compare: "exact",
    why: "sub is the number that Google gives a user for good, and the directory has it as externalId.",
  },
  steps: [
    {
      say: "In the Admin console open Apps, Web and mobile apps, your app, and set up Autoprovisioning. Endpoint URL:",
      paste: "url",
    },
    { say: "Access token:", paste: "token" },
    { say: "Map externalId to the user's id. Google's catalogue fixes what else is sent." },
    {
      say: "Google sends every few hours. For leavers who are told of at once, have this connection's provider asked as well: its page shows how.",
    },
  ],
};
