import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import { onTestFinished } from "vitest";
import { createOutward } from "@rollcall/core/runtime";
import { openProvider, type Provider, providerSettings } from "@rollcall/reconciler/providers";
import { startAuth0Server } from "./auth0-server.ts";
import { startGoogleServer } from "./google-server.ts";
import { type GraphDirectory, startGraphServer } from "./graph-server.ts";
import { startKeycloakServer } from "./keycloak-server.ts";
import { startOktaServer } from "./okta-server.ts";
import type { Gathering, Person, ProviderServer } from "./provider-server.ts";
import { startScimServer } from "./scim-server.ts";

/** A provider with people in it, on a server of its own, and the client that asks it. */
export type ProviderScene = {
  readonly provider: Provider;
  readonly server: ProviderServer;
  /** The people from now on. */
  become(people: readonly Person[]): void;
  /** What opens the door to the provider, and must be nowhere else. */
  readonly secret: string;
};

export type SceneOptions = {
  readonly pageSize?: number;
  readonly attemptsMax?: number;
  readonly timeoutMs?: number;
  /** Groups that the credential may read, too. */
  readonly groups?: readonly Gathering[];
  /** Another secret than the provider knows. */
  readonly secret?: string;
};

export type Vendor = {
  readonly name: string;
  /** How a page of users is asked for. */
  readonly pagePath: string;
  /** By what a page leads to the next one. */
  readonly pages: "links" | "tokens" | "places";
  readonly open: (people: readonly Person[], options?: SceneOptions) => Promise<ProviderScene>;
};

/** This machine is a private network: an operator has opened it. */
export function openOutward() {
  const outward = createOutward({ loopback: false, networks: ["127.0.0.0/8"] });
  onTestFinished(() => outward.close());
  return outward;
}

export const secretOfScenes = "a-secret-that-nobody-else-may-see";
const keys = await generateKeyPair("RS256", { extractable: true });
const google = JSON.stringify({
  type: "service_account",
  client_email: "rollcall@project.iam.example",
  private_key_id: "k1",
  private_key: await exportPKCS8(keys.privateKey),
});
const okta = JSON.stringify({ ...(await exportJWK(keys.privateKey)), kid: "k1", alg: "RS256" });
const publicKey = { ...(await exportJWK(keys.publicKey)), kid: "k1", alg: "RS256" };

/** Opens the client as the settings of an admin would, at the server of a story. */
export function openAt(
  server: Pick<ProviderServer, "origin">,
  settings: Readonly<Record<string, unknown>>,
  secret: string,
  { pageSize = 3, attemptsMax = 1, timeoutMs = 5_000 }: SceneOptions = {},
): Provider {
  const paced = { pageSize, pace: { perSec: 1_000, attemptsMax, timeoutMs } };
  const parsed = providerSettings.parse({ url: server.origin, ...settings, ...paced });
  return openProvider(parsed, secret, { outward: openOutward(), newId: () => "an-id" });
}

async function kept(starting: Promise<ProviderServer>): Promise<ProviderServer> {
  const server = await starting;
  onTestFinished(() => server.close());
  return server;
}

function scimVendor(paging: "index" | "cursor"): Vendor {
  return {
    name: `SCIM by ${paging}`,
    pagePath: "/scim/v2/Users",
    pages: paging === "index" ? "places" : "tokens",
    open: async (people, options = {}) => {
      const directory = { users: people, groups: [] };
      const server = await kept(startScimServer(directory, secretOfScenes, paging));
      const secret = options.secret ?? secretOfScenes;
      const provider = openAt(server, { kind: "scim", url: `${server.origin}/scim/v2` }, secret, options);
      return { provider, server, secret, become: (users) => Object.assign(directory, { users }) };
    },
  };
}

const groupsOf = ({ groups }: SceneOptions) => (groups === undefined ? {} : { groups });
const statusOf = (people: readonly Person[]) =>
  people.map((person) => ({ ...person, status: person.active ? "ACTIVE" : "DEPROVISIONED" }));
const createdOf = (people: readonly Person[]) =>
  people.map((person, index) => ({
    ...person,
    createdAt: new Date(Date.UTC(2025, 0, 1) + Math.floor(index / 2) * 1_000).toISOString(),
  }));

