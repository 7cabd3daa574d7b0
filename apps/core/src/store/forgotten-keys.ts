import type { Database } from "./database.ts";
import { deleteInPieces } from "./delete-in-pieces.ts";
import { sql } from "./sql.ts";

/** So long after everybody was told to forget a key nobody asks for it any more. */
const keptHours = 24;

/**
 * Deletes the entries of ended sessions and of single tokens that were forgotten a day ago: no token lives that
 * they could refuse, nobody ever has them again, and there is one for every logout. What the publisher has yet
 * to tell stays until it has. Subjects stay, for what is said of them goes on from what was said. Answers how many are gone.
 */
export async function trimForgotten(database: Database, tenantId: string): Promise<number> {
  return deleteInPieces(
    database,
    tenantId,
    (pieceMax) => sql`DELETE FROM revocation WHERE tenant_id = ${tenantId} AND (scope, iss, sub) IN (
          SELECT scope, iss, sub FROM revocation AS entry
          WHERE tenant_id = ${tenantId} AND scope IN ('sid', 'jti') AND forgotten_at < now() - ${keptHours} * interval '1 hour'
            AND NOT EXISTS (SELECT FROM feed_pending AS pending
              WHERE pending.tenant_id = ${tenantId} AND pending.scope = entry.scope AND pending.iss = entry.iss AND pending.sub = entry.sub)
          LIMIT ${pieceMax})
        -- Whoever has denied it again meanwhile has taken this away.
        AND forgotten_at IS NOT NULL RETURNING scope`,
  );
}
