-- Questions to identity providers under way, and what keeps the sources that must be renewed alive.

-- DropIndex
DROP INDEX "read_back_due_at_idx";

-- AlterTable
ALTER TABLE "read_back" ADD COLUMN "taken_until" TIMESTAMPTZ(6),
ADD COLUMN "absent_since" TIMESTAMPTZ(6);

-- AlterTable
ALTER TABLE "provider" ADD COLUMN "failing_since" TIMESTAMPTZ(6),
ADD COLUMN "changes_at" TIMESTAMPTZ(6),
ADD COLUMN "test_asked_at" TIMESTAMPTZ(6),
ADD COLUMN "test_report" JSONB,
ADD COLUMN "tested_at" TIMESTAMPTZ(6);

-- AlterTable
ALTER TABLE "event_source" ADD COLUMN "upkeep_at" TIMESTAMPTZ(6);

-- CreateIndex
CREATE INDEX "read_back_connection_id_due_at_idx" ON "read_back"("connection_id", "due_at");

-- CreateIndex
CREATE INDEX "provider_changes_at_idx" ON "provider"("changes_at");

-- CreateIndex
CREATE INDEX "event_source_upkeep_at_idx" ON "event_source"("upkeep_at");

-- Which providers and which sources something is to be done for now; and what a delivery must name to be one of its source's.
GRANT SELECT (changes_at, test_asked_at, tested_at) ON provider TO rollcall_house;
GRANT SELECT (upkeep_at, state) ON event_source TO rollcall_house;
