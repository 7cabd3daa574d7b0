import type { JsonObject } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";

/** What a provider states of a user, in words of our own; what it does not state is left out. */
export type StatedUser = {
  /** The provider's own id. */
  readonly id?: string | undefined;
  readonly userName?: string | undefined;
  readonly active?: boolean | undefined;
  readonly displayName?: string | undefined;
  readonly givenName?: string | undefined;
  readonly familyName?: string | undefined;
  /** The main one first. */
  readonly emails?: readonly string[];
  readonly title?: string | undefined;
  readonly enterprise?: {
    readonly department?: string | undefined;
    readonly division?: string | undefined;
    readonly costCenter?: string | undefined;
  };
};

const enterpriseUrn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** The SCIM attributes that say so (RFC 7643 §4). */
export function userState(user: StatedUser, { settings }: Pick<OpenSource, "settings">): JsonObject {
  const { userName, active, displayName, givenName, familyName, emails = [], title, enterprise = {} } = user;
  const name = stated({ givenName, familyName });
  const ofEnterprise = stated(enterprise);
  return stated({
    // Where the directory keeps another provider's ids, this one's must not take their place.
    externalId: settings["idAttribute"] === "none" ? undefined : user.id,
    userName,
    active,
    displayName,
    name: isEmpty(name) ? undefined : name,
    emails: emails.length === 0 ? undefined : emails.map((value, index) => ({ value, primary: index === 0 })),
    title,
    [enterpriseUrn]: isEmpty(ofEnterprise) ? undefined : ofEnterprise,
  });
}

function stated(members: Readonly<Record<string, JsonObject[string] | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as JsonObject;
}

function isEmpty(members: JsonObject): boolean {
  return Object.keys(members).length === 0;
}
