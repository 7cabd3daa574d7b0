import { Command } from "commander";
import { findDirectoryUser, findUser } from "../find-user.ts";
import { withSession } from "../session.ts";

type Linked = {
  readonly userId: string;
  readonly directoryUserId: string;
  readonly changed: boolean;
  readonly denials: readonly string[];
};
type Given = { readonly userId: string; readonly changed: boolean };
type Note = { readonly note?: string };
type Subject = { readonly iss: string; readonly sub: string };

const who = "its id, userName, externalId or subject";
const why = ["--note <text>", "why, for the audit; name no person"] as const;

/** `rollcall user link|unlink`, `rollcall user identity add|remove` */
export function addLinkCommands(user: Command): void {
  user
    .command("link")
    .argument("<user>", `the user that stays: ${who}`)
    .argument("<other>", `the directory user that becomes the same person: ${who}`)
    .description("make one person of two directory users; what denies one denies both")
    .option(...why)
    .action((named: string, other: string, options: Note, command: Command) =>
      withSession(command, async (session) => {
        const id = await findUser(session, named);
        const directoryUser = await findDirectoryUser(session, other);
        const path = `${await session.tenantPath()}/users/${id}/links`;
        const linked = await session.api.post<Linked>(path, { directoryUser, ...options });
        session.print(linked, () => said(linked));
      }),
    );
  user
    .command("unlink")
    .argument("<user>", `the user that stays: ${who}`)
    .argument("<other>", "the directory user that becomes a person of its own again: its id")
    .description("make two people of one again; each keeps what denies it")
    .action((named: string, other: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const id = await findUser(session, named);
        await session.api.remove(`${await session.tenantPath()}/users/${id}/links/${encodeURIComponent(other)}`);
        session.print({ userId: id, directoryUserId: other }, () => `${other} is a user of its own again`);
      }),
    );
  user.addCommand(identityCommand());
}

function identityCommand(): Command {
  const identity = new Command("identity").description("subjects that an admin gives to a user");
  identity
    .command("add")
    .argument("<user>", who)
    .description("tokens of this issuer with this subject are the user's, whatever the directory says")
    .requiredOption("--iss <url>", "the issuer, byte for byte; a connection of the user must name it")
    .requiredOption("--sub <subject>", "the subject as its tokens say it")
    .option(...why)
    .action((named: string, options: Subject & Note, command: Command) =>
      withSession(command, async (session) => {
        const path = `${await session.tenantPath()}/users/${await findUser(session, named)}/identities`;
        const given = await session.api.post<Given>(path, options);
        session.print(given, () => `the subject is user ${given.userId}'s${given.changed ? "" : " already"}`);
      }),
    );
  identity
    .command("remove")
    .argument("<user>", who)
    .description("take such a subject from the user; its tokens die")
    .requiredOption("--iss <url>", "the issuer, byte for byte")
    .requiredOption("--sub <subject>", "the subject as its tokens say it")
    .action((named: string, { iss, sub }: Subject, command: Command) =>
      withSession(command, async (session) => {
        const id = await findUser(session, named);
        const query = new URLSearchParams({ iss, sub }).toString();
        await session.api.remove(`${await session.tenantPath()}/users/${id}/identities?${query}`);
        session.print({ userId: id, iss, sub }, () => `the subject is no longer user ${id}'s`);
      }),
    );
  return identity;
}

function said({ userId, directoryUserId, changed, denials }: Linked): string {
  if (!changed) return `${directoryUserId} is user ${userId} already`;
  const refused = denials.length === 0 ? "" : `; the person is denied: ${denials.join(", ")}`;
  return `${directoryUserId} is user ${userId} from now on; its tokens of before are dead${refused}`;
}
