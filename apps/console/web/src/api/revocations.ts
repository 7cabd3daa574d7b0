export type Revocation = {
  readonly id: string;
  readonly scope: string;
  readonly iss: string;
  readonly sub: string;
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly origin: string;
  readonly reason: string;
  readonly acceptedAt: string;
  readonly appliedAt: string;
  readonly expiresAt: string | null;
  readonly forgottenAt: string | null;
  readonly seq: number | null;
  readonly enforcedAt: string | null;
};

export const scopeWords: Readonly<Record<string, string>> = {
  sub: "subject",
  sid: "session",
  jti: "token",
  tenant: "tenant claim",
  iss: "issuer",
};
