/**
 * The physical limit of a durable SCIM server: bare Node and bare `pg`, one statement for each request
 * that writes the rows which Rollcall writes, and nothing else. No token, no schema, no validation.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { Pool } from "pg";

type UserBody = {
  readonly userName: string;
  readonly externalId: string;
  readonly emails: readonly [{ readonly value: string }];
};
type PatchBody = { readonly Operations: readonly [{ readonly value: unknown }] };
type Row = { id: string; attributes: Record<string, unknown>; version: string };

const { DATABASE_URL: connectionString, RAW_TENANT: tenant, RAW_CONNECTION: connection, PORT: port } = process.env;
const pool = new Pool({ connectionString, max: 16 });

const event = `event AS (
  INSERT INTO raw.lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
  SELECT $1, $2, 'scim', $3, 'user.updated', 'user', id, false, 0 FROM written)`;

const statements = {
  create: `WITH written AS (
    INSERT INTO raw.directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes)
    VALUES ($4, $1, $2, $5, lower($5), $6, true, $7) RETURNING id), ${event}, email AS (
    INSERT INTO raw.directory_email (tenant_id, connection_id, email_key, user_id) VALUES ($1, $2, lower($8), $4)), counted AS (
    INSERT INTO raw.directory_count_change (tenant_id, connection_id, kind, change) VALUES ($1, $2, 'User', 1)) SELECT id FROM written`,
  activate: `WITH written AS (
    UPDATE raw.directory_user SET active = $5, attributes = jsonb_set(attributes, '{active}', to_jsonb($5::boolean)), version = version + 1, updated_at = now()
    WHERE id = $4 AND connection_id = $2 RETURNING id, attributes, version), ${event} SELECT * FROM written`,
  join: `WITH written AS (
    INSERT INTO raw.directory_member (tenant_id, group_id, member, member_id, kind) VALUES ($1, $4, $5::uuid::text, $5::uuid, 'User')
    ON CONFLICT DO NOTHING RETURNING member_id AS id), ${event}, grp AS (
    UPDATE raw.directory_group SET version = version + 1 WHERE id = $4) SELECT id FROM written`,
  filter: `SELECT id, attributes, version FROM raw.directory_user WHERE connection_id = $1 AND user_name_key = $2 AND deleted_at IS NULL`,
  page: `SELECT id, attributes, version FROM raw.directory_user WHERE connection_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 100`,
};

async function answer(request: IncomingMessage): Promise<readonly [status: number, body: unknown]> {
  const { method, url = "" } = request;
  if (url === "/") return [404, {}];
  if (method === "GET") {
    const filtered = /userName%20eq%20%22([^%]*)%22/.exec(url)?.[1];
    const { rows } = await (filtered === undefined
      ? pool.query<Row>({ name: "page", text: statements.page, values: [connection] })
      : pool.query<Row>({ name: "filter", text: statements.filter, values: [connection, filtered.toLowerCase()] }));
    return [200, { totalResults: rows.length, startIndex: 1, itemsPerPage: rows.length, Resources: rows.map(shown) }];
  }
  const body: unknown = JSON.parse(await textOf(request));
  const common = [tenant, connection, randomUUID()];
  const id = url.slice(url.lastIndexOf("/") + 1);
  if (method === "POST") {
    const { userName, externalId, emails } = body as UserBody;
    const made = randomUUID();
    const values = [...common, made, userName, externalId, JSON.stringify(body), emails[0].value];
    await pool.query({ name: "create", text: statements.create, values });
    return [201, { ...(body as object), id: made }];
  }
  const [{ value }] = (body as PatchBody).Operations;
  if (url.startsWith("/Groups/")) {
    const [member] = value as readonly [{ readonly value: string }];
    await pool.query({ name: "join", text: statements.join, values: [...common, id, member.value] });
    return [204, undefined];
  }
  const { rows } = await pool.query<Row>({
    name: "activate",
    text: statements.activate,
    values: [...common, id, value],
  });
  return rows[0] === undefined ? [404, {}] : [200, shown(rows[0])];
}

function shown({ id, attributes, version }: Row): object {
  return { id, ...attributes, meta: { resourceType: "User", version: `W/"${version}"` } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      response.writeHead(status, {
        "content-type": "application/scim+json",
        "content-length": Buffer.byteLength(text),
      });
      response.end(status === 204 ? undefined : text);
    },
    (error: Error) => {
      const text = error.message;
      response.writeHead(500, { "content-length": Buffer.byteLength(text) });
      response.end(text);
    },
  );
});
server.listen(Number(port), "127.0.0.1");
