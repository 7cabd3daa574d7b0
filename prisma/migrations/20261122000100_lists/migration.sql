-- Lists that cost the same whatever their length: counts that are kept and not counted, and an
-- index for what identity providers look up and sort by.

-- Case folding for comparison, as the application folds names: NFKC, lower case, one sigma. Text
-- that is ASCII, which is most of it, takes the short way.
CREATE FUNCTION rollcall_fold_unicode(written text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN normalize(replace(lower(normalize(replace(lower(normalize(written, NFKC) COLLATE "und-x-icu"), 'ς', 'σ'), NFKC) COLLATE "und-x-icu"), 'ς', 'σ'), NFKC);

CREATE FUNCTION rollcall_fold(written text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(written) = length(written) THEN lower(written COLLATE "C") ELSE rollcall_fold_unicode(written) COLLATE "C" END;

-- An index entry holds 2,704 bytes at most; whoever compares by such a key compares the whole text too.
CREATE FUNCTION rollcall_key(written text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN left(rollcall_fold(written), 512);

-- Keys are in the order of their code points: "no specific locale implied" (RFC 7644 §3.4.2.3).
ALTER TABLE "directory_user" ALTER COLUMN "user_name_key" TYPE text COLLATE "C";
ALTER TABLE "directory_group" ALTER COLUMN "display_name_key" TYPE text COLLATE "C";
ALTER TABLE "directory_user" ADD COLUMN "display_name_key" TEXT COLLATE "C";

-- CreateTable
CREATE TABLE "directory_email" (
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "email_key" TEXT COLLATE "C" NOT NULL,
    "user_id" UUID NOT NULL,

    CONSTRAINT "directory_email_pkey" PRIMARY KEY ("connection_id", "email_key", "user_id")
);

-- CreateTable
CREATE TABLE "directory_count" (
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "living" BIGINT NOT NULL,

    CONSTRAINT "directory_count_pkey" PRIMARY KEY ("connection_id", "kind")
);

-- CreateTable
CREATE TABLE "directory_count_change" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "change" INTEGER NOT NULL,

    CONSTRAINT "directory_count_change_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "directory_email_user_id_idx" ON "directory_email"("user_id");

-- CreateIndex
CREATE INDEX "directory_count_change_connection_id_kind_idx" ON "directory_count_change"("connection_id", "kind");

-- The orders that lists are walked in. Row-level security looks at the tenant of each row, so an
-- index that is to answer alone holds it.
CREATE INDEX directory_user_living ON directory_user (connection_id, id) INCLUDE (tenant_id) WHERE deleted_at IS NULL;
CREATE INDEX directory_group_living ON directory_group (connection_id, id) INCLUDE (tenant_id) WHERE deleted_at IS NULL;
CREATE INDEX directory_user_display_name_living ON directory_user (connection_id, display_name_key, id) INCLUDE (tenant_id) WHERE deleted_at IS NULL;
DROP INDEX directory_user_name_living;
DROP INDEX directory_group_name_living;
CREATE UNIQUE INDEX directory_user_name_living ON directory_user (connection_id, user_name_key) INCLUDE (tenant_id, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX directory_group_name_living ON directory_group (connection_id, display_name_key) INCLUDE (tenant_id, id) WHERE deleted_at IS NULL;

-- Triggers, and not the statements that write, keep counts and keys: no writer can forget them.
CREATE FUNCTION rollcall_user_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.display_name_key := rollcall_key(NEW.attributes ->> 'displayName');
  RETURN NEW;
END $$;
CREATE TRIGGER user_keys BEFORE INSERT OR UPDATE OF attributes ON directory_user
  FOR EACH ROW EXECUTE FUNCTION rollcall_user_keys();

-- A writer adds a row of its own and waits for no other: one row with the count would put all of them in a queue.
CREATE FUNCTION rollcall_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO directory_count_change (tenant_id, connection_id, kind, change)
  VALUES (coalesce(NEW.tenant_id, OLD.tenant_id), coalesce(NEW.connection_id, OLD.connection_id), TG_ARGV[0], TG_ARGV[1]::int);
  RETURN NULL;
END $$;
DO $$
DECLARE
  relation text;
  kind text;
BEGIN
  FOR relation, kind IN VALUES ('directory_user', 'User'), ('directory_group', 'Group') LOOP
    EXECUTE format('CREATE TRIGGER count_created AFTER INSERT ON %I FOR EACH ROW WHEN (NEW.deleted_at IS NULL) EXECUTE FUNCTION rollcall_count(%L, %L)', relation, kind, '1');
    EXECUTE format('CREATE TRIGGER count_revived AFTER UPDATE OF deleted_at ON %I FOR EACH ROW WHEN (OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL) EXECUTE FUNCTION rollcall_count(%L, %L)', relation, kind, '1');
    EXECUTE format('CREATE TRIGGER count_deleted AFTER UPDATE OF deleted_at ON %I FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION rollcall_count(%L, %L)', relation, kind, '-1');
    EXECUTE format('CREATE TRIGGER count_erased AFTER DELETE ON %I FOR EACH ROW WHEN (OLD.deleted_at IS NULL) EXECUTE FUNCTION rollcall_count(%L, %L)', relation, kind, '-1');
  END LOOP;
END $$;

-- The e-mail addresses of users, living and dead, by which row-level security lets an index find
-- them: of the operators that look into JSON or arrays none is leakproof.
CREATE FUNCTION rollcall_email_keys(attributes jsonb) RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT DISTINCT rollcall_key(email #>> '{}') FROM jsonb_path_query(attributes, 'lax $.emails[*].value') AS email WHERE email <> 'null';
END;
CREATE FUNCTION rollcall_emails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM directory_email WHERE user_id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO directory_email (tenant_id, connection_id, email_key, user_id)
    SELECT NEW.tenant_id, NEW.connection_id, email.key, NEW.id FROM rollcall_email_keys(NEW.attributes) AS email(key);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER emails_created AFTER INSERT ON directory_user
  FOR EACH ROW WHEN (NEW.attributes ? 'emails') EXECUTE FUNCTION rollcall_emails();
CREATE TRIGGER emails_changed AFTER UPDATE OF attributes ON directory_user
  FOR EACH ROW WHEN ((OLD.attributes -> 'emails') IS DISTINCT FROM (NEW.attributes -> 'emails')) EXECUTE FUNCTION rollcall_emails();
CREATE TRIGGER emails_erased AFTER DELETE ON directory_user
  FOR EACH ROW WHEN (OLD.attributes ? 'emails') EXECUTE FUNCTION rollcall_emails();

-- What is there already. The owner is bound by row-level security like everybody, and reads all of it here.
ALTER TABLE directory_user NO FORCE ROW LEVEL SECURITY;
ALTER TABLE directory_group NO FORCE ROW LEVEL SECURITY;
UPDATE directory_user SET display_name_key = rollcall_key(attributes ->> 'displayName') WHERE attributes ? 'displayName';
INSERT INTO directory_email (tenant_id, connection_id, email_key, user_id)
SELECT tenant_id, connection_id, email.key, id FROM directory_user, rollcall_email_keys(attributes) AS email(key);
INSERT INTO directory_count (tenant_id, connection_id, kind, living)
SELECT tenant_id, connection_id, 'User', count(*) FROM directory_user WHERE deleted_at IS NULL GROUP BY tenant_id, connection_id
UNION ALL
SELECT tenant_id, connection_id, 'Group', count(*) FROM directory_group WHERE deleted_at IS NULL GROUP BY tenant_id, connection_id;
ALTER TABLE directory_user FORCE ROW LEVEL SECURITY;
ALTER TABLE directory_group FORCE ROW LEVEL SECURITY;

-- The tenant is asked for once for each statement, and not for each row that it passes over.
ALTER POLICY tenant ON directory_user USING (tenant_id = (SELECT rollcall_tenant()));
ALTER POLICY tenant ON directory_group USING (tenant_id = (SELECT rollcall_tenant()));

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['directory_email', 'directory_count', 'directory_count_change'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format(
      'CREATE POLICY tenant ON %I TO rollcall_app USING (tenant_id = (SELECT rollcall_tenant())) WITH CHECK (tenant_id = rollcall_tenant())',
      relation
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rollcall_app', relation);
  END LOOP;
END $$;
GRANT USAGE ON SEQUENCE directory_count_change_id_seq TO rollcall_app;
CREATE POLICY house ON directory_count_change TO rollcall_house USING (true);
GRANT SELECT ON directory_count_change TO rollcall_house; -- which tenants have changes to fold
