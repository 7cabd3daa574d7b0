import { Command, Option } from "commander";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { readGiven } from "../given-file.ts";
import { type Session, withSession } from "../session.ts";
import { type Cell, fields, table } from "../table.ts";

type Attribute = {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly mutability: string;
  readonly returned: string;
  readonly canonicalValues?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
};

type Registered = {
  readonly urn: string;
  readonly resourceType: string;
  readonly canonicalValuesOnly: boolean;
  readonly schema: { readonly name: string; readonly attributes: readonly Attribute[] };
};

type Use = { readonly for: string; readonly canonicalValuesOnly?: boolean };

const soon = "Requests of its provider are read by it within a second.";

/** `rollcall connection schema add|replace|list|show|remove` */
export function connectionSchemaCommand(): Command {
  const schema = new Command("schema").description("attributes of a connection's own, as RFC 7643 §7 defines them");
  withUse(schema.command("add <connection> <file>").description("register the schema in a JSON file")).action(
    (connection: string, file: string, use: Use, command: Command) =>
      withSession(command, async (session) => {
        const added = await session.api.post<Registered>(await pathOf(session, connection), bodyOf(file, use));
        session.print(added, () => `${shown(added)}\n\n${soon}`);
      }),
  );
  withUse(
    schema.command("replace <connection> <file>").description("put a definition in the place of the one of its URN"),
  ).action((connection: string, file: string, use: Use, command: Command) =>
    withSession(command, async (session) => {
      const body = bodyOf(file, use);
      const path = await pathOf(session, connection, urnIn(file, body.schema));
      const replaced = await session.api.put<Registered>(path, body);
      session.print(replaced, () => `${shown(replaced)}\n\n${soon}`);
    }),
  );
  schema
    .command("list <connection>")
    .description("the schemas that a connection has of its own")
    .action((connection: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const answer = await session.api.get<{ readonly items: readonly Registered[] }>(
          await pathOf(session, connection),
        );
        const rows = answer.items.map((one) => [
          one.urn,
          one.resourceType,
          one.schema.attributes.map(({ name }) => name).join(" "),
        ]);
        session.print(answer, () => table(["urn", "for", "attributes"], rows));
      }),
    );
  schema
    .command("show <connection> <urn>")
    .description("one of them with its attributes")
    .action((connection: string, urn: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const found = await session.api.get<Registered>(await pathOf(session, connection, urn));
        session.print(found, () => shown(found));
      }),
    );
  schema
    .command("remove <connection> <urn>")
    .description("end a registration; what users hold of it stays stored and is shown no more")
    .action((connection: string, urn: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        await session.api.remove(await pathOf(session, connection, urn));
        session.print({ urn, removed: true }, () => `schema ${urn} is removed`);
      }),
    );
  return schema;
}

function withUse(command: Command): Command {
  return command
    .addOption(new Option("--for <type>", "whose attributes these are").choices(["User", "Group"]).default("User"))
    .option("--canonical-values-only", "refuse every value that its attribute does not name as canonical");
}

async function pathOf(session: Session, connection: string, urn?: string): Promise<string> {
  const all = `${await session.tenantPath()}/connections/${encodeURIComponent(connection)}/schemas`;
  return urn === undefined ? all : `${all}/${encodeURIComponent(urn)}`;
}

function bodyOf(file: string, use: Use) {
  const canonicalValuesOnly = use.canonicalValuesOnly ?? false;
  return { resourceType: use.for, canonicalValuesOnly, schema: readSchema(file) };
}

function readSchema(file: string): unknown {
  const text = readGiven(file);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new CommandError(exitCodes.usage, "file_unreadable", `${file} is not JSON`, { cause });
  }
}

function urnIn(file: string, schema: unknown): string {
  const id = typeof schema === "object" && schema !== null && "id" in schema ? schema.id : undefined;
  if (typeof id === "string" && id !== "") return id;
  throw new CommandError(exitCodes.usage, "file_invalid", `${file} has no id that would say which schema it replaces`);
}

function shown({ urn, resourceType, canonicalValuesOnly, schema }: Registered): string {
  const head = fields({
    urn,
    name: schema.name,
    for: resourceType,
    "canonical values": canonicalValuesOnly ? "no others" : "suggestions",
  });
  const rows = schema.attributes.flatMap((attribute) => [
    rowOf(attribute, ""),
    ...(attribute.subAttributes ?? []).map((sub) => rowOf(sub, `${attribute.name}.`)),
  ]);
  return `${head}\n\n${table(["attribute", "type", "many", "required", "mutability", "returned", "canonical values"], rows)}`;
}

function rowOf(attribute: Attribute, prefix: string): readonly Cell[] {
  const { name, type, multiValued, required, mutability, returned, canonicalValues = [] } = attribute;
  return [`${prefix}${name}`, type, multiValued, required, mutability, returned, canonicalValues.join(" ")];
}
