import { Command } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type Tenant = { readonly id: string; readonly slug: string; readonly name: string; readonly createdAt: string };

/** `rollcall tenant create|list|show` */
export function tenantCommand(): Command {
  const tenant = new Command("tenant").description("customers whose users never meet another's");
  tenant
    .command("create <slug>")
    .description("make a tenant (operators of the house only)")
    .option("--name <name>", "its name for people")
    .action((slug: string, options: { readonly name?: string }, command: Command) =>
      withSession(command, async ({ api, print }) => {
        const made = await api.post<Tenant>("/v1/admin/tenants", { slug, ...options });
        print(made, () => shown(made));
      }),
    );
  tenant
    .command("list")
    .description("the tenants that this token may work in")
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, print }) => {
        const answer = await api.get<{ readonly items: readonly Tenant[] }>("/v1/admin/tenants", { limit: 200 });
        print(answer, () =>
          table(
            ["slug", "name", "id", "created"],
            answer.items.map(({ slug, name, id, createdAt }) => [slug, name, id, createdAt]),
          ),
        );
      }),
    );
  tenant
    .command("show [slug]")
    .description("one tenant; without a slug, the one to work in")
    .action((slug: string | undefined, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenant: current }) => {
        const found = await api.get<Tenant>(`/v1/admin/tenants/${encodeURIComponent(slug ?? (await current()))}`);
        print(found, () => shown(found));
      }),
    );
  return tenant;
}

function shown({ slug, name, id, createdAt }: Tenant): string {
  return fields({ slug, name, id, created: createdAt });
}
