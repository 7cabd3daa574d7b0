import { Command } from "commander";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { findUser } from "../find-user.ts";
import { type Session, withSession } from "../session.ts";
import { table } from "../table.ts";

type Target = { readonly user?: string; readonly iss?: string; readonly sub?: string; readonly note?: string };
type Outcome = { readonly userId?: string; readonly issuerKnown: boolean; readonly changed: number };
type Revocation = {
  readonly iss: string;
  readonly sub: string;
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly reason: string;
  readonly appliedAt: string;
};

/** `rollcall revoke add|lift|list` */
export function revokeCommand(): Command {
  const revoke = new Command("revoke").description("refuse a user, or a subject that Rollcall need not know");
  withTarget(revoke.command("add").description("deny a target until it is lifted"))
    .option("--tokens", "deny nobody; only kill the tokens issued until now")
    .action((options: Target & { readonly tokens?: boolean }, command: Command) =>
      withSession(command, async (session) => {
        const body = { ...(await targetOf(session, options)), kind: options.tokens === true ? "nbf" : "deny" };
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
        const rows = answer.items.map(({ iss, sub, deny, nbf, reason, appliedAt }) => [
          iss,
          sub,
          deny,
          nbf === null ? undefined : new Date(nbf * 1_000).toISOString(),
          reason,
          appliedAt,
        ]);
        const more = answer.next === undefined ? "" : `\n\nmore: rollcall revoke list --after ${answer.next}`;
        print(answer, () => `${table(["issuer", "sub", "denied", "tokens before", "reason", "since"], rows)}${more}`);
      }),
    );
  return revoke;
}

function withTarget(command: Command): Command {
  return command
    .option("--user <user>", "a user, by id, userName, externalId or subject")
    .option("--iss <issuer>", "with --sub: the tokens' issuer")
    .option("--sub <subject>", "with --iss: the tokens' subject")
    .option("--note <text>", "why, for the audit; name no person");
}

async function targetOf(session: Session, options: Target): Promise<object> {
  const { user, iss, sub, note } = options;
  if (user !== undefined && iss === undefined && sub === undefined)
    return { userId: await findUser(session, user), note };
  if (user === undefined && iss !== undefined && sub !== undefined) return { iss, sub, note };
  throw new CommandError(exitCodes.usage, "target_missing", "name either --user, or both --iss and --sub");
}

function subjectOf(outcome: Outcome, options: Target): string {
  return outcome.userId === undefined
    ? `subject ${JSON.stringify(options.sub)} (of no user yet)`
    : `user ${outcome.userId}`;
}

function warning(outcome: Outcome): string {
  return outcome.issuerKnown ? "" : "\nNo connection of this tenant names the issuer: is it written as in the tokens?";
}
