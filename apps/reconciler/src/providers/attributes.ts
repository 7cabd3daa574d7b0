import type { Json, JsonObject, UserAttributes } from "@rollcall/core/domain";

export const enterpriseUser = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/** What a provider says of a user, each where it says it. */
export type Described = {
  readonly externalId: string;
  readonly userName: string;
  readonly active: boolean;
  readonly displayName?: string | undefined;
  readonly name?:
    | Readonly<Record<"givenName" | "familyName" | "middleName" | "formatted", string | undefined>>
    | undefined;
  readonly email?: string | undefined;
  readonly otherEmails?: readonly string[];
  readonly phone?: string | undefined;
  readonly mobile?: string | undefined;
  readonly title?: string | undefined;
  readonly userType?: string | undefined;
  readonly locale?: string | undefined;
  readonly preferredLanguage?: string | undefined;
  readonly timezone?: string | undefined;
  readonly nickName?: string | undefined;
  readonly enterprise?: Readonly<
    Record<"employeeNumber" | "costCenter" | "organization" | "division" | "department", string | undefined>
  >;
  readonly managerId?: string | undefined;
};

/** SCIM's attributes of a user (RFC 7643 §4.1, §4.3) with what is said, and nothing that is not. */
export function userAttributes(said: Described): UserAttributes {
  const manager = said.managerId === undefined ? undefined : { value: said.managerId };
  return {
    userName: said.userName,
    externalId: said.externalId,
    active: said.active,
    ...present({
      displayName: said.displayName,
      nickName: said.nickName,
      title: said.title,
      userType: said.userType,
      locale: said.locale,
      preferredLanguage: said.preferredLanguage,
      timezone: said.timezone,
      name: group(said.name ?? {}),
      emails: emails(said),
      phoneNumbers: phones(said),
      [enterpriseUser]: group({ ...said.enterprise, manager }),
    }),
  };
}

function emails({ email, otherEmails = [] }: Described): readonly JsonObject[] | undefined {
  const others = [...new Set(otherEmails)].filter((other) => other.toLowerCase() !== email?.toLowerCase());
  const all = [
    ...(email === undefined ? [] : [{ value: email, type: "work", primary: true }]),
    ...others.map((value) => ({ value, type: "other" })),
  ];
  return all.length === 0 ? undefined : all;
}

function phones({ phone, mobile }: Described): readonly JsonObject[] | undefined {
  const all = [
    ...(phone === undefined ? [] : [{ value: phone, type: "work" }]),
    ...(mobile === undefined ? [] : [{ value: mobile, type: "mobile" }]),
  ];
  return all.length === 0 ? undefined : all;
}

function group(values: Readonly<Record<string, Json | undefined>>): JsonObject | undefined {
  const said = present(values);
  return Object.keys(said).length === 0 ? undefined : said;
}

function present(values: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
