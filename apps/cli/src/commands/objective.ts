import { Command } from "commander";
import { withSession } from "../session.ts";
import { milliseconds, table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Objective = {
  readonly stage: string;
  readonly p99Ms: number;
  readonly share: number;
  readonly isDefault: boolean;
};

/** `rollcall objective list|set` */
export function objectiveCommand(): Command {
  const objective = new Command("objective").description("how quick each stage is to be");
  objective
    .command("list")
    .description("what holds for each stage")
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Objective[] }>(`${await tenantPath()}/objectives`);
        print(answer, () => table(columns, answer.items.map(rowOf)));
      }),
    );
  objective
    .command("set <stage>")
    .description("say how quick a stage is to be, as in `objective set acceptedToApplied --ms 2000 --share 0.99`")
    .requiredOption("--ms <milliseconds>", "how long it may take", wholeNumber)
    .option("--share <share>", "how much of all that passes it has to be that quick, from 0.95 to 0.9999", Number, 0.99)
    .action((stage: string, options: { readonly ms: number; readonly share: number }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/objectives/${encodeURIComponent(stage)}`;
        const set = await api.put<Objective>(path, { p99Ms: options.ms, share: options.share });
        print(set, () => table(columns, [rowOf(set)]));
      }),
    );
  return objective;
}

const columns = ["stage", "within", "share", ""];

function rowOf({ stage, p99Ms, share, isDefault }: Objective) {
  return [stage, milliseconds(p99Ms), share, isDefault ? "as it comes" : "set"];
}
