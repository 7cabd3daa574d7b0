import { Argument, Command, Option } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Issued = { readonly id: string; readonly token: string; readonly purpose: string; readonly label: string };
type Info = {
  readonly id: string;
  readonly purpose: string;
  readonly userId?: string;
  readonly hashed: boolean;
  readonly role?: string;
  readonly receiver?: string;
  readonly label: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
};
type IssueOptions = {
  readonly connection?: string;
  readonly user?: string;
  readonly label?: string;
  readonly expiresInDays?: number;
  readonly hashed?: boolean;
  readonly receiver?: string;
  readonly scope?: string;
  readonly role?: string;
  readonly house?: boolean;
};

const house = ["--house", "of the house and of no tenant: for operators, and gateways that serve all tenants"] as const;

/** `rollcall token issue|list|revoke` */
export function tokenCommand(): Command {
  const token = new Command("token").description(
    "bearer tokens for identity providers, gateways, applications and admins",
  );
  addIssue(token);
  token
    .command("list")
    .description("tokens that were issued, without the tokens")
    .option(...house)
    .action((options: { readonly house?: boolean }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Info[] }>(
          `${options.house === true ? "/v1/admin" : await tenantPath()}/tokens`,
          { limit: 200 },
        );
        const rows = answer.items.map((one) => [
          one.id,
          one.hashed
            ? `${one.purpose} (hashed)`
            : one.role === undefined
              ? one.purpose
              : `${one.purpose} (${one.role})`,
          one.receiver ?? one.userId,
          one.label,
          one.createdAt,
          one.revokedAt === undefined ? one.expiresAt : `revoked ${one.revokedAt}`,
        ]);
        print(answer, () => table(["id", "purpose", "speaks for", "label", "created", "ends"], rows));
      }),
    );
  token
    .command("revoke <id>")
    .description("end a token, everywhere within a second")
    .option(...house)
    .action((id: string, options: { readonly house?: boolean }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        await api.remove(
          `${options.house === true ? "/v1/admin" : await tenantPath()}/tokens/${encodeURIComponent(id)}`,
        );
        print({ id, revoked: true }, () => `token ${id} is revoked`);
      }),
    );
  return token;
}

function addIssue(token: Command): void {
  token
    .command("issue")
    .description("make a token; it is shown this once")
    .addArgument(new Argument("<purpose>", "who will use it").choices(["scim", "feed", "ssf", "admin"]))
    .option("--connection <connection>", "for scim: the connection that it speaks for")
    .option("--user <id>", "for scim: the one user that it speaks for, by the id that the connection knows")
    .option("--hashed", "for feed: subjects are told by their hashes alone")
    .option("--receiver <name>", "for ssf: the application that it is for")
    .option("--scope <scope>", "for ssf: ssf.read, or ssf.manage where nothing is said")
    .addOption(
      new Option(
        "--role <role>",
        "for admin: look, also set right what is wrong, or also say who may speak (admin)",
      ).choices(["viewer", "operator", "admin"]),
    )
    .option("--label <label>", "what it is for")
    .option("--expires-in-days <days>", "when it ends by itself", wholeNumber)
    .option(...house)
    .action((purpose: string, { house: isHouse, scope, ...options }: IssueOptions, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const issued = await api.post<Issued>(`${isHouse === true ? "/v1/admin" : await tenantPath()}/tokens`, {
          purpose,
          ...options,
          ...(scope === undefined ? {} : { scopes: [scope] }),
        });
        print(
          issued,
          () =>
            `${fields({ id: issued.id, purpose, label: issued.label, token: issued.token })}\n\nThe token is shown this once; only its digest is kept.`,
        );
      }),
    );
}
