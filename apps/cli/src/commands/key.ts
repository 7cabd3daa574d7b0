import { Command } from "commander";
import { type FeedKeys, readFeedKeys, signingWith, withNewKey, withoutKey, writeFeedKeys } from "../feed-keys.ts";
import { withLocalSession } from "../session.ts";
import { table } from "../table.ts";

type KeyOptions = { readonly file: string };

/** `… key list|new|sign-with|remove`. Keys are in a file of the feed's processes, which read it when they start; the service is not asked. */
export function keyCommand(
  what: string,
  algorithm: "EdDSA" | "RS256",
  setting: "FEED_KEYS_FILE" | "SSF_KEYS_FILE",
  name: string,
): Command {
  const file = ["--file <path>", `the file that ${setting} names`] as const;
  const key = new Command("key").description(`the keys that sign ${what}, in their file`);
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
        (keys) => withNewKey(keys, algorithm),
        `Restart the feed's processes one by one. After an hour, when everybody knows it: ${name} sign-with <kid>.`,
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
        `Restart the feed's processes one by one. An hour later nothing is signed with the old one: ${name} remove <kid>.`,
      ),
    );
  key
    .command("remove <kid>")
    .description("publish a key no more; what it has signed is refused from then on")
    .requiredOption(...file)
    .action((kid: string, options: KeyOptions, command: Command) =>
      change(command, options, async (keys) => withoutKey(keys, kid, name), "Restart the feed's processes one by one."),
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
