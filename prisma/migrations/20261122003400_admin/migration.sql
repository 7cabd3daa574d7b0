-- Who may do what in the admin API, people who log in to it, and connections that are paused or removed.

-- What an admin token may do in its tenant; those that there are may do everything.
ALTER TABLE "credential" ADD COLUMN "role" TEXT NOT NULL DEFAULT 'admin';

-- Since when a connection takes no more than denials, and since when it is no more.
ALTER TABLE "connection" ADD COLUMN "paused_at" TIMESTAMPTZ(6), ADD COLUMN "removed_at" TIMESTAMPTZ(6);

-- CreateTable
CREATE TABLE "admin_person" (
    "id" UUID NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "operator" BOOLEAN NOT NULL,
    "seen_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "admin_person_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "admin_session" (
    "digest" BYTEA NOT NULL,
    "credential_id" TEXT,
    "person_id" UUID,
    "operator" BOOLEAN NOT NULL,
    "roles" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "used_at" TIMESTAMPTZ(6) NOT NULL,
    "ends_at" TIMESTAMPTZ(6) NOT NULL,
    "ended_at" TIMESTAMPTZ(6),

    CONSTRAINT "admin_session_pkey" PRIMARY KEY ("digest")
);

-- CreateIndex
CREATE UNIQUE INDEX "admin_person_issuer_subject_key" ON "admin_person"("issuer", "subject");

-- CreateIndex
CREATE INDEX "admin_session_ends_at_idx" ON "admin_session"("ends_at");

-- CreateIndex
CREATE INDEX "audit_tenant_id_id_idx" ON "audit"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "audit_tenant_id_actor_id_idx" ON "audit"("tenant_id", "actor", "id");

-- CreateIndex
CREATE INDEX "audit_tenant_id_action_id_idx" ON "audit"("tenant_id", "action", "id");

-- CreateIndex
CREATE INDEX "audit_tenant_id_target_id_idx" ON "audit"("tenant_id", "target", "id");

-- A session is begun and found before any tenant is known, and no tenant sees another's people.
GRANT SELECT, INSERT, UPDATE, DELETE ON admin_session TO rollcall_house;
GRANT SELECT, INSERT, UPDATE ON admin_person TO rollcall_house;

-- What an admin looks at: groups by the beginning of their names, and what waits or was given up.
CREATE INDEX directory_group_name_beginning ON directory_group (connection_id, display_name_key text_pattern_ops);
CREATE INDEX lifecycle_event_unapplied ON lifecycle_event (tenant_id, accepted_at, id) WHERE applied_at IS NULL;
