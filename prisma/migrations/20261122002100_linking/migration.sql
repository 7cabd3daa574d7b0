-- What an admin ties by hand, and what an admin makes of an event that was given up.

-- A directory user that an admin has linked to another user; null on those that are nobody's but their own.
ALTER TABLE "link" ADD COLUMN "linked_at" TIMESTAMPTZ(6), ADD COLUMN "linked_by" TEXT;

-- A subject that an admin has given to a user. No change of the directory takes it away.
ALTER TABLE "identity" ADD COLUMN "linked_at" TIMESTAMPTZ(6), ADD COLUMN "linked_by" TEXT;

-- A dead letter that an admin has put aside for good.
ALTER TABLE "lifecycle_event" ADD COLUMN "dropped_at" TIMESTAMPTZ(6);

-- Which subjects have an alert for a dead letter that may be over.
CREATE INDEX alert_dead_letter_open ON alert (tenant_id, subject_id) WHERE kind = 'dead_letter' AND resolved_at IS NULL;
CREATE POLICY house ON alert TO rollcall_house USING (true);
GRANT SELECT (tenant_id, kind, resolved_at) ON alert TO rollcall_house; -- which tenants have dead letters that may be over