export const vendors: readonly Vendor[] = [
  scimVendor("index"),
  scimVendor("cursor"),
  {
    name: "Okta with an API token",
    pagePath: "/api/v1/users",
    pages: "links",
    open: async (people, options = {}) => {
      const directory = { users: statusOf(people), ...groupsOf(options) };
      const server = await kept(startOktaServer(directory, { ssws: secretOfScenes }));
      const secret = options.secret ?? secretOfScenes;
      const provider = openAt(server, { kind: "okta", groups: options.groups !== undefined }, secret, options);
      return { provider, server, secret, become: (users) => Object.assign(directory, { users: statusOf(users) }) };
    },
  },
  {
    name: "Okta with a service app",
    pagePath: "/api/v1/users",
    pages: "links",
    open: async (people, options = {}) => {
      const directory = { users: statusOf(people), ...groupsOf(options) };
      const server = await kept(startOktaServer(directory, { clientId: "rollcall", publicKey }));
      const secret = options.secret ?? okta;
      const authentication = { kind: "oauth", clientId: "rollcall" };
      const provider = openAt(
        server,
        { kind: "okta", authentication, groups: options.groups !== undefined },
        secret,
        options,
      );
      return { provider, server, secret, become: (users) => Object.assign(directory, { users: statusOf(users) }) };
    },
  },
  {
    name: "Microsoft Graph",
    pagePath: "/v1.0/users",
    pages: "links",
    open: async (people, options = {}) => {
      const scene = await openGraph({ users: people, changes: [], forgottenBefore: 0, ...groupsOf(options) }, options);
      return { ...scene, become: (users) => Object.assign(scene.directory, { users }) };
    },
  },
  {
    name: "Google Directory",
    pagePath: "/admin/directory/v1/users",
    pages: "tokens",
    open: async (people, options = {}) => {
      const directory = {
        users: people,
        deleted: [{ id: "gone", name: "Gone", email: "gone@example.com", active: true }],
        ...groupsOf(options),
      };
      const credential = {
        publicKey: keys.publicKey,
        serviceAccount: "rollcall@project.iam.example",
        administrator: "admin@example.com",
      };
      const server = await kept(startGoogleServer(directory, credential));
      const secret = options.secret ?? google;
      const settings = {
        kind: "google-directory",
        groups: options.groups !== undefined,
        administrator: "admin@example.com",
        tokenUrl: `${server.origin}/token`,
      };
      const provider = openAt(server, settings, secret, options);
      return { provider, server, secret, become: (users) => Object.assign(directory, { users }) };
    },
  },
  {
    name: "Keycloak",
    pagePath: "/admin/realms/acme/users",
    pages: "places",
    open: async (people, options = {}) => {
      const realm = { users: people, mayView: true };
      const server = await kept(startKeycloakServer(realm, { clientId: "rollcall", secret: secretOfScenes }));
      const secret = options.secret ?? secretOfScenes;
      const provider = openAt(server, { kind: "keycloak", realm: "acme", clientId: "rollcall" }, secret, options);
      return { provider, server, secret, become: (users) => Object.assign(realm, { users }) };
    },
  },
  {
    name: "Auth0",
    pagePath: "/api/v2/users",
    pages: "places",
    open: async (people, options = {}) => {
      const directory = { users: createdOf(people) };
      const server = await kept(startAuth0Server(directory, { clientId: "rollcall", secret: secretOfScenes }));
      const secret = options.secret ?? secretOfScenes;
      const provider = openAt(server, { kind: "auth0", clientId: "rollcall" }, secret, options);
      return { provider, server, secret, become: (users) => Object.assign(directory, { users: createdOf(users) }) };
    },
  },
];

/** Microsoft Graph with a history of changes. */
export async function openGraph(directory: GraphDirectory, options: SceneOptions = {}) {
  const credential = { tenant: "tenant.example", clientId: "rollcall", secret: secretOfScenes };
  const server = await kept(startGraphServer(directory, credential));
  const secret = options.secret ?? secretOfScenes;
  const settings = {
    kind: "microsoft-graph",
    tenant: "tenant.example",
    clientId: "rollcall",
    loginUrl: server.origin,
    groups: options.groups !== undefined,
  };
  return { provider: openAt(server, settings, secret, options), server, secret, directory };
}

/** People for a directory, each with an id that tells nothing; every third has left. */
export function peopleOf(count: number): readonly Person[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `Person${String(index + 1).padStart(3, "0")}`;
    return { id: `id-${index + 1}`, name, email: `${name.toLowerCase()}@example.com`, active: index % 3 !== 2 };
  });
}
