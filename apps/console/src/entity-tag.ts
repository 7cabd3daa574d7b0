import { createHash } from "node:crypto";
import { DirectoryError } from "@rollcall/core/domain";
import type { Expectation } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";

/** The tag of a row as it is: another one once anything of it has changed (RFC 9110 §8.8.3). */
function tagOf(row: object): string {
  return `"${createHash("sha256").update(JSON.stringify(row)).digest("base64url").slice(0, 22)}"`;
}

export function tagged(reply: FastifyReply, row: object): FastifyReply {
  return reply.header("etag", tagOf(row));
}

/** What `If-Match` says of the row that is about to change; undefined where it says nothing (RFC 9110 §13.1.1). */
export function expectationOf<Row extends object>(request: FastifyRequest): Expectation<Row> | undefined {
  const { "if-match": wanted } = request.headers;
  if (wanted === undefined || wanted.trim() === "*") return undefined;
  const tags = wanted.split(",").map((tag) => tag.trim());
  return (present) => {
    if (!tags.includes(tagOf(present)))
      throw new DirectoryError("version_conflict", "it has changed since it was read: read it again, then change it");
  };
}
