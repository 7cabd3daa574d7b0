-- What applications are told: who follows, what happened, and each message until it is forgotten.

-- Tokens of applications that follow by the Shared Signals Framework.
ALTER TABLE "credential" ADD COLUMN "receiver" TEXT, ADD COLUMN "scopes" TEXT[] DEFAULT ARRAY[]::TEXT[];

-- CreateTable
CREATE TABLE "subscription" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "receiver" TEXT,
    "description" TEXT,
    "url" TEXT,
    "secret" BYTEA,
    "former_secret" BYTEA,
    "former_until" TIMESTAMPTZ(6),
    "events" TEXT[],
    "requested" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "status" TEXT NOT NULL DEFAULT 'enabled',
    "status_reason" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "resume_at" TIMESTAMPTZ(6),
    "verified_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "subscription_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "outbound_event" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "user_id" UUID,
    "iss" TEXT NOT NULL,
    "sub" TEXT,
    "session" TEXT,
    "new_sub" TEXT,
    "reason" TEXT NOT NULL,
    "cause" TEXT NOT NULL,
    "happened_at" TIMESTAMPTZ(6) NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "outbound_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "delivery" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "seq" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "subscription_id" UUID NOT NULL,
    "event_id" BIGINT,
    "verification" TEXT,
    "subject_key" BIGINT NOT NULL,
    "user_key" BIGINT,
    "state" TEXT NOT NULL DEFAULT 'waiting',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_status" INTEGER,
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempted_at" TIMESTAMPTZ(6),
    "settled_at" TIMESTAMPTZ(6),

    CONSTRAINT "delivery_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "subscription_tenant_id_id_idx" ON "subscription"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "outbound_event_tenant_id_created_at_idx" ON "outbound_event"("tenant_id", "created_at");

-- CreateIndex
CREATE INDEX "delivery_subscription_id_seq_idx" ON "delivery"("subscription_id", "seq");

-- CreateIndex
CREATE INDEX "delivery_tenant_id_created_at_idx" ON "delivery"("tenant_id", "created_at");

-- CreateIndex
CREATE INDEX "delivery_event_id_idx" ON "delivery"("event_id");

-- What waits, in its order; what is due; and what stands before a message of the same subject or user.
CREATE INDEX delivery_waiting ON delivery (subscription_id, seq) WHERE state = 'waiting';
CREATE INDEX delivery_due ON delivery (subscription_id, due_at) WHERE state = 'waiting';
CREATE INDEX delivery_of_subject ON delivery (subscription_id, subject_key, seq) WHERE state = 'waiting';
CREATE INDEX delivery_of_user ON delivery (subscription_id, user_key, seq) WHERE state = 'waiting';

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['subscription', 'outbound_event', 'delivery'] LOOP
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

CREATE POLICY house ON subscription TO rollcall_house USING (true);
GRANT SELECT (id, tenant_id, kind, status, resume_at) ON subscription TO rollcall_house; -- who may be told something now
CREATE POLICY house ON delivery TO rollcall_house USING (true);
GRANT SELECT (subscription_id, state, due_at) ON delivery TO rollcall_house; -- whether anything is due for them
CREATE POLICY house ON outbound_event TO rollcall_house USING (true);
GRANT SELECT (tenant_id) ON outbound_event TO rollcall_house; -- which tenants have something to forget

