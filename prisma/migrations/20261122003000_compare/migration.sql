-- Runs that compare the user store with the directory, heal what differs, and go on where they were.

-- AlterTable
ALTER TABLE "reconcile_run" ADD COLUMN "cause" TEXT NOT NULL DEFAULT 'admin',
ADD COLUMN "heals" TEXT NOT NULL DEFAULT 'all',
ADD COLUMN "applies_id" UUID,
ADD COLUMN "state" TEXT NOT NULL DEFAULT 'queued',
ADD COLUMN "cursor" JSONB,
ADD COLUMN "compared" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "waiting" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "found" JSONB NOT NULL DEFAULT '{}',
ADD COLUMN "enqueued" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "applied" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "dead" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "healed" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "begun_at" TIMESTAMPTZ(6),
ADD COLUMN "taken_until" TIMESTAMPTZ(6),
ADD COLUMN "attempts" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "last_error" TEXT;

-- What earlier versions wrote from the console has ended, or has ended with its process. The owner is
-- bound by row-level security like everybody, and writes all of it here.
ALTER TABLE reconcile_run NO FORCE ROW LEVEL SECURITY;
UPDATE reconcile_run SET state = CASE WHEN finished_at IS NULL THEN 'failed' ELSE 'finished' END, finished_at = coalesce(finished_at, now());
ALTER TABLE reconcile_run FORCE ROW LEVEL SECURITY;

-- AlterTable
ALTER TABLE "drift" ADD COLUMN "subject_kind" TEXT NOT NULL DEFAULT 'user',
ADD COLUMN "connection_id" UUID,
ADD COLUMN "name" TEXT,
ADD COLUMN "standing" BOOLEAN NOT NULL DEFAULT true;

-- DropIndex
DROP INDEX "drift_tenant_id_found_at_idx";

-- CreateIndex
CREATE INDEX "drift_run_id_id_idx" ON "drift"("run_id", "id");

-- What differs as far as anybody knows, in its order; and what is healed with a subject.
CREATE INDEX drift_standing ON drift (tenant_id, id) WHERE standing;
CREATE INDEX drift_unhealed ON drift (subject_id) WHERE healed_at IS NULL;

-- Which runs there are to be taken in hand, and which tenants are due.
CREATE INDEX reconcile_run_open ON reconcile_run (started_at) WHERE state IN ('queued', 'running');
CREATE POLICY house ON reconcile_run TO rollcall_house USING (true);
GRANT SELECT (id, tenant_id, scope, cause, state, started_at, finished_at, taken_until) ON reconcile_run TO rollcall_house;
