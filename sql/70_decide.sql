-- Stage decide: who may act, what was decided and why, what the target had.

CREATE TABLE lease (
    shard      int PRIMARY KEY,
    holder     text NOT NULL,
    generation bigint NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE lease IS 'Which worker leads a shard; its generation fences a worker that woke up late';
COMMENT ON COLUMN lease.shard IS 'Shard';
COMMENT ON COLUMN lease.holder IS 'Worker that holds it';
COMMENT ON COLUMN lease.generation IS 'Grows with every change of holder';
COMMENT ON COLUMN lease.expires_at IS 'By the clock of the database';

CREATE SEQUENCE decision_id;
COMMENT ON SEQUENCE decision_id IS 'Numbers decisions';

CREATE TABLE decision (
    decision        bigint PRIMARY KEY DEFAULT nextval('prescale.decision_id'),
    workload        int NOT NULL,
    decided_at      timestamptz NOT NULL,
    shard           int NOT NULL,
    generation      bigint NOT NULL,
    holder          text NOT NULL,
    origin          timestamptz,
    revision        int,
    mode            text NOT NULL,
    action          text NOT NULL CHECK (action IN ('hold', 'scale_out', 'scale_in')),
    units_before    int,
    units_desired   int,
    units_predicted int,
    units_reactive  int,
    act             bool NOT NULL,
    reasons         jsonb NOT NULL,
    recommendation  jsonb NOT NULL,
    observation     jsonb NOT NULL,
    act_status      text NOT NULL CHECK (act_status IN ('none', 'intent', 'done', 'failed', 'conflict', 'abandoned')),
    acted_at        timestamptz,
    result          jsonb
);
CREATE INDEX decision_workload ON decision (workload, decided_at);
CREATE INDEX decision_intent ON decision (shard) WHERE act_status = 'intent';
COMMENT ON INDEX decision_workload IS 'Finds the decisions of a workload in time';
COMMENT ON INDEX decision_intent IS 'Finds intents without a result';
COMMENT ON TABLE decision IS 'The ledger: every decision with all its inputs and reasons, stored before the act; the result is added after it. A hold for the same reasons as the decision before it is not repeated';
COMMENT ON COLUMN decision.decision IS 'Number of the decision';
COMMENT ON COLUMN decision.workload IS 'Workload';
COMMENT ON COLUMN decision.decided_at IS 'When it was decided';
COMMENT ON COLUMN decision.shard IS 'Shard of the worker';
COMMENT ON COLUMN decision.generation IS 'Generation of its lease';
COMMENT ON COLUMN decision.holder IS 'Worker that decided';
COMMENT ON COLUMN decision.origin IS 'Origin of the forecast that was used';
COMMENT ON COLUMN decision.revision IS 'Its revision';
COMMENT ON COLUMN decision.mode IS 'Mode of the workload at the time';
COMMENT ON COLUMN decision.action IS 'hold, scale_out or scale_in';
COMMENT ON COLUMN decision.units_before IS 'Units that the target asked for before';
COMMENT ON COLUMN decision.units_desired IS 'Units decided';
COMMENT ON COLUMN decision.units_predicted IS 'What the forecast alone asked for';
COMMENT ON COLUMN decision.units_reactive IS 'What the reactive rule alone asked for';
COMMENT ON COLUMN decision.act IS 'Whether it was to be carried out';
COMMENT ON COLUMN decision.reasons IS 'Why: array of {code, text}, in order';
COMMENT ON COLUMN decision.recommendation IS 'Every input from the view recommendation';
COMMENT ON COLUMN decision.observation IS 'What the target looked like';
COMMENT ON COLUMN decision.act_status IS 'none (nothing to do), intent (not yet known), done, failed, conflict (target changed meanwhile) or abandoned';
COMMENT ON COLUMN decision.acted_at IS 'When the result was known';
COMMENT ON COLUMN decision.result IS 'What the target answered';

CREATE TABLE capacity (
    workload    int NOT NULL,
    ts          timestamptz NOT NULL,
    units_total int NOT NULL,
    units_ready int NOT NULL,
    PRIMARY KEY (workload, ts)
);
COMMENT ON TABLE capacity IS 'Units that a target really had: one row a change';
COMMENT ON COLUMN capacity.workload IS 'Workload';
COMMENT ON COLUMN capacity.ts IS 'From when on';
COMMENT ON COLUMN capacity.units_total IS 'Units asked for';
COMMENT ON COLUMN capacity.units_ready IS 'Units ready';

CREATE FUNCTION contract_version() RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN 1;
COMMENT ON FUNCTION contract_version() IS 'Version of the tables, views and functions that the worker uses';

CREATE FUNCTION acquire_lease(shard int, holder text, ttl interval) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
    INSERT INTO lease AS l (shard, holder, generation, expires_at) VALUES ($1, $2, 1, clock_timestamp() + $3)
    ON CONFLICT (shard) DO UPDATE SET
        holder = EXCLUDED.holder,
        generation = l.generation + CASE WHEN l.holder = EXCLUDED.holder AND l.expires_at > clock_timestamp() THEN 0 ELSE 1 END,
        expires_at = EXCLUDED.expires_at
    WHERE l.holder = EXCLUDED.holder OR l.expires_at <= clock_timestamp()
    RETURNING generation
$$;
COMMENT ON FUNCTION acquire_lease(int, text, interval) IS 'Takes or renews the lease of a shard; its generation, or NULL when another worker holds it';

CREATE FUNCTION release_lease(shard int, holder text, generation bigint) RETURNS bool
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
    WITH released AS (
        UPDATE lease l SET expires_at = '-infinity' WHERE l.shard = $1 AND l.holder = $2 AND l.generation = $3 RETURNING 1
    ) SELECT EXISTS (SELECT FROM released)
$$;
COMMENT ON FUNCTION release_lease(int, text, bigint) IS 'Gives a lease back; false when it was not held any more';

-- FOR SHARE: a takeover waits until the statement that was checked has committed.
CREATE FUNCTION check_lease(shard int, generation bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    PERFORM FROM lease l WHERE l.shard = $1 AND l.generation = $2 AND l.expires_at > clock_timestamp() FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'lease of shard % with generation % is not held any more', $1, $2 USING ERRCODE = 'PS001',
            HINT = 'Another worker leads this shard, or the lease ran out; take it again before acting.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_lease(int, bigint) IS 'Raises PS001 unless this generation of a shard''s lease is the current one';

CREATE FUNCTION record_decision(shard int, generation bigint, holder text, decisions jsonb, decided_at timestamptz DEFAULT now())
RETURNS TABLE (workload_id int, decision bigint)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM check_lease($1, $2);
    RETURN QUERY
    WITH given AS (
        SELECT g.*, g.decision -> 'reasons' AS reasons
        FROM jsonb_to_recordset($4) g (workload_id int, origin timestamptz, revision int, recommendation jsonb, observation jsonb, decision jsonb)
    )
    INSERT INTO decision AS d (workload, decided_at, shard, generation, holder, origin, revision, mode, action, units_before, units_desired,
                               units_predicted, units_reactive, act, reasons, recommendation, observation, act_status)
    SELECT g.workload_id, $5, $1, $2, $3, g.origin, g.revision, g.recommendation ->> 'mode', g.decision ->> 'action',
           (g.decision ->> 'units_before')::int, (g.decision ->> 'units_desired')::int,
           (g.decision ->> 'units_predicted')::int, (g.decision ->> 'units_reactive')::int,
           (g.decision ->> 'act')::bool, g.reasons, g.recommendation, g.observation,
           CASE WHEN (g.decision ->> 'act')::bool THEN 'intent' ELSE 'none' END
    FROM given g
    LEFT JOIN LATERAL (SELECT l.action, l.reasons FROM decision l WHERE l.workload = g.workload_id ORDER BY l.decided_at DESC, l.decision DESC LIMIT 1) last ON true
    WHERE (g.decision ->> 'act')::bool
       OR last.action IS DISTINCT FROM g.decision ->> 'action'
       OR jsonb_path_query_array(last.reasons, '$[*].code') IS DISTINCT FROM jsonb_path_query_array(g.reasons, '$[*].code')
    RETURNING d.workload, d.decision;
END
$$;
COMMENT ON FUNCTION record_decision(int, bigint, text, jsonb, timestamptz) IS
    'Stores the decisions of a cycle before they are carried out; raises PS001 for a worker whose lease is gone';

CREATE FUNCTION record_result(shard int, generation bigint, results jsonb, acted_at timestamptz DEFAULT now()) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_column
DECLARE
    n int;
BEGIN
    PERFORM check_lease($1, $2);
    UPDATE decision d SET act_status = r.status, acted_at = $4, result = r.result
    FROM jsonb_to_recordset($3) r (decision bigint, status text, result jsonb)
    WHERE d.decision = r.decision AND d.shard = $1 AND d.act_status = 'intent';
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;
COMMENT ON FUNCTION record_result(int, bigint, jsonb, timestamptz) IS 'Adds to decisions what came of carrying them out; returns how many';

CREATE FUNCTION record_capacity(shard int, generation bigint, capacities jsonb, ts timestamptz DEFAULT now()) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_column
DECLARE
    n int;
BEGIN
    PERFORM check_lease($1, $2);
    INSERT INTO capacity AS c (workload, ts, units_total, units_ready)
    SELECT g.workload_id, $4, g.units_total, g.units_ready
    FROM jsonb_to_recordset($3) g (workload_id int, units_total int, units_ready int)
    LEFT JOIN LATERAL (SELECT l.units_total, l.units_ready FROM capacity l WHERE l.workload = g.workload_id ORDER BY l.ts DESC LIMIT 1) last ON true
    WHERE (g.units_total, g.units_ready) IS DISTINCT FROM (last.units_total, last.units_ready)
    ON CONFLICT (workload, ts) DO UPDATE SET units_total = EXCLUDED.units_total, units_ready = EXCLUDED.units_ready;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN n;
END
$$;
COMMENT ON FUNCTION record_capacity(int, bigint, jsonb, timestamptz) IS 'Stores what targets have, where it changed; returns how many rows were written';
