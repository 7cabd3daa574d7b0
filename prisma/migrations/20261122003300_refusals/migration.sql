-- What gateways refused: each reason counted by the minute, and some refusals one by one.

-- CreateTable
CREATE TABLE "refusal" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "gateway" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "request_id" TEXT,
    "iss" TEXT,
    "sub" TEXT,
    "sub_hash" BYTEA,
    "claims" TEXT[] DEFAULT ARRAY[]::TEXT[],

    CONSTRAINT "refusal_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "refusal_count" (
    "tenant_id" UUID NOT NULL,
    "minute" TIMESTAMPTZ(0) NOT NULL,
    "reason" TEXT NOT NULL,
    "count" BIGINT NOT NULL,
    "told" BIGINT NOT NULL,

    CONSTRAINT "refusal_count_pkey" PRIMARY KEY ("tenant_id","minute","reason")
);

-- CreateTable
CREATE TABLE "refusal_batch" (
    "tenant_id" UUID NOT NULL,
    "id" UUID NOT NULL,
    "received_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "refusal_batch_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "refusal_tenant_id_at_id_idx" ON "refusal"("tenant_id", "at", "id");

-- CreateIndex
CREATE INDEX "refusal_tenant_id_request_id_idx" ON "refusal"("tenant_id", "request_id");

-- CreateIndex
CREATE INDEX "refusal_batch_tenant_id_received_at_idx" ON "refusal_batch"("tenant_id", "received_at");

DO $$
DECLARE
  relation text;
BEGIN
  FOREACH relation IN ARRAY ARRAY['refusal', 'refusal_count', 'refusal_batch'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', relation);
    EXECUTE format(
      'CREATE POLICY tenant ON %I TO rollcall_app USING (tenant_id = rollcall_tenant()) WITH CHECK (tenant_id = rollcall_tenant())',
      relation
    );
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO rollcall_app', relation);
  END LOOP;
END $$;
GRANT USAGE ON SEQUENCE refusal_id_seq TO rollcall_app;

-- Which tenants have something to forget.
CREATE POLICY house ON refusal_count TO rollcall_house USING (true);
GRANT SELECT (tenant_id) ON refusal_count TO rollcall_house;
