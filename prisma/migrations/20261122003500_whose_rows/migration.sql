-- Whose rows they are is asked once for a statement, and not for each row that it passes over: that cost a
-- microsecond a row. Nor does a plan depend on the tenant for whom a connection happened to plan first.
DO $$
DECLARE
  relation text;
BEGIN
  FOR relation IN
    SELECT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'tenant' AND tablename <> 'tenant'
  LOOP
    EXECUTE format('ALTER POLICY tenant ON %I USING (tenant_id = (SELECT rollcall_tenant()))', relation);
  END LOOP;
END $$;
