-- Lag as a stored fact, what is to hold of it, and alerts that somebody has seen.

-- CreateTable
CREATE TABLE "lag_histogram" (
    "tenant_id" UUID NOT NULL,
    "step_sec" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(0) NOT NULL,
    "stage" TEXT NOT NULL,
    "connection_id" UUID NOT NULL,
    "bucket" SMALLINT NOT NULL,
    "count" BIGINT NOT NULL,
    "sum_ms" DOUBLE PRECISION NOT NULL,
    "max_ms" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "lag_histogram_pkey" PRIMARY KEY ("tenant_id", "step_sec", "at", "stage", "connection_id", "bucket")
);

-- CreateTable
CREATE TABLE "lag_sample" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "stage" TEXT NOT NULL,
    "at" TIMESTAMPTZ(0) NOT NULL,
    "bucket" SMALLINT NOT NULL,
    "count" BIGINT NOT NULL,
    "sum_ms" DOUBLE PRECISION NOT NULL,
    "max_ms" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "lag_sample_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "lag_cursor" (
    "stage" TEXT NOT NULL,
    "feed_id" UUID NOT NULL,
    "position" BIGINT NOT NULL,
    "folded_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "lag_cursor_pkey" PRIMARY KEY ("stage", "feed_id")
);

-- CreateTable
CREATE TABLE "connection_pulse" (
    "connection_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "last_event_at" TIMESTAMPTZ(6),
    "last_request_at" TIMESTAMPTZ(6),

    CONSTRAINT "connection_pulse_pkey" PRIMARY KEY ("connection_id")
);

