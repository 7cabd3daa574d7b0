import { Command } from "commander";
import { type Session, withSession } from "../session.ts";
import { milliseconds, table } from "../table.ts";
import { agentCommand } from "./agent.ts";

type Gateway = {
  readonly id: string;
  readonly name: string;
  readonly standing: "live" | "behind" | "blind" | "gone";
  readonly epoch: number;
  readonly seq: number;
  readonly behind?: number;
  readonly asOfAgeMs: number;
  readonly receivedAt: string;
  readonly digestMatches?: boolean;
};
type Options = { readonly house?: boolean };

const house = ["--house", "those that follow the feed of all tenants"] as const;

/** `rollcall gateway list|remove|agent` */
export function gatewayCommand(): Command {
  const gateway = new Command("gateway").description("who follows the feed");
  gateway
    .command("list")
    .description("each gateway and how far it is behind, by its own word")
    .option(...house)
    .action((options: Options, command: Command) =>
      withSession(command, async (session) => {
        const answer = await session.api.get<{ readonly items: readonly Gateway[] }>(await pathOf(session, options), {
          limit: 200,
        });
        const rows = answer.items.map((one) => [
          one.id,
          one.name,
          one.standing,
          `${one.epoch}-${one.seq}`,
          one.behind ?? "other epoch",
          milliseconds(one.asOfAgeMs),
          one.receivedAt,
          one.digestMatches === undefined ? "-" : one.digestMatches,
        ]);
        session.print(answer, () =>
          table(
            ["id", "gateway", "is", "at", "behind", "its word's age", "heard", "holds the same"],
            rows,
            "no gateway has reported yet",
          ),
        );
      }),
    );
  gateway
    .command("remove <id>")
    .description("strike a gateway off the list, with what it reported; one that reports again is on it again")
    .option(...house)
    .action((id: string, options: Options, command: Command) =>
      withSession(command, async (session) => {
        await session.api.remove(`${await pathOf(session, options)}/${encodeURIComponent(id)}`);
        session.print({ id, removed: true }, () => `gateway ${id} is off the list`);
      }),
    );
  gateway.addCommand(agentCommand());
  return gateway;
}

async function pathOf({ tenantPath }: Session, { house: isHouse }: Options): Promise<string> {
  return `${isHouse === true ? "/v1/admin" : await tenantPath()}/gateways`;
}
