import { Command, InvalidArgumentError } from "commander";
import type { HaproxyOptions, OpaOptions } from "../agent/run-agent.ts";
import { withLocalSession } from "../session.ts";

const opaPortUsual = 8287;

/**
 * `rollcall gateway agent haproxy|opa`: a process of its own beside a gateway that cannot follow the feed itself.
 * Only these load what follows a feed; the other commands start without it.
 */
export function agentCommand(): Command {
  const agent = new Command("agent").description("follow the feed for a gateway that cannot, until stopped");
  following(agent.command("haproxy"))
    .description("keep the maps of one HAProxy in step with the feed, over its runtime socket")
    .requiredOption("--socket <address>", "HAProxy's runtime socket: its path, or host:port")
    .requiredOption("--map <name>", "the map of revocations, as HAProxy's configuration names it")
    .requiredOption("--state-map <name>", "the map that says until when they hold")
    .action((options: HaproxyOptions, command: Command) =>
      withLocalSession(command, async () => (await import("../agent/run-agent.ts")).runHaproxyAgent(options)),
    );
  following(agent.command("opa"))
    .description("serve the feed as bundles to one Open Policy Agent on this machine")
    .option("--port <port>", "where OPA fetches them, on 127.0.0.1", portNumber, opaPortUsual)
    .action((options: OpaOptions, command: Command) =>
      withLocalSession(command, async () => (await import("../agent/run-agent.ts")).runOpaAgent(options)),
    );
  return agent;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError("a port is 1 to 65535");
  return port;
}

function following(command: Command): Command {
  return command
    .requiredOption("--feed <url>", "the feed to follow, as in https://rollcall.example/v1/feeds/acme")
    .requiredOption("--feed-token-file <path>", "a file that holds a feed token")
    .requiredOption("--gateway <name>", "the name that `rollcall gateway list` shows")
    .option("--keys-file <path>", "a key set to verify the feed with; without it, the one that the feed publishes")
    .option("--persist <path>", "a file to keep the feed in, so that a restart needs no snapshot");
}
