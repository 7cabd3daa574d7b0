-- The database folds as the application does. ICU knows the letters of its own version of Unicode, and
-- a PostgreSQL may come with an old one; since version 18 it has tables of its own, of its own year.
DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    EXECUTE $body$
      CREATE OR REPLACE FUNCTION rollcall_fold_unicode(written text) RETURNS text
      LANGUAGE sql IMMUTABLE PARALLEL SAFE
      RETURN normalize(replace(lower(normalize(replace(lower(normalize(written, NFKC) COLLATE "pg_unicode_fast"), 'ς', 'σ'), NFKC) COLLATE "pg_unicode_fast"), 'ς', 'σ'), NFKC)
    $body$;
  END IF;
END $$;

-- The few keys that come out otherwise now. The owner is bound by row-level security like everybody, and reads all of it here.
ALTER TABLE directory_user NO FORCE ROW LEVEL SECURITY;
ALTER TABLE directory_email NO FORCE ROW LEVEL SECURITY;
UPDATE directory_user SET display_name_key = rollcall_key(attributes ->> 'displayName')
WHERE attributes ? 'displayName' AND display_name_key IS DISTINCT FROM rollcall_key(attributes ->> 'displayName');
DELETE FROM directory_email USING directory_user AS usr
WHERE directory_email.user_id = usr.id AND octet_length(usr.attributes ->> 'emails') <> length(usr.attributes ->> 'emails');
INSERT INTO directory_email (tenant_id, connection_id, email_key, user_id)
SELECT tenant_id, connection_id, email.key, id FROM directory_user, rollcall_email_keys(attributes) AS email(key)
WHERE octet_length(attributes ->> 'emails') <> length(attributes ->> 'emails');
ALTER TABLE directory_user FORCE ROW LEVEL SECURITY;
ALTER TABLE directory_email FORCE ROW LEVEL SECURITY;
