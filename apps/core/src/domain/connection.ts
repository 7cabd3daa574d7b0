import type { DialectChoices } from "./dialect-rules.ts";
import type { JustInTime } from "./just-in-time.ts";
import type { PullSettings } from "./pull.ts";
import type { OwnRates } from "./request-kind.ts";

/** How a token's subject finds a user (design §7). */
export type SubjectRule = "direct" | "attribute" | "federated";
export type SubjectCompare = "exact" | "casefold";

/** Whose dialect a connection speaks. `scim` is everybody who is not named. */
export const connectionKinds = [
  "okta",
  "entra",
  "google",
  "onelogin",
  "jumpcloud",
  "ping",
  "rippling",
  "keycloak",
  "scim",
] as const;
export type ConnectionKind = (typeof connectionKinds)[number];

export type Connection = {
  readonly id: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: ConnectionKind;
  /** What an admin has set otherwise than the kind's dialect says. */
  readonly dialect: DialectChoices;
  readonly issuers: readonly string[];
  readonly audience: string | undefined;
  readonly subjectClaim: string;
  readonly subjectRule: SubjectRule;
  readonly subjectAttribute: string;
  readonly subjectCompare: SubjectCompare;
  readonly tokenLifetimeSec: number;
  /** Grows with every change of its extension schemas; 0 where it never had one. */
  readonly schemasVersion: number;
  /** What it may ask for in a second, where that is not what every connection may. */
  readonly rates: OwnRates;
  /** How users are made from verified tokens; left out where nobody ever said anything about it. */
  readonly justInTime?: JustInTime | undefined;
  /** Since when an admin has paused it: it takes denials and nothing else. */
  readonly pausedAt?: Date | undefined;
  /** How often everybody is listed, and what a listing may change unasked; left out where only an admin asks for one. */
  readonly pull?: PullSettings | undefined;
};
