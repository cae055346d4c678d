-- Refuses a schema that somebody else prepared: what stands in it could be called in place of what this script creates.
-- CREATE EXTENSION makes the schema when it is missing, so an empty one of the installer's own is all that is accepted.
DO $bootstrap$
DECLARE
    owner regrole := '@extowner@';
    found text;
BEGIN
    SELECT CASE
        WHEN s.nspowner <> owner THEN format('it belongs to %s', s.nspowner::regrole)
        WHEN EXISTS (SELECT FROM pg_catalog.aclexplode(s.nspacl) a
                     WHERE a.grantee <> s.nspowner AND a.privilege_type = 'CREATE') THEN 'others may create objects in it'
        WHEN EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = s.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = s.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = s.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_operator WHERE oprnamespace = s.oid) THEN 'it is not empty'
        END
    INTO found
    FROM pg_catalog.pg_namespace s WHERE s.nspname = 'prescale';
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'schema "prescale" exists already and cannot be trusted: %', found
            USING ERRCODE = 'duplicate_schema', HINT = 'Rename or drop that schema, then run CREATE EXTENSION prescale again.';
    END IF;
END
$bootstrap$;

COMMENT ON SCHEMA prescale IS 'prescale: features, forecasts, capacity and decisions over your own metric tables';
