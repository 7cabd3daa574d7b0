import { Command } from "commander";
import { withSession } from "../session.ts";
import { readSpan, type SpanOptions, spanOptions } from "../span.ts";
import { table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Refusal = {
  readonly at: string;
  readonly gateway: string;
  readonly reason: string;
  readonly requestId?: string;
  readonly iss?: string;
  readonly sub?: string;
  readonly subHash?: string;
  readonly userId?: string;
};
type Options = SpanOptions & {
  readonly reason?: string;
  readonly gateway?: string;
  readonly limit?: number;
  readonly house?: boolean;
};

/** `rollcall refusal list` */
export function refusalCommand(): Command {
  const refusal = new Command("refusal").description(
    "whom gateways refused, by their own word; `rollcall explain` says why",
  );
  const list = refusal
    .command("list")
    .description("the newest refusals that gateways told of one by one")
    .option("--reason <reason>", "for this reason alone")
    .option("--gateway <name>", "of this gateway alone")
    .option("--limit <count>", "so many (50)", wholeNumber)
    .option("--house", "those of which no gateway could tell whose token it was: for operators");
  spanOptions(list, "refused").action(({ reason, gateway, limit, house, ...span }: Options, command: Command) =>
    withSession(command, async ({ api, print, tenantPath }) => {
      const path = house === true ? "/v1/admin/refusals" : `${await tenantPath()}/refusals`;
      const query = { ...readSpan(span, Date.now()), reason, gateway, limit };
      const answer = await api.get<{ readonly items: readonly Refusal[] }>(path, query);
      const rows = answer.items.map((one) => [
        one.at,
        one.gateway,
        one.reason,
        one.requestId,
        one.sub ?? (one.subHash === undefined ? undefined : `hash ${one.subHash}`),
        one.userId,
        one.iss,
      ]);
      print(answer, () =>
        table(["at", "gateway", "reason", "request", "sub", "user", "iss"], rows, "no gateway told of a refusal"),
      );
    }),
  );
  return refusal;
}