-- Triggers write what is told, in the transaction of the change: no writer can forget them, what is
-- rolled back is told to nobody, and where nobody follows a tenant they read one index and do nothing.
CREATE FUNCTION rollcall_announce(
  tenant uuid, told text, usr uuid, issuer text, subject text, sid text, renamed text, why text, cause text, at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  event bigint;
  -- RISC names only e-mail addresses and telephone numbers in an identifier-changed.
  streamed boolean := told <> 'user.identifier_changed' OR subject ~ '^[^@[:space:]]+@[^@[:space:]]+$';
  followers uuid[] := ARRAY(
    SELECT id FROM subscription
    WHERE tenant_id = tenant AND status <> 'disabled' AND told = ANY(events) AND (kind = 'webhook' OR streamed)
  );
BEGIN
  IF cardinality(followers) = 0 THEN RETURN; END IF;
  INSERT INTO outbound_event (tenant_id, kind, user_id, iss, sub, session, new_sub, reason, cause, happened_at)
  VALUES (tenant, told, usr, issuer, subject, sid, renamed, why, coalesce(cause, 'act-' || pg_current_xact_id()), at)
  RETURNING id INTO event;
  INSERT INTO delivery (tenant_id, subscription_id, event_id, subject_key, user_key)
  SELECT tenant, follower, event, hashtextextended(jsonb_build_array(issuer, subject, sid)::text, 0), hashtextextended(usr::text, 0)
  FROM unnest(followers) AS follower;
  PERFORM pg_notify('rollcall_egress', tenant::text);
END $$;

-- One key of the feed: a subject, or one session.
CREATE FUNCTION rollcall_announce_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was_denied boolean := false;
  old_nbf bigint := 0;
  holder record;
  subject text := NEW.sub;
  cause text := 'event-' || NEW.event_id;
BEGIN
  IF NOT EXISTS (SELECT FROM subscription WHERE tenant_id = NEW.tenant_id) THEN RETURN NULL; END IF;
  IF TG_OP = 'UPDATE' THEN
    was_denied := OLD.deny;
    old_nbf := coalesce(OLD.nbf, 0);
  END IF;
  IF NEW.scope = 'sid' THEN
    IF NEW.deny AND NOT was_denied OR coalesce(NEW.nbf, 0) > old_nbf THEN
      PERFORM rollcall_announce(NEW.tenant_id, 'session.revoked', NULL, NEW.iss, NULL, NEW.sub, NULL, NEW.reason, cause, NEW.accepted_at);
    END IF;
    RETURN NULL;
  END IF;
  SELECT identity.user_id, identity.sub, usr.deleted_at IS NOT NULL AS deleted INTO holder
  FROM identity LEFT JOIN directory_user AS usr ON usr.id = identity.directory_user_id
  WHERE identity.tenant_id = NEW.tenant_id AND identity.iss = NEW.iss AND identity.sub_key = NEW.sub;
  IF FOUND THEN subject := holder.sub; END IF;
  -- Whoever was deleted is told to be deleted, by their denial.
  IF NEW.deny AND NOT was_denied AND NOT (NEW.reason = 'idp_deleted' AND coalesce(holder.deleted, false)) THEN
    PERFORM rollcall_announce(NEW.tenant_id, 'user.denied', holder.user_id, NEW.iss, subject, NULL, NULL, NEW.reason, cause, NEW.accepted_at);
  END IF;
  IF coalesce(NEW.nbf, 0) > old_nbf THEN
    PERFORM rollcall_announce(NEW.tenant_id, 'session.revoked', holder.user_id, NEW.iss, subject, NULL, NULL, NEW.reason, cause, to_timestamp(NEW.nbf - 1));
  END IF;
  IF was_denied AND NOT NEW.deny THEN
    PERFORM rollcall_announce(NEW.tenant_id, 'user.allowed', holder.user_id, NEW.iss, subject, NULL, NULL, NEW.reason, cause, NEW.accepted_at);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION rollcall_announce_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM rollcall_announce(NEW.tenant_id, 'user.deleted', NEW.user_id, identity.iss, identity.sub, NULL, NULL, NEW.reason,
    (SELECT 'event-' || max(id) FROM lifecycle_event WHERE subject_id = NEW.origin_id AND denying), NEW.since)
  FROM identity WHERE identity.directory_user_id = NEW.origin_id AND EXISTS (SELECT FROM subscription WHERE tenant_id = NEW.tenant_id);
  RETURN NULL;
END $$;

-- A user's subject became an alias, passed to somebody else, or is spelt otherwise.
CREATE FUNCTION rollcall_announce_rename() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  renamed text;
BEGIN
  IF NOT EXISTS (SELECT FROM subscription WHERE tenant_id = NEW.tenant_id)
    OR NOT EXISTS (SELECT FROM directory_user WHERE id = OLD.directory_user_id AND deleted_at IS NULL) THEN RETURN NULL; END IF;
  SELECT sub INTO renamed FROM identity WHERE directory_user_id = OLD.directory_user_id AND iss = OLD.iss AND NOT alias LIMIT 1;
  PERFORM rollcall_announce(NEW.tenant_id, 'user.identifier_changed', OLD.user_id, OLD.iss, OLD.sub, NULL, renamed, 'renamed', NULL, clock_timestamp());
  RETURN NULL;
END $$;

CREATE TRIGGER applications_revoked AFTER INSERT ON revocation
  FOR EACH ROW WHEN (NEW.scope IN ('sub', 'sid') AND (NEW.deny OR NEW.nbf IS NOT NULL)) EXECUTE FUNCTION rollcall_announce_revocation();
CREATE TRIGGER applications_changed AFTER UPDATE ON revocation
  FOR EACH ROW WHEN (NEW.scope IN ('sub', 'sid') AND (OLD.deny <> NEW.deny OR OLD.nbf IS DISTINCT FROM NEW.nbf))
  EXECUTE FUNCTION rollcall_announce_revocation();
CREATE TRIGGER applications_deleted AFTER INSERT ON denial
  FOR EACH ROW WHEN (NEW.reason = 'idp_deleted') EXECUTE FUNCTION rollcall_announce_deletion();
CREATE TRIGGER applications_renamed AFTER UPDATE ON identity
  FOR EACH ROW WHEN (NOT OLD.alias AND (NEW.alias OR NEW.directory_user_id <> OLD.directory_user_id OR NEW.sub <> OLD.sub))
  EXECUTE FUNCTION rollcall_announce_rename();
