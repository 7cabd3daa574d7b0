import { Command } from "commander";
import { withSession } from "../session.ts";
import { milliseconds, table } from "../table.ts";

type Gateway = {
  readonly id: string;
  readonly name: string;
  readonly epoch: number;
  readonly seq: number;
  readonly behind?: number;
  readonly asOfAgeMs: number;
  readonly receivedAt: string;
  readonly digestMatches?: boolean;
};

/** `rollcall gateway list` */
export function gatewayCommand(): Command {
  const gateway = new Command("gateway").description("who follows the feed");
  gateway
    .command("list")
    .description("each gateway and how far it is behind, by its own word")
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Gateway[] }>(`${await tenantPath()}/gateways`, {
          limit: 200,
        });
        const rows = answer.items.map((one) => [
          one.name,
          `${one.epoch}-${one.seq}`,
          one.behind ?? "other epoch",
          milliseconds(one.asOfAgeMs),
          one.receivedAt,
          one.digestMatches === undefined ? "-" : one.digestMatches,
        ]);
        print(answer, () =>
          table(
            ["gateway", "at", "behind", "its word's age", "heard", "holds the same"],
            rows,
            "no gateway has reported yet",
          ),
        );
      }),
    );
  return gateway;
}
