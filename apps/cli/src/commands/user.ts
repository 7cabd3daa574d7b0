import { Command } from "commander";
import { findUser, type UserSummary } from "../find-user.ts";
import { withSession } from "../session.ts";
import { type Cell, fields, table } from "../table.ts";
import { addLinkCommands } from "./user-links.ts";

type History = {
  readonly id: string;
  readonly userName?: string;
  readonly displayName?: string;
  readonly directory: readonly UserSummary[];
  readonly denials: readonly { readonly reason: string; readonly note: string | null; readonly since: string }[];
  readonly identities: readonly {
    readonly iss: string;
    readonly sub: string;
    readonly alias: boolean;
    readonly linkedAt: string | null;
  }[];
  readonly groups: readonly { readonly displayName: string }[];
  readonly revocations: readonly {
    readonly iss: string;
    readonly sub: string;
    readonly deny: boolean;
    readonly nbf: number | null;
    readonly reason: string;
  }[];
  readonly events: readonly {
    readonly id: number;
    readonly kind: string;
    readonly source: string;
    readonly acceptedAt: string;
    readonly appliedAt: string | null;
    readonly deadAt: string | null;
  }[];
};

const who = "its id, userName, externalId or subject";

/** `rollcall user show|suspend|unsuspend|link|unlink|identity` */
export function userCommand(): Command {
  const user = new Command("user").description(
    "one user: what the directory says, what the application believes, what happened",
  );
  user
    .command("show")
    .argument("<user>", who)
    .description("everything that is known of a user")
    .action((named: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const history = await session.api.get<History>(
          `${await session.tenantPath()}/users/${await findUser(session, named)}`,
        );
        session.print(history, () => shown(history));
      }),
    );
  decision(
    user,
    "suspend",
    "refuse a user until unsuspend, whatever the identity provider says",
    "is suspended; gateways are being told",
  );
  decision(
    user,
    "unsuspend",
    "lift a suspension; tokens of before stay dead",
    "is no longer suspended; tokens of before stay dead",
  );
  addLinkCommands(user);
  return user;
}

function decision(user: Command, verb: "suspend" | "unsuspend", description: string, outcome: string): void {
  user
    .command(verb)
    .argument("<user>", who)
    .description(description)
    .option("--note <text>", "why, for the audit; name no person")
    .action((named: string, options: { readonly note?: string }, command: Command) =>
      withSession(command, async (session) => {
        const id = await findUser(session, named);
        const answer = await session.api.post<{ readonly userId: string }>(
          `${await session.tenantPath()}/users/${id}/${verb}`,
          options,
        );
        session.print(answer, () => `user ${answer.userId} ${outcome}`);
      }),
    );
}

function shown(history: History): string {
  const reasons = history.denials.map(({ reason }) => reason).join(", ");
  const head = fields({
    id: history.id,
    userName: history.userName ?? history.directory[0]?.userName,
    name: history.displayName,
    access: reasons === "" ? "allowed" : `denied: ${reasons}`,
    groups: history.groups.map(({ displayName }) => displayName).join(", "),
  });
  return [head, ...sectionsOf(history).map(({ title, columns, rows }) => `${title}\n${table(columns, rows)}`)].join(
    "\n\n",
  );
}

type Section = {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
};

function sectionsOf({ directory, denials, identities, revocations, events }: History): readonly Section[] {
  const sync = (behind: boolean): string => (behind ? "not applied yet" : "in step");
  const before = (nbf: number | null): string | undefined =>
    nbf === null ? undefined : new Date(nbf * 1_000).toISOString();
  const directoryRows = directory.map((one) => [
    one.directoryUserId,
    one.userName,
    one.externalId,
    stateOf(one),
    sync(one.behind),
    one.linkedAt,
  ]);
  const revoked = revocations.map(({ iss, sub, deny, nbf, reason }) => [iss, sub, deny, before(nbf), reason]);
  return [
    { title: "directory", columns: ["id", "userName", "externalId", "state", "sync", "linked"], rows: directoryRows },
    {
      title: "denials",
      columns: ["reason", "since", "note"],
      rows: denials.map(({ reason, since, note }) => [reason, since, note]),
    },
    {
      title: "subjects",
      columns: ["issuer", "sub", "earlier", "by an admin"],
      rows: identities.map(({ iss, sub, alias, linkedAt }) => [iss, sub, alias, linkedAt]),
    },
    { title: "revocations", columns: ["issuer", "sub", "denied", "tokens before", "reason"], rows: revoked },
    { title: "events", columns: ["id", "kind", "source", "accepted", "applied"], rows: events.map(eventRow) },
  ];
}

function eventRow({ id, kind, source, acceptedAt, appliedAt, deadAt }: History["events"][number]): readonly Cell[] {
  return [id, kind, source, acceptedAt, deadAt === null ? (appliedAt ?? "waiting") : "given up"];
}

function stateOf({ active, deletedAt }: UserSummary): string {
  if (deletedAt !== undefined) return `deleted ${deletedAt}`;
  return active ? "active" : "inactive";
}
