import type { Connection } from "./connection.ts";
import type { EventKind } from "./event.ts";
import type { ProvisioningRefusal } from "./just-in-time.ts";

/** What checking a token's signature against its issuer's published keys said. */
export type SignatureVerdict =
  | { readonly kind: "valid" | "invalid" | "algorithm_not_allowed" | "key_unknown" | "not_checked" }
  | { readonly kind: "keys_unavailable"; readonly why: string };

export type TokenFacts =
  | { readonly kind: "malformed"; readonly why: string }
  | {
      readonly kind: "read";
      readonly alg: unknown;
      readonly typ: unknown;
      readonly iss: unknown;
      readonly aud: unknown;
      readonly exp: unknown;
      readonly nbf: unknown;
      readonly iat: unknown;
      readonly signature: SignatureVerdict;
    };

/** A token, or a subject alone. */
export type ExplainQuestion = {
  readonly token: TokenFacts | undefined;
  readonly iss: string | undefined;
  /** The claim's value as it stands in the token, of whatever type. */
  readonly sub: unknown;
  readonly subjectClaim: string;
  /** What else of the token an entry may name. */
  readonly session?: string | undefined;
  readonly tokenId?: string | undefined;
  /** All that the token says, for whether a user could be made of it. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** What a gateway said of it, where that is what is asked about. */
  readonly refused?: RefusedFact | undefined;
};

/** A refusal by a gateway's own word. */
export type RefusedFact = {
  readonly at: Date | undefined;
  readonly gateway: string | undefined;
  /** One of the guard's reasons. */
  readonly reason: string;
  readonly claims?: readonly string[] | undefined;
};

/** A directory user that the subject might mean. */
export type Candidate = {
  readonly directoryUserId: string;
  readonly userId: string;
  readonly connection: Connection;
  /** The subject that its connection's rule reads from it. */
  readonly subject: string | undefined;
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly active: boolean;
  readonly deletedAt: Date | undefined;
  readonly version: number;
  readonly appliedVersion: number;
  /** The event that last took access away. */
  readonly left: EventFact | undefined;
  /** The oldest event that waits, with how many wait before it in its lane. */
  readonly waiting:
    | (EventFact & { readonly lane: number; readonly ahead: number; readonly attempts: number })
    | undefined;
  /** The newest event that was given up, where nothing was applied since. */
  readonly dead: (EventFact & { readonly reason: string }) | undefined;
  readonly denials: readonly DenialFact[];
  /** When its last change was applied. */
  readonly changedAt?: Date | undefined;
  /** What the last comparison found to differ, and nothing has healed since. */
  readonly drift?: { readonly kind: string; readonly foundAt: Date } | undefined;
  /** Where an admin has linked it to another user than its own. */
  readonly linked?: TieFact | undefined;
};

/** What an admin tied by hand: when, and by which credential. */
export type TieFact = { readonly at: Date; readonly by: string | undefined };

export type EventFact = { readonly id: number; readonly kind: EventKind; readonly at: Date };
export type DenialFact = { readonly reason: string; readonly since: Date; readonly by: string | undefined };
export type IdentityFact = {
  readonly iss: string;
  readonly sub: string;
  readonly userId: string;
  readonly directoryUserId: string;
  readonly alias: boolean;
  /** Where an admin gave the user this subject. */
  readonly linked?: TieFact | undefined;
};

/** How a connection brings its users just now. */
export type ConnectionStanding = {
  readonly connectionId: string;
  readonly slug: string;
  readonly pausedAt: Date | undefined;
  /** Whether it ever brought anybody. */
  readonly brought: boolean;
  /** When a request or an event of it was last seen. */
  readonly heardAt: Date | undefined;
  /** Since when it is quieter than it should be, by an alert that stands. */
  readonly silentSince: Date | undefined;
  /** A listing that waits for a person; `names` where it would change this very subject. */
  readonly braked: { readonly run: string; readonly since: Date; readonly names: boolean } | undefined;
  /** What a source said of the subject before anybody of that name came. */
  readonly parked: { readonly kind: string; readonly at: Date; readonly count: number } | undefined;
};

export type RevocationFact = {
  readonly deny: boolean;
  readonly nbf: number | undefined;
  readonly reason: string;
  readonly since: Date;
  readonly by: string | undefined;
  /** The feed's log has it. */
  readonly published: boolean;
  /** What it strikes, where that is more or less than the subject. */
  readonly scope: "sub" | "sid" | "jti" | "tenant" | "iss";
  /** Since when gateways are told of it no more, for no token lives that it could refuse. */
  readonly forgottenAt: Date | undefined;
  /** The feed's sequence that has it; undefined where none has. */
  readonly seq: number | undefined;
  /** That of the feed of all tenants. */
  readonly houseSeq: number | undefined;
  /** Since when every gateway that can be counted on enforces it, whichever feed it follows. */
  readonly enforcedAt: Date | undefined;
};

export type GatewayFact = {
  readonly name: string;
  /** Whether it follows the tenant's own feed or that of all tenants. */
  readonly follows: "tenant" | "all";
  /** `stale` is heard and says itself that what it holds is old; `blind` is not heard. */
  readonly standing: "live" | "behind" | "stale" | "blind" | "gone";
  readonly seq: number;
  /** When it first said that it was there. */
  readonly seqAt: Date;
  /** Undefined where it follows another epoch. */
  readonly behind: number | undefined;
  readonly asOfAgeMs: number;
};

/** Whether a request with this very token would make a user of its subject. */
export type ProvisioningFact =
  | { readonly kind: "off" }
  /** A subject alone was asked about. */
  | { readonly kind: "untold" }
  | {
      readonly kind: "refused";
      readonly refusal: ProvisioningRefusal | { readonly reason: "idp_deleted" } | { readonly reason: "idp_inactive" };
    }
  | { readonly kind: "ready"; readonly connection: string };

export type SubjectFacts = {
  /** Those that name the issuer, or all of the tenant's where none is given. */
  readonly connections: readonly Connection[];
  readonly candidates: readonly Candidate[];
  /** The identities that the subject has in the user store. */
  readonly identities: readonly IdentityFact[];
  readonly revocations: readonly RevocationFact[];
  readonly gateways: readonly GatewayFact[];
  /** Undefined where the issuer is not told. */
  readonly provisioning?: ProvisioningFact | undefined;
  /** Another tenant knows the subject; only ever told to an operator of the house. */
  readonly otherTenants: readonly string[];
  /** Other tenants that name the issuer, where this one does not; told to nobody else either. */
  readonly issuerTenants?: readonly string[] | undefined;
  /** All of the tenant's. */
  readonly tenantConnections?: readonly Connection[] | undefined;
  readonly standings?: readonly ConnectionStanding[] | undefined;
  /** How many denials of single sessions and tokens of the issuer stand: without the token nobody can tell whether one is meant. */
  readonly narrowDenials?: number | undefined;
  /** Why nothing could be read of the subject. */
  readonly unreachable?: string | undefined;
};
