-- The feed, whole: entries that end, entries that are forgotten, feeds of hashed subjects, of known
-- subjects and of all tenants, and who enforces what since when.

-- Which tokens read the feed under hashes.
ALTER TABLE "credential" ADD COLUMN "hashed" BOOLEAN NOT NULL DEFAULT false;

-- A denial that an admin has given an end; and an entry that gateways are told to forget.
ALTER TABLE "denial" ADD COLUMN "expires_at" TIMESTAMPTZ(6);
ALTER TABLE "revocation" ADD COLUMN "forgotten_at" TIMESTAMPTZ(6);
CREATE INDEX denial_ending ON denial (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX revocation_ending ON revocation (expires_at) WHERE deny AND expires_at IS NOT NULL;
-- What may be forgotten once no token lives that it could refuse: whatever the provider refuses too,
-- whatever refuses one token, and whatever only refuses older ones.
CREATE INDEX revocation_forgettable ON revocation (tenant_id, iss, applied_at)
  WHERE forgotten_at IS NULL AND (NOT deny OR origin = 'idp' OR scope = 'jti');

-- One feed for one tenant, and one for all of them under the nil UUID, whose entries say whose they are.
ALTER TABLE "feed_entry" ADD COLUMN "tid" TEXT;
DROP INDEX feed_entry_present;
CREATE UNIQUE INDEX feed_entry_present ON feed_entry (tenant_id, scope, iss, sub, tid) NULLS NOT DISTINCT WHERE superseded_by IS NULL;
-- DropIndex
DROP INDEX "feed_entry_tenant_id_scope_iss_sub_seq_idx";
-- CreateIndex
CREATE INDEX "feed_entry_tenant_id_published_at_idx" ON "feed_entry"("tenant_id", "published_at");
-- What trimming looks for, so that it reads nothing that stays.
CREATE INDEX feed_entry_replaced ON feed_entry (tenant_id, superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX feed_entry_lifted ON feed_entry (tenant_id, seq) WHERE superseded_by IS NULL AND op = 'allow' AND nbf IS NULL;

-- Subjects are hashed under a key of the feed. It lies beside what it hides, and travels with a backup.
ALTER TABLE "feed_meta" ADD COLUMN "subject_key" BYTEA;
UPDATE "feed_meta" SET "subject_key" = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
ALTER TABLE "feed_meta" ALTER COLUMN "subject_key" SET NOT NULL;
-- Null where it was never summed up: the publisher does that before it publishes more.
ALTER TABLE "feed_meta" ADD COLUMN "hashed_digest" BYTEA;
ALTER TABLE "feed_meta" ADD COLUMN "epoch_at" TIMESTAMPTZ(6);

-- CreateTable
CREATE TABLE "feed_source" (
    "tenant_id" UUID NOT NULL,
    "source_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "feed_source_pkey" PRIMARY KEY ("tenant_id", "source_id")
);

-- CreateTable
CREATE TABLE "feed_mark" (
    "tenant_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL,
    "enforced_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "feed_mark_pkey" PRIMARY KEY ("tenant_id", "seq")
);

-- Since when a gateway has been where it is. A receipt is rewritten every few seconds: room on the
-- page keeps that from touching an index.
ALTER TABLE "receipt" ADD COLUMN "seq_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE "receipt" SET (fillfactor = 50);

-- An alert that is about one thing is open once for it.
ALTER TABLE "alert" ADD COLUMN "key" TEXT;
CREATE UNIQUE INDEX alert_open ON alert (tenant_id, kind, key) WHERE resolved_at IS NULL AND key IS NOT NULL;

-- CreateTable
CREATE TABLE "subject_meta" (
    "tenant_id" UUID NOT NULL,
    "epoch" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL DEFAULT 0,
    "floor_seq" BIGINT NOT NULL DEFAULT 0,
    "entries" BIGINT NOT NULL DEFAULT 0,
    "digest" BYTEA NOT NULL,
    "filled_iss" TEXT,
    "filled_sub_key" TEXT,
    "filled_at" TIMESTAMPTZ(6),
    "epoch_at" TIMESTAMPTZ(6),
    "asked_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "subject_meta_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "subject_pending" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "iss" TEXT NOT NULL,
    "sub_key" TEXT NOT NULL,
    "accepted_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "subject_pending_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "subject_entry" (
    "tenant_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "known" BOOLEAN NOT NULL,
    "accepted_at" TIMESTAMPTZ(6) NOT NULL,
    "published_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "superseded_by" BIGINT,

    CONSTRAINT "subject_entry_pkey" PRIMARY KEY ("tenant_id", "seq")
);

-- CreateIndex
CREATE INDEX "subject_pending_tenant_id_id_idx" ON "subject_pending"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "subject_pending_tenant_id_accepted_at_idx" ON "subject_pending"("tenant_id", "accepted_at");

-- CreateIndex
CREATE INDEX "feed_pending_tenant_id_accepted_at_idx" ON "feed_pending"("tenant_id", "accepted_at");

-- CreateIndex
CREATE INDEX "subject_entry_tenant_id_published_at_idx" ON "subject_entry"("tenant_id", "published_at");

CREATE UNIQUE INDEX subject_entry_present ON subject_entry (tenant_id, hash) WHERE superseded_by IS NULL;
CREATE INDEX subject_entry_replaced ON subject_entry (tenant_id, superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX subject_entry_unknown ON subject_entry (tenant_id, seq) WHERE superseded_by IS NULL AND NOT known;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['feed_source', 'feed_mark', 'subject_meta', 'subject_pending', 'subject_entry'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format(
      'CREATE POLICY tenant ON %I TO rollcall_app USING (tenant_id = rollcall_tenant()) WITH CHECK (tenant_id = rollcall_tenant())',
      relation
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rollcall_app', relation);
  END LOOP;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO rollcall_app, rollcall_house;

CREATE POLICY house ON feed_entry TO rollcall_house USING (true);
GRANT SELECT ON feed_entry TO rollcall_house; -- the feed of all tenants is made of theirs
CREATE POLICY house ON feed_source TO rollcall_house USING (true);
GRANT SELECT ON feed_source TO rollcall_house; -- how much of each it has
CREATE POLICY house ON subject_meta TO rollcall_house USING (true);
GRANT SELECT ON subject_meta TO rollcall_house; -- which sets of subjects are followed
CREATE POLICY house ON subject_pending TO rollcall_house USING (true);
GRANT SELECT (tenant_id, id) ON subject_pending TO rollcall_house; -- which of them have something to publish
CREATE POLICY house ON revocation TO rollcall_house USING (true);
GRANT SELECT (tenant_id, deny, expires_at) ON revocation TO rollcall_house; -- which tenants have entries that end
CREATE POLICY house ON denial TO rollcall_house USING (true);
GRANT SELECT (tenant_id, expires_at) ON denial TO rollcall_house; -- which tenants have denials that end
CREATE POLICY house ON gateway TO rollcall_house USING (true);
GRANT SELECT (tenant_id) ON gateway TO rollcall_house; -- which tenants have gateways to watch

-- Triggers, and not the statements that write, note whose standing may have changed: no writer can
-- forget them, and where nobody follows a tenant's subjects they do nothing. What is noted is as old
-- as the event behind it, for `as_of` waits for it.
CREATE FUNCTION rollcall_accepted_at(directory_user uuid) RETURNS timestamptz LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT coalesce(min(accepted_at), now()) FROM lifecycle_event
  WHERE subject_id = directory_user AND applied_at IS NULL AND dead_at IS NULL;
END;
CREATE FUNCTION rollcall_identities_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO subject_pending (tenant_id, iss, sub_key, accepted_at)
  SELECT changed.tenant_id, changed.iss, changed.sub_key, rollcall_accepted_at(changed.directory_user_id)
  FROM changed JOIN subject_meta ON subject_meta.tenant_id = changed.tenant_id;
  IF FOUND THEN PERFORM pg_notify('rollcall_pending', tenant_id::text) FROM (SELECT DISTINCT tenant_id FROM changed) AS told; END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION rollcall_denials_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO subject_pending (tenant_id, iss, sub_key, accepted_at)
  SELECT DISTINCT identity.tenant_id, identity.iss, identity.sub_key, rollcall_accepted_at(identity.directory_user_id)
  FROM changed JOIN subject_meta ON subject_meta.tenant_id = changed.tenant_id JOIN identity ON identity.user_id = changed.user_id;
  IF FOUND THEN PERFORM pg_notify('rollcall_pending', tenant_id::text) FROM (SELECT DISTINCT tenant_id FROM changed) AS told; END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION rollcall_revocations_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO subject_pending (tenant_id, iss, sub_key, accepted_at)
  SELECT identity.tenant_id, identity.iss, identity.sub_key, rollcall_accepted_at(identity.directory_user_id)
  FROM changed JOIN subject_meta ON subject_meta.tenant_id = changed.tenant_id
  JOIN identity ON identity.tenant_id = changed.tenant_id AND identity.iss = changed.iss AND identity.sub_key = changed.sub
  WHERE changed.scope = 'sub';
  IF FOUND THEN PERFORM pg_notify('rollcall_pending', tenant_id::text) FROM (SELECT DISTINCT tenant_id FROM changed) AS told; END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER subjects_created AFTER INSERT ON identity REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_identities_changed();
CREATE TRIGGER subjects_updated AFTER UPDATE ON identity REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_identities_changed();
CREATE TRIGGER subjects_deleted AFTER DELETE ON identity REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_identities_changed();
CREATE TRIGGER subjects_denied AFTER INSERT ON denial REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_denials_changed();
CREATE TRIGGER subjects_admitted AFTER DELETE ON denial REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_denials_changed();
CREATE TRIGGER subjects_revoked AFTER INSERT ON revocation REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_revocations_changed();
CREATE TRIGGER subjects_lifted AFTER UPDATE ON revocation REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION rollcall_revocations_changed();
