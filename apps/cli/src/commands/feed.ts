import { Command } from "commander";
import { type Session, withSession } from "../session.ts";
import { fields } from "../table.ts";
import { keyCommand } from "./key.ts";

type Feed = {
  readonly name: string;
  readonly epoch: number;
  readonly seq: number;
  readonly floorSeq: number;
  readonly entries: number;
  readonly asOf: string;
  readonly subjects?: { readonly entries: number; readonly filled: boolean };
};
type Options = { readonly house?: boolean };

const house = ["--house", "the feed of all tenants"] as const;

/** `rollcall feed show|new-epoch|subject-key|key` */
export function feedCommand(): Command {
  const feed = new Command("feed").description("what gateways follow, and the keys that sign it");
  feed
    .command("show")
    .description("where the feed is")
    .option(...house)
    .action((options: Options, command: Command) =>
      withSession(command, async (session) => {
        const answer = await session.api.get<Feed>(await pathOf(session, options));
        session.print(answer, () => shown(answer));
      }),
    );
  feed
    .command("new-epoch")
    .description("have every gateway take a new snapshot: after a database was restored from a backup")
    .option(...house)
    .action((options: Options, command: Command) =>
      withSession(command, async (session) => {
        const raised = await session.api.post<Pick<Feed, "epoch" | "seq">>(
          `${await pathOf(session, options)}/epoch`,
          {},
        );
        session.print(raised, () => `the feed goes on at ${raised.epoch}-${raised.seq}`);
      }),
    );
  feed
    .command("subject-key")
    .description("the key under which hashed feeds name subjects, for the gateways that follow them")
    .option(...house)
    .action((options: Options, command: Command) =>
      withSession(command, async (session) => {
        const answer = await session.api.get<{ readonly name: string; readonly subjectKey: string }>(
          `${await pathOf(session, options)}/subject-key`,
        );
        session.print(answer, () => answer.subjectKey);
      }),
    );
  feed.addCommand(keyCommand("the feed", "EdDSA", "FEED_KEYS_FILE", "rollcall feed key"));
  return feed;
}

async function pathOf({ tenantPath }: Session, { house: isHouse }: Options): Promise<string> {
  return `${isHouse === true ? "/v1/admin" : await tenantPath()}/feed`;
}

function shown({ name, epoch, seq, floorSeq, entries, asOf, subjects }: Feed): string {
  return fields({
    feed: name,
    at: `${epoch}-${seq}`,
    "changes since": floorSeq,
    entries,
    "as of": asOf,
    subjects: subjects === undefined ? undefined : subjects.filled ? subjects.entries : "being filled",
  });
}
