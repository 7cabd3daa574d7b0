-- Sources tell in any order: which attribute was stated when, and what was said of somebody before they came.

ALTER TABLE "directory_user" ADD COLUMN "attribute_times" JSONB;

-- CreateTable
CREATE TABLE "parked_event" (
    "connection_id" UUID NOT NULL,
    "subject_key" TEXT NOT NULL,
    "source_id" UUID NOT NULL,
    "event_id" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,
    "event" JSONB NOT NULL,
    "received_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "parked_event_pkey" PRIMARY KEY ("connection_id", "subject_key", "source_id", "event_id")
);

-- CreateIndex
CREATE INDEX "parked_event_source_id_event_id_idx" ON "parked_event"("source_id", "event_id");

-- CreateIndex
CREATE INDEX "parked_event_tenant_id_received_at_idx" ON "parked_event"("tenant_id", "received_at");

ALTER TABLE parked_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE parked_event FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON parked_event TO rollcall_app USING (tenant_id = rollcall_tenant()) WITH CHECK (tenant_id = rollcall_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON parked_event TO rollcall_app;
