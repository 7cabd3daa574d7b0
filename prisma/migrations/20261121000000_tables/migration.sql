-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "tenant" (
    "id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tenant_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "connection" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "issuers" TEXT[],
    "audience" TEXT,
    "subject_claim" TEXT NOT NULL DEFAULT 'sub',
    "subject_rule" TEXT NOT NULL DEFAULT 'attribute',
    "subject_attribute" TEXT NOT NULL DEFAULT 'externalId',
    "subject_compare" TEXT NOT NULL DEFAULT 'exact',
    "token_lifetime_sec" INTEGER NOT NULL DEFAULT 86400,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "connection_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "credential" (
    "id" TEXT NOT NULL,
    "tenant_id" UUID,
    "connection_id" UUID,
    "purpose" TEXT NOT NULL,
    "label" TEXT NOT NULL,
    "digest" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),
    "last_used_at" TIMESTAMPTZ(6),

    CONSTRAINT "credential_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "directory_user" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "user_name" TEXT NOT NULL,
    "user_name_key" TEXT NOT NULL,
    "external_id" TEXT,
    "active" BOOLEAN NOT NULL,
    "attributes" JSONB NOT NULL,
    "version" BIGINT NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "directory_user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "directory_group" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "display_name" TEXT NOT NULL,
    "display_name_key" TEXT NOT NULL,
    "external_id" TEXT,
    "attributes" JSONB NOT NULL,
    "version" BIGINT NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "directory_group_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "directory_member" (
    "tenant_id" UUID NOT NULL,
    "group_id" UUID NOT NULL,
    "member" TEXT NOT NULL,
    "member_id" UUID,
    "kind" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "directory_member_pkey" PRIMARY KEY ("group_id","member")
);

-- CreateTable
CREATE TABLE "lifecycle_event" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "source" TEXT NOT NULL,
    "source_event_id" TEXT NOT NULL,
    "payload_hash" BYTEA,
    "kind" TEXT NOT NULL,
    "subject_kind" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "denying" BOOLEAN NOT NULL,
    "lane" SMALLINT NOT NULL,
    "occurred_at" TIMESTAMPTZ(6),
    "accepted_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" SMALLINT NOT NULL DEFAULT 0,
    "next_attempt_at" TIMESTAMPTZ(6),
    "last_error" TEXT,
    "applied_at" TIMESTAMPTZ(6),
    "dead_at" TIMESTAMPTZ(6),

    CONSTRAINT "lifecycle_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "app_user" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "user_name" TEXT NOT NULL,
    "display_name" TEXT,
    "email" TEXT,
    "attributes" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "app_user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "link" (
    "directory_user_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "applied_version" BIGINT NOT NULL DEFAULT 0,
    "applied_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "link_pkey" PRIMARY KEY ("directory_user_id")
);

-- CreateTable
CREATE TABLE "identity" (
    "tenant_id" UUID NOT NULL,
    "iss" TEXT NOT NULL,
    "sub" TEXT NOT NULL,
    "sub_key" TEXT NOT NULL,
    "user_id" UUID NOT NULL,
    "directory_user_id" UUID NOT NULL,
    "alias" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "identity_pkey" PRIMARY KEY ("tenant_id","iss","sub_key")
);

-- CreateTable
CREATE TABLE "app_group" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID NOT NULL,
    "display_name" TEXT NOT NULL,
    "applied_version" BIGINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "app_group_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "app_group_member" (
    "tenant_id" UUID NOT NULL,
    "group_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "directory_user_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "app_group_member_pkey" PRIMARY KEY ("group_id","directory_user_id")
);

-- CreateTable
CREATE TABLE "denial" (
    "tenant_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "reason" TEXT NOT NULL,
    "origin_id" UUID NOT NULL,
    "note" TEXT,
    "since" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "denial_pkey" PRIMARY KEY ("user_id","reason","origin_id")
);

