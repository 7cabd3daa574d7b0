import { Client } from "pg";

/** Knows, from PostgreSQL itself, who published under which term. */
export type Witness = {
  /** The number of the present term, and whose it is. */
  term(): Promise<{ readonly fence: number; readonly member: string }>;
  /** What was published since the last call by somebody whose term was over. */
  staleWrites(): Promise<readonly string[]>;
  /** Ends every connection but the harness's own. Answers how many there were. */
  terminateAll(sparing: string): Promise<number>;
};

/** Ends every connection but those of one name, and those that have not said their name yet. */
export const terminateOthers =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND application_name NOT IN ('', $1)";

/**
 * Whoever begins a term, and whoever adds to a feed's log, is written down by triggers with the name
 * that its connection has. A term cannot end while somebody who is within it publishes, so the
 * present one at the time of a write is the writer's, or the write is stale.
 */
export async function openWitness(databaseUrl: string): Promise<Witness> {
  const ask = (text: string, values: readonly unknown[] = []) => asOwner(databaseUrl, text, values);
  await ask(`
    CREATE SCHEMA chaos;
    CREATE TABLE chaos.term (fence bigint PRIMARY KEY, member text NOT NULL);
    CREATE TABLE chaos.write (id bigserial PRIMARY KEY, tenant_id uuid, seq bigint, fence bigint, member text, seen boolean NOT NULL DEFAULT false);
    CREATE FUNCTION chaos.note_term() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO chaos.term VALUES (NEW.fence, current_setting('application_name')) ON CONFLICT DO NOTHING;
        RETURN NULL;
      END $$;
    CREATE FUNCTION chaos.note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        INSERT INTO chaos.write (tenant_id, seq, fence, member)
          SELECT NEW.tenant_id, NEW.seq, fence, current_setting('application_name') FROM public.duty WHERE name = 'publish';
        RETURN NULL;
      END $$;
    INSERT INTO chaos.term SELECT fence, 'reconciler' FROM public.duty WHERE name = 'publish';
    CREATE TRIGGER chaos_term AFTER UPDATE ON public.duty FOR EACH ROW WHEN (NEW.fence <> OLD.fence) EXECUTE FUNCTION chaos.note_term();
    CREATE TRIGGER chaos_write AFTER INSERT ON public.feed_entry FOR EACH ROW EXECUTE FUNCTION chaos.note_write();`);
  return {
    term: async () => {
      const [row] = await ask("SELECT fence::int, member FROM chaos.term ORDER BY fence DESC LIMIT 1");
      return {
        fence: (row?.["fence"] as number | undefined) ?? 0,
        member: (row?.["member"] as string | undefined) ?? "",
      };
    },
    staleWrites: async () => {
      const rows = await ask(
        `WITH seen AS (UPDATE chaos.write SET seen = true WHERE NOT seen RETURNING seq, fence, member)
        SELECT format('entry %s was published by the %s in term %s of the %s', seq, seen.member, fence, term.member) AS finding
        FROM seen JOIN chaos.term USING (fence) WHERE seen.member <> term.member ORDER BY seq`,
      );
      return rows.map((row) => String(row["finding"]));
    },
    terminateAll: async (sparing) => (await ask(terminateOthers, [sparing])).length,
  };
}

async function asOwner(
  databaseUrl: string,
  text: string,
  values: readonly unknown[],
): Promise<readonly Record<string, unknown>[]> {
  const owner = new Client({ connectionString: databaseUrl });
  owner.on("error", () => undefined);
  await owner.connect();
  try {
    return (await owner.query<Record<string, unknown>>({ text, values: [...values] })).rows;
  } finally {
    await owner.end().catch(() => undefined);
  }
}
