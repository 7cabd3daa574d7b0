-- Users who are made from a verified token, ahead of their identity provider's word.

-- Null until an admin says something about it; then the settings, on or off.
ALTER TABLE "connection" ADD COLUMN "just_in_time" JSONB;

-- The subject, as it compares, of a user who was made from a token. The provider has not spoken of
-- them while their version is still the first.
ALTER TABLE "directory_user" ADD COLUMN "provisioned_sub" TEXT;
CREATE INDEX directory_user_provisioned ON directory_user (connection_id, provisioned_sub) WHERE provisioned_sub IS NOT NULL;