-- CreateTable
CREATE TABLE "revocation" (
    "tenant_id" UUID NOT NULL,
    "scope" TEXT NOT NULL,
    "iss" TEXT NOT NULL,
    "sub" TEXT NOT NULL,
    "deny" BOOLEAN NOT NULL,
    "nbf" BIGINT,
    "origin" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(6),
    "event_id" BIGINT,
    "accepted_at" TIMESTAMPTZ(6) NOT NULL,
    "applied_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "revocation_pkey" PRIMARY KEY ("tenant_id","scope","iss","sub")
);

-- CreateTable
CREATE TABLE "duty" (
    "name" TEXT NOT NULL,
    "fence" BIGINT NOT NULL DEFAULT 0,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "duty_pkey" PRIMARY KEY ("name")
);

-- CreateTable
CREATE TABLE "feed_meta" (
    "tenant_id" UUID NOT NULL,
    "epoch" BIGINT NOT NULL DEFAULT 1,
    "seq" BIGINT NOT NULL DEFAULT 0,
    "floor_seq" BIGINT NOT NULL DEFAULT 0,
    "entries" BIGINT NOT NULL DEFAULT 0,
    "digest" BYTEA NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "feed_meta_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "feed_pending" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "scope" TEXT NOT NULL,
    "iss" TEXT NOT NULL,
    "sub" TEXT NOT NULL,
    "accepted_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "feed_pending_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "feed_entry" (
    "tenant_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL,
    "scope" TEXT NOT NULL,
    "iss" TEXT NOT NULL,
    "sub" TEXT NOT NULL,
    "op" TEXT NOT NULL,
    "nbf" BIGINT,
    "expires_at" TIMESTAMPTZ(6),
    "reason" TEXT NOT NULL,
    "event_id" BIGINT,
    "accepted_at" TIMESTAMPTZ(6) NOT NULL,
    "applied_at" TIMESTAMPTZ(6) NOT NULL,
    "published_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "superseded_by" BIGINT,

    CONSTRAINT "feed_entry_pkey" PRIMARY KEY ("tenant_id","seq")
);

-- CreateTable
CREATE TABLE "gateway" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "gateway_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "receipt" (
    "gateway_id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "epoch" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,
    "as_of" TIMESTAMPTZ(6) NOT NULL,
    "entries" BIGINT NOT NULL,
    "digest" BYTEA NOT NULL,
    "max_ttl_sec" INTEGER,
    "received_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "receipt_pkey" PRIMARY KEY ("gateway_id")
);

