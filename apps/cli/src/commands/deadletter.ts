import { Command } from "commander";
import { withSession } from "../session.ts";
import { table } from "../table.ts";

type DeadLetter = {
  readonly id: number;
  readonly kind: string;
  readonly subjectId: string;
  readonly attempts: number;
  readonly reason: string | null;
  readonly deadAt: string;
};

/** `rollcall deadletter list` */
export function deadletterCommand(): Command {
  const deadletter = new Command("deadletter").description("events that could not be applied and were given up");
  deadletter
    .command("list")
    .description("the newest first, each with its reason; a resync takes the subject up again")
    .option("--after <id>", "older than this event")
    .action((options: { readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly DeadLetter[] }>(`${await tenantPath()}/deadletters`, {
          ...options,
          limit: 200,
        });
        const rows = answer.items.map(({ id, kind, subjectId, attempts, reason, deadAt }) => [
          id,
          kind,
          subjectId,
          attempts,
          reason,
          deadAt,
        ]);
        print(answer, () => table(["event", "kind", "subject", "tries", "reason", "given up"], rows));
      }),
    );
  return deadletter;
}
