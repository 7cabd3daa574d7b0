-- What every write of a user pays for, done with less.

-- A key is made anew only where what it is made of changes.
DROP TRIGGER user_keys ON directory_user;
CREATE TRIGGER user_keys_created BEFORE INSERT ON directory_user
  FOR EACH ROW WHEN (NEW.attributes ? 'displayName') EXECUTE FUNCTION rollcall_user_keys();
CREATE TRIGGER user_keys_changed BEFORE UPDATE OF attributes ON directory_user
  FOR EACH ROW WHEN ((OLD.attributes -> 'displayName') IS DISTINCT FROM (NEW.attributes -> 'displayName')) EXECUTE FUNCTION rollcall_user_keys();

-- Most people have one address, for which no set needs to be made.
CREATE OR REPLACE FUNCTION rollcall_emails() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM directory_email WHERE user_id = OLD.id;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN NULL;
  END IF;
  IF jsonb_typeof(NEW.attributes #> '{emails,0,value}') = 'string' AND NEW.attributes #> '{emails,1}' IS NULL THEN
    INSERT INTO directory_email (tenant_id, connection_id, email_key, user_id)
    VALUES (NEW.tenant_id, NEW.connection_id, rollcall_key(NEW.attributes #>> '{emails,0,value}'), NEW.id);
  ELSE
    INSERT INTO directory_email (tenant_id, connection_id, email_key, user_id)
    SELECT NEW.tenant_id, NEW.connection_id, email.key, NEW.id FROM rollcall_email_keys(NEW.attributes) AS email(key);
  END IF;
  RETURN NULL;
END $$;

-- Who is created is looked for among the deleted first. In an index of its own, which the planner
-- takes whatever it knows of the table: any other one it may walk through all of a connection's users.
CREATE INDEX directory_user_dead_external ON directory_user (connection_id, external_id) WHERE deleted_at IS NOT NULL AND external_id IS NOT NULL;
CREATE INDEX directory_user_dead_name ON directory_user (connection_id, user_name_key) WHERE deleted_at IS NOT NULL AND external_id IS NULL;
