import { Command } from "commander";
import { countsOf, differenceTable, followRun, type Page, type Resync, type Shown, standingOf } from "../drift-view.ts";
import { exitCodes } from "../exit-codes.ts";
import { withSession } from "../session.ts";
import { fields } from "../table.ts";

type Drift = { readonly comparedAt?: string; readonly open: Readonly<Record<string, number>> };

/** `rollcall drift show|list|compare` */
export function driftCommand(): Command {
  const drift = new Command("drift").description("where the user store is not what the directory makes of it");
  drift
    .command("show")
    .description("how many differ in which way, and when everybody was compared last; exit code 1 where any does")
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<Drift>(`${await tenantPath()}/drift`);
        const open = countsOf(answer.open);
        print(answer, () => fields({ compared: answer.comparedAt ?? "never", open: open || "nothing differs" }));
        return open === "" ? exitCodes.done : exitCodes.refused;
      }),
    );
  drift
    .command("list")
    .description("what differs, with both sides of it")
    .option("--kind <kind>", "only of this kind, as wrong_state")
    .option("--after <place>", "what the page before answered as next")
    .action((options: { readonly kind?: string; readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/drift/differences`;
        const answer = await api.get<Page<Shown>>(path, { ...options, limit: 200 });
        print(answer, () => differenceTable(answer));
      }),
    );
  drift
    .command("compare")
    .description("compare everybody now and wait; exit code 1 where anything differs that is not healed")
    .option("--heal", "heal what differs, too")
    .action(({ heal }: { readonly heal?: true }, command: Command) =>
      withSession(command, async (session) => {
        const how = heal === true ? { differingOnly: true } : { dryRun: true };
        const body = { scope: "tenant", ...how };
        const { id } = await session.api.post<Resync>(`${await session.tenantPath()}/resyncs`, body);
        const run = await followRun(session, id);
        const found = countsOf(run.found) || "nothing differs";
        session.print(run, () => `${run.compared} compared: ${found}${heal === true ? `, ${run.healed} healed` : ""}`);
        return standingOf(run);
      }),
    );
  return drift;
}