-- CreateTable
CREATE TABLE "people_count" (
    "tenant_id" UUID NOT NULL,
    "admitted" BIGINT NOT NULL,
    "shut_out" BIGINT NOT NULL,
    "counted_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "people_count_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "objective" (
    "tenant_id" UUID NOT NULL,
    "stage" TEXT NOT NULL,
    "p99_ms" INTEGER NOT NULL,
    "share" DOUBLE PRECISION NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "objective_pkey" PRIMARY KEY ("tenant_id", "stage")
);

-- CreateIndex
CREATE INDEX "lag_histogram_step_sec_at_idx" ON "lag_histogram"("step_sec", "at");

-- CreateIndex
CREATE INDEX "connection_pulse_tenant_id_idx" ON "connection_pulse"("tenant_id");

-- What nobody could have looked at yet is not looked at afterwards: stages are counted from here on. The
-- owner is bound by row-level security like everybody, and is to see all of it here.
ALTER TABLE lifecycle_event NO FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_meta NO FORCE ROW LEVEL SECURITY;
INSERT INTO lag_cursor (stage, feed_id, position)
SELECT 'accepted', '00000000-0000-0000-0000-000000000000', coalesce(max(id), 0) FROM lifecycle_event;
INSERT INTO lag_cursor (stage, feed_id, position)
SELECT stage, meta.tenant_id, meta.seq FROM feed_meta AS meta, (VALUES ('published'), ('enforced')) AS told(stage);
INSERT INTO connection_pulse (connection_id, tenant_id, last_event_at)
SELECT connection_id, tenant_id, max(accepted_at) FROM lifecycle_event WHERE source NOT IN ('resync', 'nesting') GROUP BY connection_id, tenant_id;
ALTER TABLE lifecycle_event FORCE ROW LEVEL SECURITY;
ALTER TABLE feed_meta FORCE ROW LEVEL SECURITY;

-- An alert that somebody has seen, how bad it is, and when it was last told.
ALTER TABLE "alert"
  ADD COLUMN "level" SMALLINT NOT NULL DEFAULT 1,
  ADD COLUMN "acknowledged_at" TIMESTAMPTZ(6),
  ADD COLUMN "acknowledged_by" TEXT,
  ADD COLUMN "note" TEXT,
  ADD COLUMN "told_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP;
CREATE INDEX alert_unresolved ON alert (tenant_id) WHERE resolved_at IS NULL;

-- What applications are told of an alert, as it stood when it was told.
ALTER TABLE "outbound_event" ADD COLUMN "alert" JSONB;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['lag_histogram', 'lag_sample', 'connection_pulse', 'people_count', 'objective'] LOOP
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

CREATE POLICY house ON lag_histogram TO rollcall_house USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON lag_histogram TO rollcall_house; -- one statement folds what passed a stage, whosever it is
CREATE POLICY house ON lag_sample TO rollcall_house USING (true);
GRANT SELECT, DELETE ON lag_sample TO rollcall_house; -- what workers noted, to be folded
GRANT SELECT, INSERT, UPDATE ON lag_cursor TO rollcall_house; -- up to where it is folded
GRANT SELECT ON lag_cursor TO rollcall_app; -- how old the figures are, which are nobody's
CREATE POLICY house ON connection_pulse TO rollcall_house USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON connection_pulse TO rollcall_house; -- when each connection was last heard of
CREATE POLICY house ON people_count TO rollcall_house USING (true);
GRANT SELECT (tenant_id, counted_at) ON people_count TO rollcall_house; -- whose count is old
GRANT SELECT (answered_at) ON provider TO rollcall_house; -- an answer is a word too
CREATE POLICY house ON feed_mark TO rollcall_house USING (true);
GRANT SELECT ON feed_mark TO rollcall_house; -- what is enforced since when
CREATE POLICY house ON receipt TO rollcall_house USING (true);
GRANT SELECT (tenant_id, gateway_id, as_of, received_at) ON receipt TO rollcall_house; -- which feeds somebody follows
GRANT SELECT (level, acknowledged_at, told_at, raised_at) ON alert TO rollcall_house; -- how many are open, and whom to remind

-- A trigger tells of an alert with the change of it, so that whoever opens or closes one cannot forget to.
-- Streams of the Shared Signals Framework have no event for it: webhooks alone are told.
CREATE FUNCTION rollcall_announce_alert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  told text := TG_ARGV[0];
  event bigint;
  followers uuid[] := ARRAY(
    SELECT id FROM subscription WHERE tenant_id = NEW.tenant_id AND status <> 'disabled' AND kind = 'webhook' AND told = ANY(events)
  );
BEGIN
  IF cardinality(followers) = 0 THEN RETURN NULL; END IF;
  INSERT INTO outbound_event (tenant_id, kind, iss, reason, cause, happened_at, alert)
  VALUES (NEW.tenant_id, told, '', NEW.kind, 'alert-' || NEW.id,
    CASE told WHEN 'alert.resolved' THEN NEW.resolved_at WHEN 'alert.acknowledged' THEN NEW.acknowledged_at ELSE NEW.told_at END,
    jsonb_build_object('id', NEW.id, 'kind', NEW.kind, 'key', NEW.key, 'level', NEW.level, 'detail', NEW.detail, 'note', NEW.note,
      'raisedAt', NEW.raised_at, 'again', TG_OP = 'UPDATE' AND told = 'alert.opened'))
  RETURNING id INTO event;
  INSERT INTO delivery (tenant_id, subscription_id, event_id, subject_key)
  SELECT NEW.tenant_id, follower, event, hashtextextended(NEW.id::text, 0) FROM unnest(followers) AS follower;
  PERFORM pg_notify('rollcall_egress', NEW.tenant_id::text);
  RETURN NULL;
END $$;

CREATE TRIGGER alert_opened AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION rollcall_announce_alert('alert.opened');
CREATE TRIGGER alert_told_again AFTER UPDATE ON alert
  FOR EACH ROW WHEN (NEW.resolved_at IS NULL AND OLD.told_at <> NEW.told_at) EXECUTE FUNCTION rollcall_announce_alert('alert.opened');
CREATE TRIGGER alert_acknowledged AFTER UPDATE ON alert
  FOR EACH ROW WHEN (OLD.acknowledged_at IS NULL AND NEW.acknowledged_at IS NOT NULL) EXECUTE FUNCTION rollcall_announce_alert('alert.acknowledged');
CREATE TRIGGER alert_resolved AFTER UPDATE ON alert
  FOR EACH ROW WHEN (OLD.resolved_at IS NULL AND NEW.resolved_at IS NOT NULL) EXECUTE FUNCTION rollcall_announce_alert('alert.resolved');
