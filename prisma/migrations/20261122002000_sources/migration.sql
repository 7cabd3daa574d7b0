-- Where lifecycle events come from beside SCIM, what each has said, and who is to be asked again.

-- When what the directory says of `active` was last stated by somebody who told the time, or read back.
ALTER TABLE "directory_user" ADD COLUMN "stated_at" TIMESTAMPTZ(6);

-- CreateTable
CREATE TABLE "event_source" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "secret" BYTEA,
    "former_secret" BYTEA,
    "former_until" TIMESTAMPTZ(6),
    "status" TEXT NOT NULL DEFAULT 'enabled',
    "state" JSONB NOT NULL DEFAULT '{}',
    "last_error" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_source_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "source_event" (
    "source_id" UUID NOT NULL,
    "event_id" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,
    "payload_hash" BYTEA NOT NULL,
    "kind" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "subject_id" UUID,
    "occurred_at" TIMESTAMPTZ(6),
    "accepted_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "source_event_pkey" PRIMARY KEY ("source_id", "event_id")
);

-- CreateTable
CREATE TABLE "provider" (
    "connection_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "settings" JSONB NOT NULL DEFAULT '{}',
    "secret" BYTEA,
    "mark" TEXT,
    "answered_at" TIMESTAMPTZ(6),
    "last_error" TEXT,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "provider_pkey" PRIMARY KEY ("connection_id")
);

-- CreateTable
CREATE TABLE "read_back" (
    "connection_id" UUID NOT NULL,
    "subject_key" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,
    "names" JSONB NOT NULL,
    "asked_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "last_error" TEXT,

    CONSTRAINT "read_back_pkey" PRIMARY KEY ("connection_id", "subject_key")
);

-- CreateIndex
CREATE INDEX "event_source_tenant_id_id_idx" ON "event_source"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "source_event_tenant_id_accepted_at_idx" ON "source_event"("tenant_id", "accepted_at");

-- CreateIndex
CREATE INDEX "provider_tenant_id_idx" ON "provider"("tenant_id");

-- CreateIndex
CREATE INDEX "read_back_due_at_idx" ON "read_back"("due_at");

-- AddForeignKey
ALTER TABLE "event_source" ADD CONSTRAINT "event_source_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "provider" ADD CONSTRAINT "provider_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['event_source', 'source_event', 'provider', 'read_back'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format(
      'CREATE POLICY tenant ON %I TO rollcall_app USING (tenant_id = rollcall_tenant()) WITH CHECK (tenant_id = rollcall_tenant())',
      relation
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rollcall_app', relation);
  END LOOP;
END $$;

-- A hook's address names its source, and only the source says which tenant it belongs to.
CREATE POLICY house ON event_source TO rollcall_house USING (true);
GRANT SELECT (id, tenant_id, connection_id, kind, settings, secret, former_secret, former_until, status) ON event_source TO rollcall_house;
CREATE POLICY house ON read_back TO rollcall_house USING (true);
GRANT SELECT (tenant_id, connection_id, due_at) ON read_back TO rollcall_house; -- who is to be asked now
CREATE POLICY house ON provider TO rollcall_house USING (true);
GRANT SELECT (connection_id, tenant_id, kind) ON provider TO rollcall_house; -- who can be asked at all
CREATE POLICY house ON source_event TO rollcall_house USING (true);
GRANT SELECT (tenant_id, accepted_at) ON source_event TO rollcall_house; -- which tenants have something to forget
