-- What the Prisma schema cannot say: partial indexes, roles and row-level security.

-- The lane of a subject: the last byte of its id, modulo 32. Ids end in random bits, so lanes fill evenly.
CREATE FUNCTION rollcall_lane(subject uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (get_byte(uuid_send(subject), 15) % 32)::smallint;

-- Living users and groups are unique; tombstones are not.
CREATE UNIQUE INDEX directory_user_name_living ON directory_user (connection_id, user_name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX directory_user_external_living ON directory_user (connection_id, external_id) WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE UNIQUE INDEX directory_group_name_living ON directory_group (connection_id, display_name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX directory_group_external_living ON directory_group (connection_id, external_id) WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE INDEX directory_member_parked ON directory_member (tenant_id, member) WHERE member_id IS NULL;

-- What a lane still has to do, denials first; and what the feed's as_of waits for.
CREATE INDEX lifecycle_event_waiting ON lifecycle_event (lane, denying DESC, id) WHERE applied_at IS NULL AND dead_at IS NULL;
CREATE INDEX lifecycle_event_denying ON lifecycle_event (tenant_id, accepted_at) WHERE denying AND applied_at IS NULL AND dead_at IS NULL;
CREATE INDEX lifecycle_event_dead ON lifecycle_event (tenant_id, dead_at) WHERE dead_at IS NOT NULL;

-- One present state for each key of a feed.
CREATE UNIQUE INDEX feed_entry_present ON feed_entry (tenant_id, scope, iss, sub) WHERE superseded_by IS NULL;

INSERT INTO duty (name) VALUES ('publish');

-- Two roles, neither of which owns a table, so that row-level security binds both:
-- rollcall_app works inside the one tenant that its transaction names;
-- rollcall_house does the few things that come before a tenant is known.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rollcall_app') THEN
    CREATE ROLE rollcall_app NOLOGIN NOINHERIT;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rollcall_house') THEN
    CREATE ROLE rollcall_house NOLOGIN NOINHERIT;
  END IF;
EXCEPTION
  -- Roles belong to the cluster; another database may be making them at this moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
  EXECUTE format('GRANT rollcall_app, rollcall_house TO %I', current_user);
EXCEPTION
  WHEN unique_violation THEN NULL;
END $$;

GRANT USAGE ON SCHEMA public TO rollcall_app, rollcall_house;

-- Null, and so equal to no tenant, until a transaction says which tenant it works for.
CREATE FUNCTION rollcall_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('rollcall.tenant', true), '')::uuid;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY[
    'connection', 'credential', 'directory_user', 'directory_group', 'directory_member', 'lifecycle_event',
    'app_user', 'link', 'identity', 'app_group', 'app_group_member', 'denial', 'revocation',
    'feed_meta', 'feed_pending', 'feed_entry', 'gateway', 'receipt', 'reconcile_run', 'drift', 'alert', 'audit'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format(
      'CREATE POLICY tenant ON %I TO rollcall_app USING (tenant_id = rollcall_tenant()) WITH CHECK (tenant_id = rollcall_tenant())',
      relation
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rollcall_app', relation);
  END LOOP;
END $$;

ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenant TO rollcall_app USING (id = rollcall_tenant());
GRANT SELECT ON tenant TO rollcall_app;

-- A publisher proves its term inside its tenant's transaction.
GRANT SELECT, UPDATE ON duty TO rollcall_app, rollcall_house;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rollcall_app, rollcall_house;

-- The house: whole-table policies, one by one, each for a stated duty.
CREATE POLICY house ON tenant TO rollcall_house USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON tenant TO rollcall_house;
CREATE POLICY house ON connection TO rollcall_house USING (true);
GRANT SELECT ON connection TO rollcall_house; -- a bearer token names its connection
CREATE POLICY house ON credential TO rollcall_house USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON credential TO rollcall_house; -- a bearer token names its tenant
CREATE POLICY house ON lifecycle_event TO rollcall_house USING (true);
GRANT SELECT ON lifecycle_event TO rollcall_house; -- which tenants have work in a lane
CREATE POLICY house ON feed_pending TO rollcall_house USING (true);
GRANT SELECT ON feed_pending TO rollcall_house; -- which feeds have something to publish
CREATE POLICY house ON feed_meta TO rollcall_house USING (true);
GRANT SELECT ON feed_meta TO rollcall_house; -- which feeds exist to be trimmed
CREATE POLICY house ON audit TO rollcall_house USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON audit TO rollcall_house; -- what was done before a tenant was known
