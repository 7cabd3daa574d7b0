-- Listings of everybody by a provider, what differs, what stops them; and canaries.

-- AlterTable
ALTER TABLE "connection" ADD COLUMN "pull" JSONB;

-- CreateTable
CREATE TABLE "pull_run" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "requested_by" TEXT,
    "state" TEXT NOT NULL DEFAULT 'listing',
    "step" TEXT NOT NULL DEFAULT 'users',
    "mark" TEXT,
    "provider_version" TEXT,
    "asked_at" TIMESTAMPTZ(6),
    "listed" INTEGER NOT NULL DEFAULT 0,
    "listed_groups" INTEGER NOT NULL DEFAULT 0,
    "complete" BOOLEAN NOT NULL DEFAULT false,
    "found" JSONB NOT NULL DEFAULT '{}',
    "brake" JSONB,
    "reason" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "taken_by" UUID,
    "taken_until" TIMESTAMPTZ(6),
    "staged" BOOLEAN NOT NULL DEFAULT true,
    "started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(6),

    CONSTRAINT "pull_run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "pull_user" (
    "run_id" UUID NOT NULL,
    "provider_id" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,
    "user_name_key" TEXT,
    "attributes" JSONB NOT NULL,

    CONSTRAINT "pull_user_pkey" PRIMARY KEY ("run_id", "provider_id")
);

-- CreateTable
CREATE TABLE "pull_group" (
    "run_id" UUID NOT NULL,
    "provider_id" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,
    "display_name_key" TEXT,
    "attributes" JSONB NOT NULL,

    CONSTRAINT "pull_group_pkey" PRIMARY KEY ("run_id", "provider_id")
);

-- CreateTable
CREATE TABLE "pull_member" (
    "run_id" UUID NOT NULL,
    "group_id" TEXT NOT NULL,
    "member" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,

    CONSTRAINT "pull_member_pkey" PRIMARY KEY ("run_id", "group_id", "member")
);

-- CreateTable
CREATE TABLE "pull_absence" (
    "connection_id" UUID NOT NULL,
    "subject_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "since" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "pull_absence_pkey" PRIMARY KEY ("connection_id", "subject_id")
);

-- CreateTable
CREATE TABLE "pull_difference" (
    "id" BIGSERIAL NOT NULL,
    "run_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_kind" TEXT NOT NULL,
    "subject_id" UUID,
    "provider_id" TEXT,
    "name" TEXT NOT NULL,
    "detail" JSONB NOT NULL DEFAULT '{}',
    "rank" SMALLINT NOT NULL,
    "counted" BOOLEAN NOT NULL DEFAULT false,
    "outcome" TEXT,
    "healed_at" TIMESTAMPTZ(6),

    CONSTRAINT "pull_difference_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "canary" (
    "connection_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "every_sec" INTEGER,
    "deadline_ms" INTEGER NOT NULL,
    "user_id" UUID,
    "due_at" TIMESTAMPTZ(6),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "canary_pkey" PRIMARY KEY ("connection_id")
);

-- CreateTable
CREATE TABLE "canary_run" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "steps" JSONB NOT NULL DEFAULT '[]',
    "failed_step" TEXT,
    "started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(6),

    CONSTRAINT "canary_run_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "pull_run_tenant_id_id_idx" ON "pull_run"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "pull_run_connection_id_started_at_idx" ON "pull_run"("connection_id", "started_at");

-- CreateIndex
CREATE INDEX "pull_user_run_id_user_name_key_idx" ON "pull_user"("run_id", "user_name_key");

-- CreateIndex
CREATE INDEX "pull_group_run_id_display_name_key_idx" ON "pull_group"("run_id", "display_name_key");

-- CreateIndex
CREATE INDEX "pull_difference_run_id_id_idx" ON "pull_difference"("run_id", "id");

-- CreateIndex
CREATE INDEX "pull_difference_run_id_subject_id_idx" ON "pull_difference"("run_id", "subject_id");

-- CreateIndex
CREATE UNIQUE INDEX "canary_user_id_key" ON "canary"("user_id");

-- CreateIndex
CREATE INDEX "canary_due_at_idx" ON "canary"("due_at");

-- CreateIndex
CREATE INDEX "canary_run_connection_id_started_at_idx" ON "canary_run"("connection_id", "started_at");

-- AddForeignKey
ALTER TABLE "pull_run" ADD CONSTRAINT "pull_run_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pull_user" ADD CONSTRAINT "pull_user_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pull_run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pull_group" ADD CONSTRAINT "pull_group_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pull_run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pull_member" ADD CONSTRAINT "pull_member_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pull_run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pull_absence" ADD CONSTRAINT "pull_absence_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pull_difference" ADD CONSTRAINT "pull_difference_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pull_run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "canary" ADD CONSTRAINT "canary_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "canary_run" ADD CONSTRAINT "canary_run_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "canary"("connection_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- One at a time for each connection: a braked one keeps the next from going around it.
CREATE UNIQUE INDEX pull_run_under_way ON pull_run (connection_id) WHERE finished_at IS NULL;
-- What is left to be done of a run, whoever loses access first.
CREATE INDEX pull_run_staged ON pull_run (id) WHERE staged AND finished_at IS NOT NULL;
CREATE INDEX pull_difference_waiting ON pull_difference (run_id, rank, id) WHERE outcome IS NULL;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY[
    'pull_run', 'pull_user', 'pull_group', 'pull_member', 'pull_absence', 'pull_difference', 'canary', 'canary_run'
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
GRANT USAGE ON SEQUENCE pull_difference_id_seq TO rollcall_app;

-- Which listings and which canaries are due, before a tenant is known.
CREATE POLICY house ON pull_run TO rollcall_house USING (true);
GRANT SELECT (id, tenant_id, connection_id, dry_run, state, due_at, taken_until, staged, started_at, finished_at) ON pull_run TO rollcall_house;
CREATE POLICY house ON canary TO rollcall_house USING (true);
GRANT SELECT (connection_id, tenant_id, every_sec, due_at) ON canary TO rollcall_house;
