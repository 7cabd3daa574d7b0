import { Command } from "commander";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { findUser } from "../find-user.ts";
import { type Session, withSession } from "../session.ts";
import { table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Target = {
  readonly user?: string;
  readonly iss?: string;
  readonly sub?: string;
  readonly session?: string;
  readonly tokenId?: string;
  readonly tenantClaim?: string;
  readonly everyone?: true;
  readonly note?: string;
};
type AddOptions = Target & { readonly tokens?: boolean; readonly expiresIn?: number };
type Outcome = { readonly userId?: string; readonly issuerKnown: boolean; readonly changed: number };
type Revocation = {
  readonly scope: "sub" | "sid" | "jti" | "tenant" | "iss";
  readonly iss: string;
  readonly sub: string;
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly reason: string;
  readonly appliedAt: string;
  readonly expiresAt: string | null;
  readonly enforcedAt: string | null;
};

const scopes: Readonly<Record<Revocation["scope"], string>> = {
  sub: "subject",
  sid: "session",
  jti: "token",
  tenant: "tenant claim",
  iss: "everyone",
};

/** `rollcall revoke add|lift|list` */
export function revokeCommand(): Command {
  const revoke = new Command("revoke").description(
    "refuse a user, a subject that Rollcall need not know, a session, one token, or an issuer",
  );
  withTarget(revoke.command("add").description("deny a target until it is lifted"))
    .option("--tokens", "deny nobody; only kill the tokens issued until now")
    .option("--expires-in <seconds>", "when the denial ends by itself", wholeNumber)
    .action((options: AddOptions, command: Command) =>
      withSession(command, async (session) => {
        const kind = options.tokens === true ? "nbf" : "deny";
        const body = { ...(await targetOf(session, options)), kind, expiresInSec: options.expiresIn };
        const outcome = await session.api.post<Outcome>(`${await session.tenantPath()}/revocations`, body);
        session.print(
          outcome,
          () =>
            `${subjectOf(outcome, options)} ${options.tokens === true ? "must sign in again" : "is denied"}; gateways are being told${warning(outcome)}`,
        );
      }),
    );
  withTarget(revoke.command("lift").description("lift an admin's denial; tokens of before stay dead")).action(
    (options: Target, command: Command) =>
      withSession(command, async (session) => {
        const outcome = await session.api.post<Outcome>(
          `${await session.tenantPath()}/revocations/lift`,
          await targetOf(session, options),
        );
        session.print(
          outcome,
          () => `${subjectOf(outcome, options)} is no longer denied by an admin; tokens of before stay dead`,
        );
      }),
  );
  revoke
    .command("list")
    .description("what gateways are told to refuse")
    .option("--after <cursor>", "the `next` of an earlier page")
    .action((options: { readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Revocation[]; readonly next?: string }>(
          `${await tenantPath()}/revocations`,
          { ...options, limit: 200 },
        );
        const rows = answer.items.map(({ scope, iss, sub, deny, nbf, ...one }) => [
          iss,
          scopes[scope],
          sub,
          deny,
          nbf === null ? undefined : new Date(nbf * 1_000).toISOString(),
          one.reason,
          one.appliedAt,
          one.expiresAt,
          one.enforcedAt,
        ]);
        const headings = ["issuer", "what", "value", "denied", "tokens before", "reason", "since", "until", "enforced"];
        const more = answer.next === undefined ? "" : `\n\nmore: rollcall revoke list --after ${answer.next}`;
        print(answer, () => `${table(headings, rows)}${more}`);
      }),
    );
  return revoke;
}

function withTarget(command: Command): Command {
  return command
    .option("--user <user>", "a user, by id, userName, externalId or subject")
    .option("--iss <issuer>", "with --sub: the tokens' issuer")
    .option("--sub <subject>", "with --iss: the tokens' subject")
    .option("--session <sid>", "with --iss: the tokens of one session")
    .option("--token-id <jti>", "with --iss: one token")
    .option("--tenant-claim <value>", "with --iss: the tokens whose tenant claim says this")
    .option("--everyone", "with --iss: every token of the issuer")
    .option("--note <text>", "why, for the audit; name no person");
}

async function targetOf(session: Session, options: Target): Promise<object> {
  const { user, iss, sub, session: sid, tokenId, tenantClaim, everyone, note } = options;
  const named = { sub, session: sid, tokenId, tenantClaim, everyone };
  const count = Object.values(named).filter((value) => value !== undefined).length;
  if (user !== undefined && iss === undefined && count === 0) return { userId: await findUser(session, user), note };
  if (user === undefined && iss !== undefined && count === 1) return { iss, ...named, note };
  throw new CommandError(
    exitCodes.usage,
    "target_missing",
    "name either --user, or --iss with one of --sub, --session, --token-id, --tenant-claim and --everyone",
  );
}

function subjectOf(outcome: Outcome, options: Target): string {
  if (outcome.userId !== undefined) return `user ${outcome.userId}`;
  if (options.everyone === true) return `everyone of ${options.iss}`;
  if (options.sub !== undefined) return `subject ${JSON.stringify(options.sub)} (of no user yet)`;
  const { session, tokenId, tenantClaim } = options;
  const [[what, value] = []] = Object.entries({ session, token: tokenId, tenant: tenantClaim }).filter(
    ([, given]) => given !== undefined,
  );
  return `${what} ${JSON.stringify(value)}`;
}

function warning(outcome: Outcome): string {
  return outcome.issuerKnown ? "" : "\nNo connection of this tenant names the issuer: is it written as in the tokens?";
}
