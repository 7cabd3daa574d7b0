/** How a token's subject finds a user (design §7). */
export type SubjectRule = "direct" | "attribute" | "federated";
export type SubjectCompare = "exact" | "casefold";
export type ConnectionKind = "okta" | "entra" | "scim";

export type Connection = {
  readonly id: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: ConnectionKind;
  readonly issuers: readonly string[];
  readonly audience: string | undefined;
  readonly subjectClaim: string;
  readonly subjectRule: SubjectRule;
  readonly subjectAttribute: string;
  readonly subjectCompare: SubjectCompare;
  readonly tokenLifetimeSec: number;
};
