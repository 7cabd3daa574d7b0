import type { Database } from "./database.ts";
import type { Sql } from "./sql.ts";

// What one statement deletes is locked until it is done, and nobody is to wait for longer than this takes.
const pieceMax = 10_000;

/** Runs a deletion of at most so many rows, which it answers, until there are fewer, each time in a transaction of its own. Answers how many are gone. */
export async function deleteInPieces(
  database: Database,
  tenantId: string,
  deletionOf: (pieceMax: number) => Sql,
): Promise<number> {
  let gone = 0;
  for (;;) {
    const rows = await database.once(tenantId, deletionOf(pieceMax));
    gone += rows.length;
    if (rows.length < pieceMax) return gone;
  }
}
