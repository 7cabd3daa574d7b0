-- What an admin has set otherwise than the dialect of the connection's kind says, by rule.
ALTER TABLE "connection" ADD COLUMN "dialect" JSONB NOT NULL DEFAULT '{}';

-- A kind that no dialect knows would be read by nobody's rules.
ALTER TABLE "connection" ADD CONSTRAINT "connection_kind"
  CHECK ("kind" IN ('okta', 'entra', 'google', 'onelogin', 'jumpcloud', 'ping', 'rippling', 'keycloak', 'scim'));
