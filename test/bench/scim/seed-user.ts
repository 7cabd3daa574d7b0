/** A user as Okta sends one. */
export function userBody(userName: string) {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName,
    externalId: `x-${userName}`,
    name: { givenName: "Ann", familyName: "Bell" },
    displayName: "Ann Bell",
    emails: [{ value: userName, type: "work", primary: true }],
    active: true,
  };
}
