-- Installing, and what an installation looks like.
CREATE EXTENSION prescale;
SELECT extversion, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'prescale';
SELECT prescale.contract_version();
-- types and aggregates
SELECT typname FROM pg_type WHERE typnamespace = 'prescale'::regnamespace AND typtype = 'b' AND typcategory <> 'A' ORDER BY 1;
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'prescale'::regnamespace AND prokind = 'a' ORDER BY oid::regprocedure::text COLLATE "C";
