import { Client } from "pg";

/** Works as the owner of a database, or of the one at another address. */
export async function asOwner<Result>(databaseUrl: string, work: (owner: Client) => Promise<Result>): Promise<Result> {
  const owner = new Client({ connectionString: databaseUrl });
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}

/** From now on nothing of a tenant in the table `doomed` that leaves an event survives its commit: it is refused, or the connection ends in the middle of it. */
export async function loseCommits(databaseUrl: string): Promise<void> {
  await asOwner(databaseUrl, (owner) =>
    owner.query(`
      CREATE TABLE doomed (tenant_id uuid, refuse boolean);
      CREATE FUNCTION lose_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE fate doomed;
        BEGIN
          SELECT * INTO fate FROM doomed WHERE doomed.tenant_id = NEW.tenant_id;
          IF fate.refuse THEN RAISE EXCEPTION 'doomed'; END IF;
          IF FOUND THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
          RETURN NULL;
        END $$;
      CREATE CONSTRAINT TRIGGER lose_commit AFTER INSERT ON lifecycle_event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose_commit();`),
  );
}

export async function doom(databaseUrl: string, tenantId: string, refuse: boolean): Promise<void> {
  await asOwner(databaseUrl, (owner) => owner.query("INSERT INTO doomed VALUES ($1, $2)", [tenantId, refuse]));
}
