import { Command } from "commander";
import { addFollowerCommands } from "./followers.ts";
import { keyCommand } from "./key.ts";

/** `rollcall stream list|deliveries|replay|remove|key`: receivers make their streams themselves. */
export function streamCommand(): Command {
  const stream = new Command("stream").description(
    "applications that follow by the Shared Signals Framework, and the keys that sign what they are told",
  );
  addFollowerCommands(stream, "stream");
  stream.addCommand(keyCommand("what applications are told", "RS256", "SSF_KEYS_FILE", "rollcall stream key"));
  return stream;
}