-- CreateTable
CREATE TABLE "reconcile_run" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "connection_id" UUID,
    "scope" TEXT NOT NULL,
    "subject_id" UUID,
    "total" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(6),

    CONSTRAINT "reconcile_run_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "drift" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID NOT NULL,
    "run_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "detail" JSONB NOT NULL,
    "found_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "healed_at" TIMESTAMPTZ(6),

    CONSTRAINT "drift_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "alert" (
    "id" UUID NOT NULL,
    "tenant_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" UUID,
    "detail" JSONB NOT NULL,
    "raised_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "resolved_at" TIMESTAMPTZ(6),

    CONSTRAINT "alert_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit" (
    "id" BIGSERIAL NOT NULL,
    "tenant_id" UUID,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "target" TEXT,
    "detail" JSONB,
    "at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "tenant_slug_key" ON "tenant"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "connection_tenant_id_slug_key" ON "connection"("tenant_id", "slug");

-- CreateIndex
CREATE INDEX "credential_tenant_id_idx" ON "credential"("tenant_id");

-- CreateIndex
CREATE INDEX "directory_user_connection_id_id_idx" ON "directory_user"("connection_id", "id");

-- CreateIndex
CREATE INDEX "directory_user_connection_id_user_name_key_idx" ON "directory_user"("connection_id", "user_name_key");

-- CreateIndex
CREATE INDEX "directory_user_connection_id_external_id_idx" ON "directory_user"("connection_id", "external_id");

-- CreateIndex
CREATE INDEX "directory_user_tenant_id_user_name_key_idx" ON "directory_user"("tenant_id", "user_name_key");

-- CreateIndex
CREATE INDEX "directory_group_connection_id_id_idx" ON "directory_group"("connection_id", "id");

-- CreateIndex
CREATE INDEX "directory_group_connection_id_display_name_key_idx" ON "directory_group"("connection_id", "display_name_key");

-- CreateIndex
CREATE INDEX "directory_member_member_id_idx" ON "directory_member"("member_id");

-- CreateIndex
CREATE INDEX "lifecycle_event_subject_id_id_idx" ON "lifecycle_event"("subject_id", "id");

-- CreateIndex
CREATE INDEX "lifecycle_event_tenant_id_accepted_at_idx" ON "lifecycle_event"("tenant_id", "accepted_at");

-- CreateIndex
CREATE UNIQUE INDEX "lifecycle_event_connection_id_source_event_id_key" ON "lifecycle_event"("connection_id", "source_event_id");

-- CreateIndex
CREATE INDEX "app_user_tenant_id_id_idx" ON "app_user"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "link_user_id_idx" ON "link"("user_id");

-- CreateIndex
CREATE INDEX "identity_user_id_idx" ON "identity"("user_id");

-- CreateIndex
CREATE INDEX "identity_directory_user_id_idx" ON "identity"("directory_user_id");

-- CreateIndex
CREATE INDEX "identity_tenant_id_sub_key_idx" ON "identity"("tenant_id", "sub_key");

-- CreateIndex
CREATE INDEX "app_group_tenant_id_id_idx" ON "app_group"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "app_group_member_directory_user_id_idx" ON "app_group_member"("directory_user_id");

-- CreateIndex
CREATE INDEX "app_group_member_user_id_idx" ON "app_group_member"("user_id");

-- CreateIndex
CREATE INDEX "denial_origin_id_idx" ON "denial"("origin_id");

-- CreateIndex
CREATE INDEX "denial_tenant_id_idx" ON "denial"("tenant_id");

-- CreateIndex
CREATE INDEX "revocation_tenant_id_sub_idx" ON "revocation"("tenant_id", "sub");

-- CreateIndex
CREATE INDEX "feed_pending_tenant_id_id_idx" ON "feed_pending"("tenant_id", "id");

-- CreateIndex
CREATE INDEX "feed_entry_tenant_id_scope_iss_sub_seq_idx" ON "feed_entry"("tenant_id", "scope", "iss", "sub", "seq");

-- CreateIndex
CREATE UNIQUE INDEX "gateway_tenant_id_name_key" ON "gateway"("tenant_id", "name");

-- CreateIndex
CREATE INDEX "receipt_tenant_id_idx" ON "receipt"("tenant_id");

-- CreateIndex
CREATE INDEX "reconcile_run_tenant_id_started_at_idx" ON "reconcile_run"("tenant_id", "started_at");

-- CreateIndex
CREATE INDEX "drift_tenant_id_found_at_idx" ON "drift"("tenant_id", "found_at");

-- CreateIndex
CREATE INDEX "alert_tenant_id_raised_at_idx" ON "alert"("tenant_id", "raised_at");

-- CreateIndex
CREATE INDEX "audit_tenant_id_at_idx" ON "audit"("tenant_id", "at");

-- AddForeignKey
ALTER TABLE "connection" ADD CONSTRAINT "connection_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenant"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "app_group_member" ADD CONSTRAINT "app_group_member_group_id_fkey" FOREIGN KEY ("group_id") REFERENCES "app_group"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "receipt" ADD CONSTRAINT "receipt_gateway_id_fkey" FOREIGN KEY ("gateway_id") REFERENCES "gateway"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "drift" ADD CONSTRAINT "drift_run_id_fkey" FOREIGN KEY ("run_id") REFERENCES "reconcile_run"("id") ON DELETE CASCADE ON UPDATE CASCADE;

