import { Command } from "commander";
import { type FeedKeys, readFeedKeys, signingWith, withNewKey, withoutKey, writeFeedKeys } from "../feed-keys.ts";
import { type Session, withLocalSession, withSession } from "../session.ts";
import { fields, table } from "../table.ts";

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
type KeyOptions = { readonly file: string };

const house = ["--house", "the feed of all tenants"] as const;
const file = ["--file <path>", "the file that FEED_KEYS_FILE names"] as const;

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
  feed.addCommand(keyCommand());
  return feed;
}

/** Keys are in a file of the feed's processes, which read it when they start; the service is not asked. */
function keyCommand(): Command {
  const key = new Command("key").description("the keys that sign the feed, in their file");
  key
    .command("list")
    .description("every key that is published; the first signs")
    .requiredOption(...file)
    .action((options: KeyOptions, command: Command) => change(command, options, undefined, ""));
  key
    .command("new")
    .description("publish a new key, which signs nothing yet")
    .requiredOption(...file)
    .action((options: KeyOptions, command: Command) =>
      change(
        command,
        options,
        withNewKey,
        "Restart the feed's processes one by one. After an hour, when every gateway knows it: rollcall feed key sign-with <kid>.",
      ),
    );
  key
    .command("sign-with <kid>")
    .description("sign with another published key from the next start on")
    .requiredOption(...file)
    .action((kid: string, options: KeyOptions, command: Command) =>
      change(
        command,
        options,
        async (keys) => signingWith(keys, kid),
        "Restart the feed's processes one by one. An hour later nothing is signed with the old one: rollcall feed key remove <kid>.",
      ),
    );
  key
    .command("remove <kid>")
    .description("publish a key no more; what it has signed is refused from then on")
    .requiredOption(...file)
    .action((kid: string, options: KeyOptions, command: Command) =>
      change(command, options, async (keys) => withoutKey(keys, kid), "Restart the feed's processes one by one."),
    );
  return key;
}

async function change(
  command: Command,
  options: KeyOptions,
  make: ((keys: FeedKeys) => Promise<FeedKeys>) | undefined,
  next: string,
): Promise<void> {
  await withLocalSession(command, async (print) => {
    const before = readFeedKeys(options.file);
    const keys = make === undefined ? before : await make(before);
    if (make !== undefined) writeFeedKeys(options.file, keys);
    const listed = keys.map(({ kid }, index) => ({ kid, signs: index === 0 }));
    const rows = listed.map(({ kid, signs }) => [kid, signs]);
    print({ keys: listed }, () => `${table(["kid", "signs"], rows)}${next === "" ? "" : `\n\n${next}`}`);
  });
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
