-- The one user that a SCIM token speaks for, as a person speaks for themselves.
ALTER TABLE "credential" ADD COLUMN "user_id" UUID;

-- CreateIndex
CREATE INDEX "credential_user_id_idx" ON "credential"("user_id");

-- Who speaks for one user does so within that user's connection, and at no other door.
ALTER TABLE "credential" ADD CONSTRAINT "credential_of_user"
  CHECK ("user_id" IS NULL OR ("purpose" = 'scim' AND "connection_id" IS NOT NULL AND "tenant_id" IS NOT NULL));

-- What this connection may ask for in a second, by kind, where it is not what every connection may.
ALTER TABLE "connection" ADD COLUMN "rates" JSONB NOT NULL DEFAULT '{}';
