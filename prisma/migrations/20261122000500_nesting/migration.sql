-- Groups within groups: how far a group's event has been passed on to its members.
ALTER TABLE "lifecycle_event" ADD COLUMN "expanded_to" TEXT;

-- The groups within a group are few among its members. Who looks for the groups around one does so by
-- its id alone, which no user has, so that this index, which would be walked through for it, is out of question.
CREATE INDEX directory_member_held ON directory_member (group_id) INCLUDE (member_id, tenant_id) WHERE kind = 'Group';

-- An index of whose edges they are must not hold those that are nobody's yet: looking for these in
-- it costs all of them, and statistics of before the first one make that look cheap.
DROP INDEX "directory_member_member_id_idx";
CREATE INDEX directory_member_of ON directory_member (member_id) WHERE member_id IS NOT NULL;
DROP INDEX directory_member_parked;
CREATE INDEX directory_member_parked ON directory_member (tenant_id, member, group_id) WHERE member_id IS NULL;

-- Members that come before their user wait under a name: an externalId, or the id of a user who was
-- deleted. Whoever parks a member and whoever comes to bear its name must not miss each other, where
-- the other's transaction is not committed yet: both lock the name. Those who come do not wait for one
-- another. Locks are taken in one order; names share 64 of them for each connection, since all locks
-- lie in memory that sessions share. The first number tells them from other locks of the database.
CREATE FUNCTION rollcall_name_lock(connection uuid, name text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashtext(connection::text) & -64) | (hashtext(name) & 63);

CREATE FUNCTION rollcall_lock_names(connection uuid, names text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7305602, lock)
  FROM (SELECT DISTINCT rollcall_name_lock(connection, name) AS lock FROM unnest(names) AS name ORDER BY 1) AS locks;
END $$;

-- Takes in a user or group, by one or two names, wherever it is waited for, and answers the groups it
-- joined. A function, and not part of the statement that writes the user: only a statement that begins
-- behind the lock sees what was parked until then, and a trip of its own would cost everybody who
-- comes more than those few who are waited for gain. So it is also short where nobody waits.
CREATE FUNCTION rollcall_take_in(connection uuid, arrived uuid, arrived_kind text, names text[]) RETURNS uuid[]
LANGUAGE plpgsql AS $$
DECLARE
  one int := rollcall_name_lock(connection, names[1]);
  other int := coalesce(rollcall_name_lock(connection, names[2]), one);
  joined uuid[];
BEGIN
  IF one IS NULL THEN
    RETURN '{}';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(7305602, least(one, other));
  IF other <> one THEN
    PERFORM pg_advisory_xact_lock_shared(7305602, greatest(one, other));
  END IF;
  IF NOT EXISTS (
    SELECT FROM directory_member WHERE tenant_id = rollcall_tenant() AND member_id IS NULL AND member = ANY(names)
  ) THEN
    RETURN '{}';
  END IF;

  WITH waiting AS MATERIALIZED (
    SELECT edge.group_id, edge.ctid AS place FROM directory_member AS edge
    WHERE edge.tenant_id = rollcall_tenant() AND edge.member_id IS NULL AND edge.member = ANY(names)
  ), holder AS (
    -- A group that is changed at this moment comes first: what it takes out must not come in here.
    SELECT grp.id FROM directory_group AS grp
    WHERE grp.id = ANY(ARRAY(SELECT waiting.group_id FROM waiting)) AND grp.connection_id = connection AND grp.deleted_at IS NULL
    ORDER BY grp.id FOR SHARE
  ), unparked AS (
    DELETE FROM directory_member AS edge
    WHERE edge.ctid = ANY(ARRAY(SELECT waiting.place FROM waiting JOIN holder ON holder.id = waiting.group_id))
    RETURNING edge.group_id
  ), written AS (
    -- Once for each group, though it was named there in two ways, or is there already.
    INSERT INTO directory_member (tenant_id, group_id, member, member_id, kind)
    SELECT DISTINCT rollcall_tenant(), unparked.group_id, arrived::text, arrived, arrived_kind FROM unparked ORDER BY unparked.group_id
    ON CONFLICT DO NOTHING
    RETURNING group_id
  )
  SELECT array_agg(written.group_id) INTO joined FROM written;
  RETURN coalesce(joined, '{}');
END $$;
