import type { ExplainQuestion, GatewayFact, RevocationFact, SubjectFacts } from "./explain-facts.ts";
import {
  atSecond,
  type ExplainStep,
  type GatewayTold,
  isNumericDate,
  passed,
  problem,
  span,
  unknown,
} from "./explain-step.ts";

const whom = {
  sub: "",
  sid: "the token's session is ",
  jti: "this one token is ",
  tenant: "the token's tenant is ",
  iss: "the whole issuer is ",
} as const satisfies Record<RevocationFact["scope"], string>;

const namedMax = 5;

/** Whether something refuses the subject or its token, and whether gateways have been told. */
export function explainRevocation(
  { token, refused }: ExplainQuestion,
  { revocations, narrowDenials = 0 }: SubjectFacts,
): ExplainStep {
  const denying = revocations.find(({ deny }) => deny);
  if (denying !== undefined) {
    const by = denying.by === undefined ? "" : ` by credential ${denying.by}`;
    return problem(
      "revocation",
      denying.reason === "session_ended" ? "session_ended" : "revoked",
      `${whom[denying.scope]}denied since ${denying.since.toISOString()} (${denying.reason})${by}${told(denying)}`,
    );
  }
  const cuts = revocations.flatMap((revocation) =>
    revocation.nbf === undefined ? [] : [{ ...revocation, nbf: revocation.nbf }],
  );
  const latest = cuts.toSorted((a, b) => b.nbf - a.nbf)[0];
  if (latest === undefined && refused?.reason === "revoked" && narrowDenials > 0)
    return problem(
      "revocation",
      "revoked",
      `nothing denies the subject; ${narrowDenials} single sessions or tokens of its issuer are denied: ask with the token whether it is one`,
    );
  if (latest === undefined) return passed("revocation", "nothing is revoked");
  const said = `tokens issued before ${atSecond(latest.nbf)} are dead (${latest.reason})`;
  if (token === undefined && refused?.reason === "issued_before_revocation")
    return problem("revocation", "issued_before_revocation", `${said}; the gateway found its token to be older`);
  if (token?.kind !== "read") return passed("revocation", `not denied; ${said}`);
  if (isNumericDate(token.iat) && token.iat >= latest.nbf)
    return passed("revocation", `${said}; this one was issued at ${atSecond(token.iat)}`);
  const issued = isNumericDate(token.iat) ? `was issued at ${atSecond(token.iat)}` : "does not say when it was issued";
  return problem("revocation", "issued_before_revocation", `${said}; this one ${issued}`);
}

function told({ published, forgottenAt }: RevocationFact): string {
  if (!published) return "; not published to gateways yet";
  if (forgottenAt === undefined) return "";
  return `; gateways were told to forget it at ${forgottenAt.toISOString()}, for no token lives that it could refuse`;
}

/** Which gateways enforce what stands, since when, and which do not yet. It is told, and decides nothing. */
export function explainGateways({ gateways, revocations }: SubjectFacts): ExplainStep {
  const present = gateways.filter(({ standing }) => standing !== "gone").toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (present.length === 0) return unknown("gateway", "no gateway reports how far it is");
  const standing = revocations.find(({ seq, forgottenAt }) => seq !== undefined && forgottenAt === undefined);
  const step = standing === undefined ? aboutHead(present) : aboutEntry(present, standing);
  return { ...step, gateways: present.map((gateway) => toldOf(gateway, standing)) };
}

function aboutHead(gateways: readonly GatewayFact[]): ExplainStep {
  const late = gateways.filter((gateway) => gateway.standing !== "live");
  if (late.length === 0) return passed("gateway", `${gateways.length} at the head of the feed`);
  return unknown(
    "gateway",
    `${late.length} of ${gateways.length} behind, stale or blind: ${named(late, describe)}`,
    lateness(late),
  );
}

function aboutEntry(gateways: readonly GatewayFact[], revocation: RevocationFact): ExplainStep {
  const { enforcedAt, seq = 0 } = revocation;
  const holding = gateways.filter((gateway) => holds(gateway, revocation));
  const without = gateways.filter((gateway) => !holds(gateway, revocation));
  const since = enforcedAt === undefined ? "" : ` since ${enforcedAt.toISOString()}`;
  // A gateway says where it is, and not since when it was past an entry: it was at the latest then.
  const held =
    enforcedAt === undefined && holding.length > 0
      ? `: ${named(holding, ({ name, seqAt }) => `${name} since ${seqAt.toISOString()} at the latest`)}`
      : "";
  const evidence = `entry ${seq} is enforced by ${holding.length} of ${gateways.length} gateways${since}${held}`;
  if (without.length === 0) return passed("gateway", evidence);
  return unknown("gateway", `${evidence}; not yet by ${named(without, describe)}`, lateness(without));
}

/** What is wrong with gateways that are not where they should be, the worst of it. */
export function lateness(gateways: readonly GatewayFact[]): "gateway_stale" | "gateway_behind" {
  const isStale = gateways.some(({ standing }) => standing === "stale" || standing === "blind");
  return isStale ? "gateway_stale" : "gateway_behind";
}

function holds({ behind, seq, follows }: GatewayFact, revocation: RevocationFact): boolean {
  const wanted = follows === "all" ? revocation.houseSeq : revocation.seq;
  return behind !== undefined && wanted !== undefined && seq >= wanted;
}

function toldOf(gateway: GatewayFact, revocation: RevocationFact | undefined): GatewayTold {
  const { name, follows, standing, behind, asOfAgeMs, seqAt } = gateway;
  const enforces = revocation && holds(gateway, revocation);
  return {
    name,
    follows,
    standing,
    ...(behind === undefined ? {} : { behind }),
    asOfAgeMs,
    ...(enforces === undefined ? {} : { enforces }),
    ...(enforces === true ? { sinceAtLatest: seqAt.toISOString() } : {}),
  };
}

export function describe({ name, standing, behind, asOfAgeMs }: GatewayFact): string {
  const distance = behind === undefined ? "on another epoch" : `behind by ${behind} entries`;
  return `${name} (${standing}, ${distance}, its word is ${span(asOfAgeMs / 1_000)} old)`;
}

function named(gateways: readonly GatewayFact[], say: (gateway: GatewayFact) => string): string {
  const more = gateways.length > namedMax ? ` and ${gateways.length - namedMax} more` : "";
  return `${gateways.slice(0, namedMax).map(say).join("; ")}${more}`;
}
