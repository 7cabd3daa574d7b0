import type { Allowed, GuardStatus } from "@rollcall/guard";

/** What an application behind a gateway may believe, because the gateway lets nobody else say it. */
export const identityHeaders = [
  "x-auth-subject",
  "x-auth-issuer",
  "x-auth-tenant",
  "x-auth-user-id",
  "x-auth-groups",
  "x-revocation-as-of",
  "x-revocation-cursor",
] as const;

export type Identity = Readonly<Record<(typeof identityHeaders)[number], string>>;

/** Every header has a value, which is empty where there is nothing to say: so nothing of a client's is left standing. */
export function identityOf({ iss, sub, tenant, user }: Allowed, feed: GuardStatus["feed"]): Identity {
  return {
    "x-auth-subject": visible(sub),
    "x-auth-issuer": visible(iss),
    "x-auth-tenant": visible(tenant ?? ""),
    "x-auth-user-id": visible(user?.id ?? ""),
    "x-auth-groups": (user?.groups ?? []).map((group) => visible(group).replaceAll(",", "%2C")).join(","),
    "x-revocation-as-of": feed === undefined ? "" : String(feed.asOf),
    "x-revocation-cursor": feed === undefined ? "" : `${feed.epoch}-${feed.seq}`,
  };
}

/**
 * What a gateway that removes by name must remove from the client's request: what stays empty, and every
 * spelling with underscores or dots, which CGI, WSGI, PHP and their like take for the same header.
 */
export function headersToRemove(identity: Identity): readonly string[] {
  return [...emptyIn(identity), ...lookalikes];
}

/** The same, as one header's value. */
export function removedHeader(identity: Identity): string {
  return [...emptyIn(identity), lookalikesJoined].join(",");
}

function emptyIn(identity: Identity): readonly string[] {
  return identityHeaders.filter((name) => identity[name] === "");
}

const lookalikes = identityHeaders.flatMap((name) => spellings(name).filter((spelling) => spelling !== name));

const lookalikesJoined = lookalikes.join(",");

function spellings(name: string): readonly string[] {
  const [first = "", ...rest] = name.split("-");
  return rest.reduce<readonly string[]>(
    (begun, part) => begun.flatMap((begin) => ["-", "_", "."].map((separator) => `${begin}${separator}${part}`)),
    [first],
  );
}

/** Percent-encodes what is no visible ASCII, and the percent sign, so that decoding always gives the value back. */
function visible(value: string): string {
  return value.toWellFormed().replaceAll(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent);
}
