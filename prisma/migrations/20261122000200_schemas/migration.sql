-- AlterTable
ALTER TABLE "connection" ADD COLUMN "schemas_version" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "connection_schema" (
    "connection_id" UUID NOT NULL,
    "urn_key" TEXT NOT NULL,
    "tenant_id" UUID NOT NULL,
    "resource_type" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "canonical_values_only" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "connection_schema_pkey" PRIMARY KEY ("connection_id", "urn_key")
);

-- AddForeignKey
ALTER TABLE "connection_schema" ADD CONSTRAINT "connection_schema_connection_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connection"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE connection_schema ENABLE ROW LEVEL SECURITY;
ALTER TABLE connection_schema FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON connection_schema TO rollcall_app USING (tenant_id = rollcall_tenant()) WITH CHECK (tenant_id = rollcall_tenant());
GRANT SELECT, INSERT, UPDATE, DELETE ON connection_schema TO rollcall_app;

-- A moment that somebody wrote, or null: a filter that compares times must not fail on a value of before a schema changed.
-- One without an offset is in UTC, whatever the server's zone is.
CREATE FUNCTION rollcall_time(written text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE SET timezone = 'UTC' AS $$
BEGIN
  RETURN written::timestamptz;
EXCEPTION
  WHEN data_exception THEN RETURN NULL;
END $$;
