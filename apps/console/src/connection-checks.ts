import type { Connection } from "@rollcall/core/domain";
import type { Arrivals } from "@rollcall/core/store";

/** One thing that a set-up needs, and what to do where it is missing. */
export type ConnectionCheck = {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do; left out where all is well. */
  readonly fix?: string | undefined;
};

/** What an issuer's keys were found to be. */
export type IssuerKeys = { readonly issuer: string; readonly trouble: string | undefined };

/** What somebody with experience looks at in a new connection, in the order in which it comes to be. */
export function connectionChecks(
  connection: Connection,
  arrivals: Arrivals,
  keys: readonly IssuerKeys[],
): readonly ConnectionCheck[] {
  return [
    ...(connection.pausedAt === undefined ? [] : [paused(connection.pausedAt)]),
    token(arrivals),
    firstRequest(arrivals),
    firstUser(arrivals),
    applied(arrivals),
    subjects(connection, arrivals),
    ...(connection.issuers.length === 0 ? [noIssuer] : keys.map(issuerKeys)),
    ...(arrivals.provider === undefined ? [] : [provider(arrivals.provider)]),
  ];
}

function check(name: string, ok: boolean, detail: string, fix: string): ConnectionCheck {
  return ok ? { name, ok, detail } : { name, ok, detail, fix };
}

function paused(since: Date): ConnectionCheck {
  return check(
    "not_paused",
    false,
    `paused since ${since.toISOString()}`,
    "resume it: it takes denials and nothing else",
  );
}

function token({ tokens, sources }: Arrivals): ConnectionCheck {
  const detail = `${tokens} SCIM ${tokens === 1 ? "token lives" : "tokens live"}, ${sources} ${sources === 1 ? "source" : "sources"}`;
  return check("token_issued", tokens + sources > 0, detail, "issue a SCIM token and give it to the identity provider");
}

function firstRequest({ lastEventAt, firstEventAt }: Arrivals): ConnectionCheck {
  const ok = firstEventAt !== null || lastEventAt !== null;
  const detail = ok
    ? `first on ${told(firstEventAt)}, last on ${told(lastEventAt)}`
    : "the identity provider has not changed anything here yet";
  return check(
    "first_change_seen",
    ok,
    detail,
    "begin provisioning at the identity provider, with the address and the token",
  );
}

function firstUser({ users, groups }: Arrivals): ConnectionCheck {
  const fix = "assign somebody to the application at the identity provider";
  return check("first_user_seen", users > 0, `${users} living users, ${groups} groups`, fix);
}

function applied({ firstAppliedAt, waiting, dead, users }: Arrivals): ConnectionCheck {
  const ok = (firstAppliedAt !== null || users === 0) && dead === 0;
  const fix = dead > 0 ? "look at the dead letters, each says why" : "see that a worker runs";
  const detail = `first on ${told(firstAppliedAt)}; ${waiting} events wait, ${dead} were given up`;
  return check("users_applied", ok, detail, fix);
}

function subjects({ subjectAttribute, subjectRule }: Connection, { withoutSubject, users }: Arrivals): ConnectionCheck {
  const whose = subjectRule === "attribute" ? `by ${subjectAttribute}` : `by the rule ${subjectRule}`;
  const detail = `${withoutSubject} of ${users} users are found by no subject, ${whose}`;
  const fix = "let the identity provider send what the subject rule takes, or set another rule";
  return check("subjects_known", withoutSubject === 0 || subjectRule === "federated", detail, fix);
}

const noIssuer = check(
  "issuer_named",
  false,
  "no issuer is named, so no token is anybody's",
  "name the issuer of the tokens, as `iss` says it",
);

function issuerKeys({ issuer, trouble }: IssuerKeys): ConnectionCheck {
  const fix = "see that the issuer is written as in its tokens, and that its keys can be fetched from here";
  return check("issuer_keys_fetched", trouble === undefined, `${issuer}: ${trouble ?? "its keys were fetched"}`, fix);
}

function provider({ title, answeredAt, lastError }: NonNullable<Arrivals["provider"]>): ConnectionCheck {
  const detail = lastError === null ? `${title} last answered on ${told(answeredAt)}` : `${title}: ${lastError}`;
  return check(
    "provider_answers",
    lastError === null && answeredAt !== null,
    detail,
    "try the provider, which says what is wrong",
  );
}

function told(at: Date | null): string {
  return at === null ? "never" : at.toISOString();
}
