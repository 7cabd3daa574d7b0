import { digestText } from "@rollcall/guard";
import { newUser, patch } from "../harness/tenant.ts";
import type { TiedTwin as Twin } from "../harness/tied-twin.ts";
import { twinSubject } from "../harness/twin.ts";

export type Ask = {
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Row = {
  /** Whose token speaks; undefined where anybody may ask. */
  readonly token: "scim" | "feed" | "ssf" | "admin" | undefined;
  /** What a tenant asks of its own; it must be answered, and with nothing of the other's. */
  own?(self: Twin): Ask | Promise<Ask>;
  /** The same, of the other's things: it must be answered as if they did not exist. */
  foreign?(self: Twin, other: Twin): Ask;
  /** The status of that, where it is not 404. */
  readonly foreignStatus?: number;
};

export const scim = "/scim/v2";
export const user = newUser(twinSubject, { displayName: "changed" });
export const rename = patch({ op: "replace", path: "displayName", value: "changed" });
export const receipt = { gateway: "edge", epoch: 1, seq: 0, as_of: 1, entries: 0, digest: digestText(0n) };

export const refusals = {
  gateway: "edge",
  id: "00000000-0000-4000-8000-000000000001",
  counts: [{ minute: 0, reason: "revoked", count: 1 }],
  refusals: [],
  dropped: 0,
};

/** A PATCH that goes through a POST, as where a proxy lets no other method pass. */
export const tunnelled = { "x-http-method-override": "PATCH" };

export const collection = (name: string): Pick<Row, "token" | "own"> => ({
  token: "scim",
  own: () => ({ path: `${scim}/${name}` }),
});
/** A search for everybody: it finds nothing of the other's. */
export const search = (path: string): Row => ({
  token: "scim",
  own: () => ({
    path: `${scim}${path}/.search`,
    body: { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], filter: "id pr", cursor: "" },
  }),
});
/** A person's token has /Me, and that of a connection has none, whoever else may be meant by it. */
export const me = (body: (userName: string) => unknown = () => undefined): Row => ({
  token: "scim",
  own: async ({ sparePerson }) => {
    const { userName, token } = await sparePerson();
    return { path: `${scim}/Me`, body: body(userName), headers: { authorization: `Bearer ${token}` } };
  },
  foreign: () => ({ path: `${scim}/Me`, body: body(twinSubject) }),
  foreignStatus: 501,
});
export const feed = (path: string, body?: unknown): Row => ({
  token: "feed",
  own: ({ slug }) => ({ path: `/v1/feeds/${slug}${path}`, body }),
  foreign: (_self, { slug }) => ({ path: `/v1/feeds/${slug}${path}`, body }),
});
/** A route of a feed that leads on from a cursor; where the other's feed is tells nothing of it. */
export const feedAt = (of: "" | "/subjects", path: (cursor: string) => string): Row => ({
  token: "feed",
  own: async (self) => ({ path: `/v1/feeds/${self.slug}${of}${path(await self.cursorOf(of))}` }),
  foreign: (_self, { slug }) => ({ path: `/v1/feeds/${slug}${of}${path("1-0")}` }),
});
/** A route below a tenant's name: its own works, and under its own name it finds nothing of the other's either. */
export const admin = (rest: (of: Twin) => string, body?: (of: Twin) => unknown): Row => ({
  token: "admin",
  own: (self) => ({ path: `/v1/admin/tenants/${self.slug}${rest(self)}`, body: body?.(self) }),
  foreign: (_self, other) => ({ path: `/v1/admin/tenants/${other.slug}${rest(other)}`, body: body?.(other) }),
});
export const reaching = (row: Row, rest: (of: Twin) => string, body?: (of: Twin) => unknown): Row => ({
  ...row,
  foreign: (self, other) => ({ path: `/v1/admin/tenants/${self.slug}${rest(other)}`, body: body?.(other) }),
});
/** A schema of a connection's own; the other's connection is not found, whatever schema is named. */
export const schema = (body: (urn: string) => unknown = () => undefined): Row => ({
  token: "admin",
  own: async ({ slug, spareSchema }) => {
    const urn = await spareSchema();
    return { path: `/v1/admin/tenants/${slug}/connections/idp/schemas/${urn}`, body: body(urn) };
  },
  foreign: ({ slug }, { connectionId }) => ({
    path: `/v1/admin/tenants/${slug}/connections/${connectionId}/schemas/urn:twins:spare:User`,
    body: body("urn:twins:spare:User"),
  }),
});
/** For operators of the house alone: to a tenant's admin it does not exist, whoever is named. */
export const house = (path: (other: Twin) => string, body?: unknown): Row => ({
  token: "admin",
  foreign: (_self, other) => ({ path: path(other), body }),
});
/** A webhook or a stream of a tenant's own, made for the request; the other's is not found, under either's name. */
export const followed = (
  of: "webhook" | "stream",
  rest = "",
  body: (delivery: string) => unknown = () => undefined,
): Row => ({
  token: "admin",
  own: async (self) => {
    const { id, delivery } = await (of === "webhook" ? self.spareWebhook() : self.spareStream());
    return { path: `/v1/admin/tenants/${self.slug}/${of}s/${id}${rest}`, body: body(delivery) };
  },
  foreign: ({ slug }, { followers }) => ({
    path: `/v1/admin/tenants/${slug}/${of}s/${followers[of].id}${rest}`,
    body: body(followers[of].delivery),
  }),
});
/** What a receiver asks of a stream, which its query or its body names. */
export const stream = (path: string, body?: (id: string) => unknown): Row => {
  const ask = (id: string): Ask =>
    body === undefined ? { path: `/ssf${path}?stream_id=${id}` } : { path: `/ssf${path}`, body: body(id) };
  return {
    token: "ssf",
    own: async ({ spareStream }) => ask((await spareStream()).id),
    foreign: (_self, { followers }) => ask(followers.stream.id),
  };
};
