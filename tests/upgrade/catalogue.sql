-- Everything that belongs to the extension, with its definition, rights, owner and comment: equal text, equal installation.
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend d
    WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'prescale') AND d.deptype = 'e'
), line AS (
    SELECT pg_describe_object(m.classid, m.objid, 0) AS object, 'comment' AS aspect, obj_description(m.objid, m.classid::regclass::name) AS text FROM member m
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure, 'definition', CASE WHEN p.prokind = 'a' THEN (SELECT (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggtransspace)::text FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
        ELSE pg_get_functiondef(p.oid) END || coalesce(p.proacl::text, '') || p.proowner::regrole
    FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    UNION ALL
    SELECT 'relation ' || c.oid::regclass, 'definition', concat_ws(' ', c.relkind, c.relowner::regrole, c.relacl, c.reloptions, CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END)
    FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
    UNION ALL
    SELECT 'column ' || c.oid::regclass || '.' || a.attname, 'definition', concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(x.adbin, x.adrelid), col_description(c.oid, a.attnum))
    FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid AND c.relkind IN ('r', 'v')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef x ON x.adrelid = c.oid AND x.adnum = a.attnum
    UNION ALL
    SELECT 'constraint ' || n.conrelid::regclass || '.' || n.conname, 'definition', pg_get_constraintdef(n.oid)
    FROM member m JOIN pg_constraint n ON m.classid = 'pg_class'::regclass AND m.objid = n.conrelid
    UNION ALL
    SELECT 'index ' || i.indexrelid::regclass, 'definition', pg_get_indexdef(i.indexrelid) || coalesce(obj_description(i.indexrelid, 'pg_class'), '')
    FROM member m JOIN pg_index i ON m.classid = 'pg_class'::regclass AND m.objid = i.indrelid
    UNION ALL
    SELECT 'trigger ' || t.tgrelid::regclass || '.' || t.tgname, 'definition', pg_get_triggerdef(t.oid) || coalesce(obj_description(t.oid, 'pg_trigger'), '')
    FROM member m JOIN pg_trigger t ON m.classid = 'pg_class'::regclass AND m.objid = t.tgrelid AND NOT t.tgisinternal
    UNION ALL
    SELECT 'type ' || t.oid::regtype, 'definition', concat_ws(' ', t.typlen, t.typbyval, t.typalign, t.typstorage, t.typinput, t.typoutput, t.typsend, t.typreceive, t.typacl, t.typowner::regrole)
    FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
    UNION ALL
    SELECT 'extension', 'carried by pg_dump', (SELECT string_agg(r::regclass::text, ' ' ORDER BY r::regclass::text) FROM unnest(e.extconfig) r) FROM pg_extension e WHERE e.extname = 'prescale'
)
SELECT object || ' [' || aspect || '] ' || coalesce(text, '-') FROM line ORDER BY object COLLATE "C", aspect;
