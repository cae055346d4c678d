\echo Use "ALTER EXTENSION prescale UPDATE TO '0.3.0'" to load this file. \quit

-- Features and fingerprints on any table; metrics that come and go; fingerprints that keep their coordinates.

ALTER TABLE progress ADD COLUMN feature_names text[];

CREATE TYPE latency_sketch;

CREATE FUNCTION latency_sketch_in(cstring) RETURNS latency_sketch IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_in';

CREATE FUNCTION latency_sketch_out(latency_sketch) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_out';

CREATE FUNCTION latency_sketch_recv(internal) RETURNS latency_sketch IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_recv';

CREATE FUNCTION latency_sketch_send(latency_sketch) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sketch_send';

CREATE TYPE latency_sketch (INPUT = latency_sketch_in, OUTPUT = latency_sketch_out, RECEIVE = latency_sketch_recv, SEND = latency_sketch_send,
    STORAGE = extended);

COMMENT ON TYPE latency_sketch IS 'Distribution of values, with quantiles of bounded relative error, and their exact sum';

COMMENT ON FUNCTION latency_sketch_in(cstring) IS 'Reads the text form of a latency_sketch';

COMMENT ON FUNCTION latency_sketch_out(latency_sketch) IS 'Text form of a latency_sketch: JSON';

COMMENT ON FUNCTION latency_sketch_recv(internal) IS 'Reads the binary form of a latency_sketch';

COMMENT ON FUNCTION latency_sketch_send(latency_sketch) IS 'Binary form of a latency_sketch';

CREATE TYPE vector_set;

CREATE FUNCTION vector_set_in(cstring) RETURNS vector_set IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_in';

CREATE FUNCTION vector_set_out(vector_set) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_out';

CREATE FUNCTION vector_set_recv(internal) RETURNS vector_set IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_recv';

CREATE FUNCTION vector_set_send(vector_set) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_set_send';

CREATE TYPE vector_set (INPUT = vector_set_in, OUTPUT = vector_set_out, RECEIVE = vector_set_recv, SEND = vector_set_send, STORAGE = extended);

COMMENT ON TYPE vector_set IS 'Vectors of one length with their ids, for tsne and regime_fit';

COMMENT ON FUNCTION vector_set_in(cstring) IS 'Reads the text form of a vector_set';

COMMENT ON FUNCTION vector_set_out(vector_set) IS 'Text form of a vector_set: JSON';

COMMENT ON FUNCTION vector_set_recv(internal) IS 'Reads the binary form of a vector_set';

COMMENT ON FUNCTION vector_set_send(vector_set) IS 'Binary form of a vector_set';

CREATE TYPE regime_model;

CREATE FUNCTION regime_model_in(cstring) RETURNS regime_model IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_in';

CREATE FUNCTION regime_model_out(regime_model) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_out';

CREATE FUNCTION regime_model_recv(internal) RETURNS regime_model IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_recv';

CREATE FUNCTION regime_model_send(regime_model) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'regime_model_send';

CREATE TYPE regime_model (INPUT = regime_model_in, OUTPUT = regime_model_out, RECEIVE = regime_model_recv, SEND = regime_model_send, STORAGE = extended);

COMMENT ON TYPE regime_model IS 'Operating regimes of a set of vectors, and how to tell which one a further vector belongs to';

COMMENT ON FUNCTION regime_model_in(cstring) IS 'Reads the text form of a regime_model';

COMMENT ON FUNCTION regime_model_out(regime_model) IS 'Text form of a regime_model: JSON';

COMMENT ON FUNCTION regime_model_recv(internal) IS 'Reads the binary form of a regime_model';

COMMENT ON FUNCTION regime_model_send(regime_model) IS 'Binary form of a regime_model';

CREATE TYPE entropy_state;

CREATE FUNCTION entropy_state_in(cstring) RETURNS entropy_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_in';

CREATE FUNCTION entropy_state_out(entropy_state) RETURNS cstring IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_out';

CREATE FUNCTION entropy_state_recv(internal) RETURNS entropy_state IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_recv';

CREATE FUNCTION entropy_state_send(entropy_state) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_state_send';

CREATE TYPE entropy_state (INPUT = entropy_state_in, OUTPUT = entropy_state_out, RECEIVE = entropy_state_recv, SEND = entropy_state_send,
    STORAGE = extended);

COMMENT ON TYPE entropy_state IS 'How often each key was seen; keys are known by their hash';

COMMENT ON FUNCTION entropy_state_in(cstring) IS 'Reads the text form of an entropy_state';

COMMENT ON FUNCTION entropy_state_out(entropy_state) IS 'Text form of an entropy_state: JSON';

COMMENT ON FUNCTION entropy_state_recv(internal) IS 'Reads the binary form of an entropy_state';

COMMENT ON FUNCTION entropy_state_send(entropy_state) IS 'Binary form of an entropy_state';

CREATE FUNCTION fingerprint_distance(a float8[], b float8[]) RETURNS float8
    IMMUTABLE STRICT PARALLEL SAFE COST 5 LANGUAGE c AS 'MODULE_PATHNAME', 'fingerprint_distance_raw';

COMMENT ON FUNCTION fingerprint_distance(float8[], float8[]) IS 'Euclidean distance of two fingerprints of one model';

CREATE FUNCTION "actor_share"(
	"s" request_state,
	"actor" TEXT
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'actor_share_wrapper';

CREATE FUNCTION "changepoints"(
	"s" series,
	"step" interval DEFAULT NULL,
	"periods" interval[] DEFAULT NULL,
	"penalty" double precision DEFAULT 1
) RETURNS TABLE (
	"ts" timestamp with time zone,
	"kind" TEXT,
	"before" double precision,
	"after" double precision,
	"score" double precision
)
IMMUTABLE PARALLEL SAFE COST 100000
LANGUAGE c AS 'MODULE_PATHNAME', 'changepoints_wrapper';

CREATE FUNCTION "corr_matrix"(
	"state" pca_state
) RETURNS float8[]
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'corr_matrix_wrapper';

CREATE FUNCTION "correlate"(
	"a" series,
	"b" series,
	"step" interval DEFAULT NULL,
	"max_lag" interval DEFAULT NULL,
	"method" TEXT DEFAULT 'pearson'
) RETURNS TABLE (
	"lag" interval,
	"n" bigint,
	"r" double precision,
	"p_value" double precision,
	"n_effective" double precision
)
IMMUTABLE PARALLEL SAFE COST 10000
LANGUAGE c AS 'MODULE_PATHNAME', 'correlate_wrapper';

CREATE FUNCTION rank_corr_agg_transition(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_transition';

CREATE FUNCTION rank_corr_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_combine';

CREATE FUNCTION rank_corr_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_serialize';

CREATE FUNCTION rank_corr_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_deserialize';

CREATE FUNCTION rank_corr_agg_final(internal) RETURNS float8
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rank_corr_agg_final';

-- SSPACE: a day of minutes, 16 bytes each.
CREATE AGGREGATE rank_corr_agg(x float8, y float8) (
    STYPE = internal, SFUNC = rank_corr_agg_transition, FINALFUNC = rank_corr_agg_final, COMBINEFUNC = rank_corr_agg_combine,
    SERIALFUNC = rank_corr_agg_serialize, DESERIALFUNC = rank_corr_agg_deserialize, SSPACE = 24000, PARALLEL = SAFE);

COMMENT ON FUNCTION rank_corr_agg_transition(internal, float8, float8) IS 'Adds a row to the state of rank_corr_agg';

COMMENT ON FUNCTION rank_corr_agg_combine(internal, internal) IS 'Adds one state of rank_corr_agg to another';

COMMENT ON FUNCTION rank_corr_agg_serialize(internal) IS 'Flat form of a state of rank_corr_agg';

COMMENT ON FUNCTION rank_corr_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of rank_corr_agg';

COMMENT ON FUNCTION rank_corr_agg_final(internal) IS 'Rank correlation of a state of rank_corr_agg';

COMMENT ON AGGREGATE rank_corr_agg(float8, float8) IS
    'Spearman''s rank correlation, as corr is Pearson''s: rows with NULL are left out, NaN makes the result NaN';

ALTER FUNCTION correlate(series, series, interval, interval, text) ROWS 100;

COMMENT ON FUNCTION correlate(series, series, interval, interval, text) IS
    'Correlation of two series at every lag up to max_lag; at a positive lag b follows a. method is pearson or spearman';

CREATE FUNCTION "correlations"(
	"state" pca_state,
	"names" TEXT[] DEFAULT NULL
) RETURNS TABLE (
	"x" TEXT,
	"y" TEXT,
	"r" double precision,
	"n" bigint,
	"p_value" double precision
)
IMMUTABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'correlations_wrapper';

CREATE FUNCTION "counts"(
	"s" entropy_state
) RETURNS TABLE (
	"n" bigint,
	"n_null" bigint,
	"n_distinct" bigint,
	"is_approximate" bool
)
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'keys_counts_wrapper';

CREATE FUNCTION "counts"(
	"s" latency_sketch
) RETURNS TABLE (
	"n" bigint,
	"n_null" bigint,
	"n_nonfinite" bigint
)
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_counts_wrapper';

CREATE FUNCTION "counts"(
	"state" pca_state
) RETURNS TABLE (
	"n" bigint,
	"n_missing" bigint,
	"n_nonfinite" bigint
)
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_counts_wrapper';

CREATE FUNCTION "counts"(
	"s" request_state
) RETURNS TABLE (
	"n" bigint,
	"n_nonfinite" bigint,
	"n_kind" bigint,
	"n_actor" bigint,
	"is_approximate" bool
)
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'request_counts_wrapper';

CREATE FUNCTION "counts"(
	"vectors" vector_set
) RETURNS TABLE (
	"n" bigint,
	"dimension" INT,
	"n_null" bigint,
	"n_nonfinite" bigint
)
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'vector_counts_wrapper';

CREATE FUNCTION "covariance"(
	"state" pca_state
) RETURNS float8[]
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'covariance_wrapper';

CREATE FUNCTION "decompose"(
	"s" series,
	"periods" interval[] DEFAULT NULL,
	"robust" bool DEFAULT true
) RETURNS TABLE (
	"ts" timestamp with time zone,
	"y" double precision,
	"trend" double precision,
	"seasonal" jsonb,
	"remainder" double precision
)
IMMUTABLE PARALLEL SAFE COST 100000
LANGUAGE c AS 'MODULE_PATHNAME', 'decompose_wrapper';

CREATE FUNCTION "detect_periods"(
	"s" series,
	"step" interval DEFAULT NULL,
	"min_score" double precision DEFAULT 0.6,
	"max_periods" INT DEFAULT 3
) RETURNS TABLE (
	"period" interval,
	"lag" INT,
	"score" double precision
)
IMMUTABLE PARALLEL SAFE COST 10000
LANGUAGE c AS 'MODULE_PATHNAME', 'detect_periods_wrapper';

CREATE FUNCTION "entropy"(
	"s" entropy_state,
	"normalized" bool DEFAULT false,
	"correction" TEXT DEFAULT NULL
) RETURNS double precision
IMMUTABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'keys_entropy_wrapper';

CREATE FUNCTION "error"(
	"s" latency_sketch
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_error_wrapper';

CREATE FUNCTION "feature_values"(
	"s" series,
	"step" interval DEFAULT NULL
) RETURNS double precision[]
IMMUTABLE PARALLEL SAFE COST 10000
LANGUAGE c AS 'MODULE_PATHNAME', 'feature_values_wrapper';

CREATE FUNCTION "features"(
	"state" pca_state,
	"names" TEXT[] DEFAULT NULL
) RETURNS TABLE (
	"name" TEXT,
	"value" double precision
)
IMMUTABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_features_wrapper';

CREATE FUNCTION "features"(
	"s" series,
	"step" interval DEFAULT NULL
) RETURNS TABLE (
	"name" TEXT,
	"value" double precision,
	"status" TEXT
)
IMMUTABLE PARALLEL SAFE  COST 10000
LANGUAGE c AS 'MODULE_PATHNAME', 'series_features_wrapper';

CREATE FUNCTION "kind_share"(
	"s" request_state,
	"kind" TEXT
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'kind_share_wrapper';

CREATE FUNCTION "max"(
	"s" latency_sketch
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_max_wrapper';

CREATE FUNCTION "mean"(
	"s" latency_sketch
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_mean_wrapper';

CREATE FUNCTION "mean"(
	"state" pca_state
) RETURNS double precision[]
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_mean_wrapper';

CREATE FUNCTION "min"(
	"s" latency_sketch
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_min_wrapper';

CREATE FUNCTION "n"(
	"s" entropy_state
) RETURNS bigint
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'keys_n_wrapper';

CREATE FUNCTION "n"(
	"s" latency_sketch
) RETURNS bigint
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_n_wrapper';

ALTER FUNCTION correlations(pca_state, text[]) ROWS 50;

ALTER FUNCTION features(pca_state, text[]) ROWS 50;

ALTER FUNCTION counts(pca_state) ROWS 1;

COMMENT ON FUNCTION counts(pca_state) IS 'Number of vectors, of values that were NULL, and of values that were NaN or infinite';

COMMENT ON FUNCTION mean(pca_state) IS 'Mean of each value; NULL where it was always missing';

COMMENT ON FUNCTION covariance(pca_state) IS 'Covariance matrix, a missing value counting as its mean; NULL below two vectors';

COMMENT ON FUNCTION corr_matrix(pca_state) IS 'Correlation matrix, a missing value counting as its mean; NULL below two vectors and where a value is constant';

COMMENT ON FUNCTION correlations(pca_state, text[]) IS 'Pearson correlation of every pair of values with its p-value; names names the values';

COMMENT ON FUNCTION features(pca_state, text[]) IS
    'Features of a window of vectors without units: logarithms of coefficients of variation, Fisher''s z of correlations; names names the values';

CREATE FUNCTION "n_distinct"(
	"s" entropy_state
) RETURNS bigint
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'n_distinct_wrapper';

CREATE FUNCTION "n_reset"(
	"s" series
) RETURNS bigint
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'n_reset_wrapper';

CREATE FUNCTION "outliers"(
	"s" series,
	"step" interval DEFAULT NULL,
	"periods" interval[] DEFAULT NULL,
	"threshold" double precision DEFAULT 5
) RETURNS TABLE (
	"ts" timestamp with time zone,
	"y" double precision,
	"expected" double precision,
	"score" double precision
)
IMMUTABLE PARALLEL SAFE COST 100000
LANGUAGE c AS 'MODULE_PATHNAME', 'outliers_wrapper';

CREATE FUNCTION "pca_align"(
	"model" pca_model,
	"old" pca_model
) RETURNS pca_model
IMMUTABLE PARALLEL SAFE COST 1000
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_align_wrapper';

CREATE FUNCTION "pca_anomaly"(
	"model" pca_model,
	"x" double precision[]
) RETURNS TABLE (
	"t2" double precision,
	"spe" double precision,
	"t2_p_value" double precision,
	"spe_p_value" double precision,
	"p_value" double precision
)
IMMUTABLE STRICT PARALLEL SAFE COST 20
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_anomaly_wrapper';

CREATE FUNCTION "pca_reconstruct"(
	"model" pca_model,
	"fingerprint" double precision[]
) RETURNS double precision[]
IMMUTABLE STRICT PARALLEL SAFE COST 10
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_reconstruct_wrapper';

CREATE FUNCTION "pca_similarity"(
	"a" pca_model,
	"b" pca_model
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'pca_similarity_wrapper';

ALTER FUNCTION pca_anomaly(pca_model, float8[]) ROWS 1;

COMMENT ON FUNCTION pca_reconstruct(pca_model, float8[]) IS 'The vector that has these scores and nothing outside the components';

COMMENT ON FUNCTION pca_anomaly(pca_model, float8[]) IS
    'How unlike the vectors of the fit a vector is: Hotelling''s T2 inside the components, squared prediction error outside, and their p-values';

COMMENT ON FUNCTION pca_align(pca_model, pca_model) IS 'The model with scores in the coordinates of an old one, so that a refit neither flips nor turns them; as it is when the old one is NULL';

COMMENT ON FUNCTION pca_similarity(pca_model, pca_model) IS 'How much of the space of their components two models share: 1 all, 0 nothing';

CREATE FUNCTION pca_agg_transition(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'pca_agg_values_transition';

CREATE AGGREGATE pca_agg(x1 float8, x2 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, x7 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

CREATE AGGREGATE pca_agg(x1 float8, x2 float8, x3 float8, x4 float8, x5 float8, x6 float8, x7 float8, x8 float8) (
    STYPE = internal, SFUNC = pca_agg_transition, FINALFUNC = pca_agg_final, COMBINEFUNC = pca_agg_combine,
    SERIALFUNC = pca_agg_serialize, DESERIALFUNC = pca_agg_deserialize, SSPACE = 8000, PARALLEL = SAFE);

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8) IS 'Adds a vector of 2 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8) IS 'Collects vectors made of 2 columns, as pca_agg(float8[]) does';

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8) IS 'Adds a vector of 3 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8, float8) IS 'Collects vectors made of 3 columns, as pca_agg(float8[]) does';

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8) IS 'Adds a vector of 4 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8) IS 'Collects vectors made of 4 columns, as pca_agg(float8[]) does';

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8) IS 'Adds a vector of 5 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8) IS 'Collects vectors made of 5 columns, as pca_agg(float8[]) does';

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8) IS 'Adds a vector of 6 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8, float8) IS 'Collects vectors made of 6 columns, as pca_agg(float8[]) does';

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8) IS 'Adds a vector of 7 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8, float8, float8) IS 'Collects vectors made of 7 columns, as pca_agg(float8[]) does';

COMMENT ON FUNCTION pca_agg_transition(internal, float8, float8, float8, float8, float8, float8, float8, float8) IS 'Adds a vector of 8 columns to the state of pca_agg';

COMMENT ON AGGREGATE pca_agg(float8, float8, float8, float8, float8, float8, float8, float8) IS 'Collects vectors made of 8 columns, as pca_agg(float8[]) does';

CREATE FUNCTION "quantile"(
	"s" latency_sketch,
	"p" double precision
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_quantile_wrapper';

CREATE FUNCTION "quantile"(
	"s" latency_sketch,
	"p" double precision[]
) RETURNS double precision[]
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_quantiles_wrapper';

CREATE FUNCTION "rank"(
	"s" latency_sketch,
	"v" double precision
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_rank_wrapper';

CREATE FUNCTION "rate"(
	"s" request_state,
	"step" interval
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'request_rate_wrapper';

CREATE FUNCTION "rate"(
	"s" series
) RETURNS series
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'series_rate_wrapper';

CREATE FUNCTION "regime_fit"(
	"vectors" vector_set,
	"k" INT DEFAULT NULL,
	"seed" bigint DEFAULT 1
) RETURNS regime_model
IMMUTABLE PARALLEL SAFE COST 1000000
LANGUAGE c AS 'MODULE_PATHNAME', 'regime_fit_wrapper';

CREATE FUNCTION "regime_of"(
	"model" regime_model,
	"x" double precision[]
) RETURNS INT
IMMUTABLE STRICT PARALLEL SAFE COST 10
LANGUAGE c AS 'MODULE_PATHNAME', 'regime_of_wrapper';

CREATE FUNCTION "regimes"(
	"model" regime_model,
	"names" TEXT[] DEFAULT NULL,
	"pca" pca_model DEFAULT NULL
) RETURNS TABLE (
	"regime" INT,
	"name" TEXT,
	"n" bigint,
	"share" double precision,
	"centre" double precision[],
	"difference" double precision[]
)
IMMUTABLE PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'regimes_wrapper';

ALTER FUNCTION regimes(regime_model, text[], pca_model) ROWS 4;

COMMENT ON FUNCTION regime_fit(vector_set, int, bigint) IS
    'Finds the regimes of a set of vectors: as many as stand apart, or k; NULL for an empty set; the same set and seed give the same model';

COMMENT ON FUNCTION regimes(regime_model, text[], pca_model) IS
    'Regimes, most frequent first, with what distinguishes each; in terms of the features that pca projected, when it is given';

COMMENT ON FUNCTION regime_of(regime_model, float8[]) IS 'Number of the regime that a vector most probably belongs to; NULL when a value is missing, NaN or infinite';

COMMENT ON FUNCTION resample(series, interval, text, text, text) IS
    'Series of equal steps; fill is none, zero, linear, locf or seasonal, agg is mean, sum, min, max, count or last';

CREATE FUNCTION "series_feature_names"() RETURNS TEXT[]
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'series_feature_names_wrapper';

ALTER FUNCTION detect_periods(series, interval, float8, int) ROWS 2;

ALTER FUNCTION changepoints(series, interval, interval[], float8) ROWS 3;

ALTER FUNCTION outliers(series, interval, interval[], float8) ROWS 5;

ALTER FUNCTION features(series, interval) ROWS 46;

COMMENT ON FUNCTION detect_periods(series, interval, float8, int) IS
    'Periods of a series, best first; score 0.6 is what noise reaches once in some hundred series';

COMMENT ON FUNCTION decompose(series, interval[], bool) IS
    'Every window of a series as trend + sum of the seasons + remainder (MSTL); periods are found where none are given';

COMMENT ON FUNCTION changepoints(series, interval, interval[], float8) IS
    'Where level, trend or variance of a series change, what it was before and after; a larger penalty finds fewer';

COMMENT ON FUNCTION outliers(series, interval, interval[], float8) IS
    'Values that lie at least threshold robust standard deviations from what season and neighbours let expect';

COMMENT ON FUNCTION features(series, interval) IS 'Features of a series by name; where a value does not exist, status says why';

COMMENT ON FUNCTION feature_values(series, interval) IS 'Features of a series in the order of series_feature_names, NULL where a value does not exist';

COMMENT ON FUNCTION series_feature_names() IS 'Names of the features of a series, in the order of feature_values';

CREATE FUNCTION "share"(
	"s" entropy_state,
	"key" TEXT
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'keys_share_wrapper';

CREATE FUNCTION entropy_agg_transition(internal, text) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_transition';

CREATE FUNCTION entropy_rollup_transition(internal, entropy_state) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_rollup_transition';

CREATE FUNCTION entropy_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_combine';

CREATE FUNCTION entropy_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_serialize';

CREATE FUNCTION entropy_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_deserialize';

CREATE FUNCTION entropy_agg_final(internal) RETURNS entropy_state
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_final';

CREATE FUNCTION entropy_agg_inverse(internal, text) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'entropy_agg_inverse';

-- SSPACE: some hundred keys, 16 bytes each.
CREATE AGGREGATE entropy_agg(key text) (
    STYPE = internal, SFUNC = entropy_agg_transition, FINALFUNC = entropy_agg_final, COMBINEFUNC = entropy_agg_combine,
    SERIALFUNC = entropy_agg_serialize, DESERIALFUNC = entropy_agg_deserialize, SSPACE = 4000, PARALLEL = SAFE,
    MSTYPE = internal, MSFUNC = entropy_agg_transition, MINVFUNC = entropy_agg_inverse, MFINALFUNC = entropy_agg_final, MSSPACE = 4000);

CREATE AGGREGATE rollup(entropy_state) (
    STYPE = internal, SFUNC = entropy_rollup_transition, FINALFUNC = entropy_agg_final, COMBINEFUNC = entropy_agg_combine,
    SERIALFUNC = entropy_agg_serialize, DESERIALFUNC = entropy_agg_deserialize, SSPACE = 4000, PARALLEL = SAFE);

COMMENT ON FUNCTION entropy_agg_transition(internal, text) IS 'Adds a row to the state of entropy_agg';

COMMENT ON FUNCTION entropy_rollup_transition(internal, entropy_state) IS 'Adds an entropy_state to the state of rollup';

COMMENT ON FUNCTION entropy_agg_combine(internal, internal) IS 'Adds one state of entropy_agg to another';

COMMENT ON FUNCTION entropy_agg_serialize(internal) IS 'Flat form of a state of entropy_agg';

COMMENT ON FUNCTION entropy_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of entropy_agg';

COMMENT ON FUNCTION entropy_agg_final(internal) IS 'entropy_state of a state of entropy_agg';

COMMENT ON FUNCTION entropy_agg_inverse(internal, text) IS 'Takes the oldest row out of a moving window of entropy_agg';

COMMENT ON AGGREGATE entropy_agg(text) IS 'Counts keys; NULL is counted apart. Above 4,096 different keys the entropy is approximate';

COMMENT ON AGGREGATE rollup(entropy_state) IS 'Merges counted keys into one state';

ALTER FUNCTION counts(entropy_state) ROWS 1;

COMMENT ON FUNCTION n(entropy_state) IS 'Number of keys of an entropy_state';

COMMENT ON FUNCTION n_distinct(entropy_state) IS 'Number of different keys of an entropy_state; an estimate above 4,096';

COMMENT ON FUNCTION entropy(entropy_state, bool, text) IS
    'Shannon entropy of the keys in bits; normalized as a share of the most that so many keys can have; correction is none or miller_madow';

COMMENT ON FUNCTION share(entropy_state, text) IS 'Share of the rows that have a key; NULL where it is not known';

COMMENT ON FUNCTION counts(entropy_state) IS 'Keys of an entropy_state, rows that were NULL, different keys, and whether there were too many to count each';

CREATE FUNCTION "sum"(
	"s" latency_sketch
) RETURNS double precision
IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE c AS 'MODULE_PATHNAME', 'latency_sum_wrapper';

CREATE FUNCTION latency_agg_transition(internal, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_transition';

CREATE FUNCTION latency_agg_transition(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_within_transition';

CREATE FUNCTION latency_rollup_transition(internal, latency_sketch) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_rollup_transition';

CREATE FUNCTION latency_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_combine';

CREATE FUNCTION latency_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_serialize';

CREATE FUNCTION latency_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_deserialize';

CREATE FUNCTION latency_agg_final(internal) RETURNS latency_sketch
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_final';

CREATE FUNCTION latency_agg_moving(internal, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_moving';

CREATE FUNCTION latency_agg_moving(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_within_moving';

CREATE FUNCTION latency_agg_inverse(internal, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_inverse';

CREATE FUNCTION latency_agg_inverse(internal, float8, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_inverse';

CREATE FUNCTION latency_agg_moving_final(internal) RETURNS latency_sketch
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'latency_agg_moving_final';

-- SSPACE: some hundred buckets, 8 bytes each, and the exact sum.
CREATE AGGREGATE latency_agg(value float8) (
    STYPE = internal, SFUNC = latency_agg_transition, FINALFUNC = latency_agg_final, COMBINEFUNC = latency_agg_combine,
    SERIALFUNC = latency_agg_serialize, DESERIALFUNC = latency_agg_deserialize, SSPACE = 6000, PARALLEL = SAFE,
    MSTYPE = internal, MSFUNC = latency_agg_moving, MINVFUNC = latency_agg_inverse, MFINALFUNC = latency_agg_moving_final, MSSPACE = 12000);

CREATE AGGREGATE latency_agg(value float8, rel_err float8) (
    STYPE = internal, SFUNC = latency_agg_transition, FINALFUNC = latency_agg_final, COMBINEFUNC = latency_agg_combine,
    SERIALFUNC = latency_agg_serialize, DESERIALFUNC = latency_agg_deserialize, SSPACE = 6000, PARALLEL = SAFE,
    MSTYPE = internal, MSFUNC = latency_agg_moving, MINVFUNC = latency_agg_inverse, MFINALFUNC = latency_agg_moving_final, MSSPACE = 12000);

CREATE AGGREGATE rollup(latency_sketch) (
    STYPE = internal, SFUNC = latency_rollup_transition, FINALFUNC = latency_agg_final, COMBINEFUNC = latency_agg_combine,
    SERIALFUNC = latency_agg_serialize, DESERIALFUNC = latency_agg_deserialize, SSPACE = 6000, PARALLEL = SAFE);

COMMENT ON FUNCTION latency_agg_transition(internal, float8) IS 'Adds a row to the state of latency_agg';

COMMENT ON FUNCTION latency_agg_transition(internal, float8, float8) IS 'Adds a row to the state of latency_agg with a relative error';

COMMENT ON FUNCTION latency_rollup_transition(internal, latency_sketch) IS 'Adds a latency_sketch to the state of rollup';

COMMENT ON FUNCTION latency_agg_combine(internal, internal) IS 'Adds one state of latency_agg to another';

COMMENT ON FUNCTION latency_agg_serialize(internal) IS 'Flat form of a state of latency_agg';

COMMENT ON FUNCTION latency_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of latency_agg';

COMMENT ON FUNCTION latency_agg_final(internal) IS 'latency_sketch of a state of latency_agg';

COMMENT ON FUNCTION latency_agg_moving(internal, float8) IS 'Adds a row to a moving window of latency_agg';

COMMENT ON FUNCTION latency_agg_moving(internal, float8, float8) IS 'Adds a row to a moving window of latency_agg with a relative error';

COMMENT ON FUNCTION latency_agg_inverse(internal, float8) IS 'Takes the oldest row out of a moving window of latency_agg';

COMMENT ON FUNCTION latency_agg_inverse(internal, float8, float8) IS 'Takes the oldest row out of a moving window of latency_agg with a relative error';

COMMENT ON FUNCTION latency_agg_moving_final(internal) IS 'latency_sketch of a moving window of latency_agg';

COMMENT ON AGGREGATE latency_agg(float8) IS 'Collects values into a sketch whose quantiles are within 1 %; NULL, NaN and infinite values are counted and left out';

COMMENT ON AGGREGATE latency_agg(float8, float8) IS 'Collects values into a sketch whose quantiles are within a relative error of 0.001 to 0.5, the same in every row';

COMMENT ON AGGREGATE rollup(latency_sketch) IS 'Merges latency sketches of one relative error into one';

ALTER FUNCTION counts(latency_sketch) ROWS 1;

COMMENT ON FUNCTION n(latency_sketch) IS 'Number of values of a latency_sketch';

COMMENT ON FUNCTION quantile(latency_sketch, float8) IS 'Value below which a share p of the values lies, within the relative error';

COMMENT ON FUNCTION quantile(latency_sketch, float8[]) IS 'Values below which shares p of the values lie, within the relative error';

COMMENT ON FUNCTION rank(latency_sketch, float8) IS 'Share of the values that are at most v';

COMMENT ON FUNCTION error(latency_sketch) IS 'Relative error of the quantiles of a latency_sketch';

COMMENT ON FUNCTION mean(latency_sketch) IS 'Mean of the values of a latency_sketch, exact but for rounding';

COMMENT ON FUNCTION sum(latency_sketch) IS 'Sum of the values of a latency_sketch, exact but for one rounding';

COMMENT ON FUNCTION min(latency_sketch) IS 'Smallest value of a latency_sketch, exactly';

COMMENT ON FUNCTION max(latency_sketch) IS 'Largest value of a latency_sketch, exactly';

COMMENT ON FUNCTION counts(latency_sketch) IS 'Values of a latency_sketch, and rows that were left out: NULL, and NaN or infinite';

ALTER FUNCTION counts(request_state) ROWS 1;

COMMENT ON FUNCTION counts(request_state) IS 'Requests of a request_state, rows that were not finite, different kinds and actors; above 4,096 of them is_approximate';

COMMENT ON FUNCTION rate(request_state, interval) IS 'Requests per second of a request_state of a window of this length';

COMMENT ON FUNCTION kind_share(request_state, text) IS 'Share of the requests that are of a kind; NULL where it is not known';

COMMENT ON FUNCTION actor_share(request_state, text) IS 'Share of the requests that come from an actor; NULL where it is not known';

CREATE FUNCTION "tsne"(
	"vectors" vector_set,
	"perplexity" double precision DEFAULT 30,
	"seed" bigint DEFAULT 1,
	"iterations" INT DEFAULT 1000
) RETURNS TABLE (
	"id" bigint,
	"x" double precision,
	"y" double precision
)
IMMUTABLE PARALLEL SAFE COST 1000000
LANGUAGE c AS 'MODULE_PATHNAME', 'tsne_wrapper';

CREATE FUNCTION vector_agg_transition(internal, bigint, float8[]) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_transition';

CREATE FUNCTION vector_rollup_transition(internal, vector_set) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_rollup_transition';

CREATE FUNCTION vector_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_combine';

CREATE FUNCTION vector_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_serialize';

CREATE FUNCTION vector_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_deserialize';

CREATE FUNCTION vector_agg_final(internal) RETURNS vector_set
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'vector_agg_final';

-- SSPACE: a thousand vectors of seven values.
CREATE AGGREGATE vector_agg(id bigint, x float8[]) (
    STYPE = internal, SFUNC = vector_agg_transition, FINALFUNC = vector_agg_final, COMBINEFUNC = vector_agg_combine,
    SERIALFUNC = vector_agg_serialize, DESERIALFUNC = vector_agg_deserialize, SSPACE = 64000, PARALLEL = SAFE);

CREATE AGGREGATE rollup(vector_set) (
    STYPE = internal, SFUNC = vector_rollup_transition, FINALFUNC = vector_agg_final, COMBINEFUNC = vector_agg_combine,
    SERIALFUNC = vector_agg_serialize, DESERIALFUNC = vector_agg_deserialize, SSPACE = 64000, PARALLEL = SAFE);

COMMENT ON FUNCTION vector_agg_transition(internal, bigint, float8[]) IS 'Adds a vector to the state of vector_agg';

COMMENT ON FUNCTION vector_rollup_transition(internal, vector_set) IS 'Adds a vector_set to the state of rollup';

COMMENT ON FUNCTION vector_agg_combine(internal, internal) IS 'Adds one state of vector_agg to another';

COMMENT ON FUNCTION vector_agg_serialize(internal) IS 'Flat form of a state of vector_agg';

COMMENT ON FUNCTION vector_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of vector_agg';

COMMENT ON FUNCTION vector_agg_final(internal) IS 'vector_set of a state of vector_agg';

COMMENT ON AGGREGATE vector_agg(bigint, float8[]) IS 'Collects vectors of one length with their ids; those with a NULL, NaN or infinite value are counted and left out';

COMMENT ON AGGREGATE rollup(vector_set) IS 'Merges sets of vectors into one';

ALTER FUNCTION counts(vector_set) ROWS 1;

ALTER FUNCTION tsne(vector_set, float8, bigint, int) ROWS 1000;

COMMENT ON FUNCTION counts(vector_set) IS 'Number and length of the vectors of a set, and of those left out for a NULL, or for NaN or infinity';

COMMENT ON FUNCTION tsne(vector_set, float8, bigint, int) IS
    'Map of a set of vectors (t-SNE): a place in two dimensions for each, neighbours close together; the same set and seed give the same map';

CREATE FUNCTION rate_agg_transition(internal, timestamptz, float8) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_transition';

CREATE FUNCTION rate_agg_combine(internal, internal) RETURNS internal
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_combine';

CREATE FUNCTION rate_agg_serialize(internal) RETURNS bytea
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_serialize';

CREATE FUNCTION rate_agg_deserialize(bytea, internal) RETURNS internal
    IMMUTABLE STRICT PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_deserialize';

CREATE FUNCTION rate_agg_final(internal) RETURNS series
    IMMUTABLE PARALLEL SAFE LANGUAGE c AS 'MODULE_PATHNAME', 'rate_agg_final';

CREATE AGGREGATE rate_agg(ts timestamptz, counter float8) (
    STYPE = internal, SFUNC = rate_agg_transition, FINALFUNC = rate_agg_final, COMBINEFUNC = rate_agg_combine,
    SERIALFUNC = rate_agg_serialize, DESERIALFUNC = rate_agg_deserialize, SSPACE = 24000, PARALLEL = SAFE);

COMMENT ON FUNCTION rate_agg_transition(internal, timestamptz, float8) IS 'Adds a row to the state of rate_agg';

COMMENT ON FUNCTION rate_agg_combine(internal, internal) IS 'Adds one state of rate_agg to another';

COMMENT ON FUNCTION rate_agg_serialize(internal) IS 'Flat form of a state of rate_agg';

COMMENT ON FUNCTION rate_agg_deserialize(bytea, internal) IS 'Reads the flat form of a state of rate_agg';

COMMENT ON FUNCTION rate_agg_final(internal) IS 'Series of a state of rate_agg';

COMMENT ON AGGREGATE rate_agg(timestamptz, float8) IS
    'Rate per second of a counter between its samples, in any order; where it falls it restarted at zero';

COMMENT ON FUNCTION rate(series) IS 'Rate per second of the counter whose samples a series holds';

COMMENT ON FUNCTION n_reset(series) IS 'How often the counter restarted that a series of rates comes from; NULL for another series';

-- Refresh brings stored features into the new order: see adopt_metrics.
CREATE FUNCTION set_metrics(source text, metrics text[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    origin prescale.source;
    relation regclass;
    missing text;
BEGIN
    SELECT s.* INTO origin FROM prescale.source s WHERE s.name = source;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'source "%" does not exist', source USING ERRCODE = 'undefined_object',
            HINT = 'SELECT name FROM prescale.source lists the sources.';
    END IF;
    IF origin.kind = 'narrow' AND origin.metric_column IS NULL THEN
        RAISE EXCEPTION 'source "%" has one metric only', source USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Add the source anew with metric_column.';
    END IF;
    IF metrics IS NULL OR array_position(metrics, NULL) IS NOT NULL OR cardinality(metrics) > 64
        OR (SELECT count(DISTINCT m) FROM unnest(metrics) m) < cardinality(metrics) THEN
        RAISE EXCEPTION 'metrics % are not up to 64 different names', coalesce(metrics::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name each metric once: metrics => ARRAY[...].';
    END IF;
    IF origin.kind <> 'narrow' THEN
        relation := to_regclass(format('%I.%I', origin.relation_schema, origin.relation_name));
        IF relation IS NULL THEN
            RAISE EXCEPTION 'relation "%.%" of source "%" does not exist', origin.relation_schema, origin.relation_name, source USING ERRCODE = 'undefined_table';
        END IF;
        PERFORM check_column(relation, m::name) FROM unnest(metrics) m;
    END IF;
    IF origin.kind = 'wide' THEN
        SELECT w.demand INTO missing FROM prescale.workload w WHERE w.source = origin.source AND w.demand <> ALL (metrics) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'metric "%" is the demand of a workload', missing USING ERRCODE = 'dependent_objects_still_exist',
                HINT = 'Keep it among the metrics.';
        END IF;
    END IF;
    UPDATE prescale.source s SET metrics = set_metrics.metrics WHERE s.source = origin.source;
END
$$;

COMMENT ON FUNCTION set_metrics(text, text[]) IS 'Says which metrics of a source are read from now on; stored features keep what they have, and the next refresh fits fingerprints anew';

COMMENT ON COLUMN progress.feature_names IS 'What its stored feature vectors hold, in order';

CREATE FUNCTION source_feature_names(kind text, metrics text[]) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN kind = 'request' THEN feature_names(request_feature_names(metrics), false) ELSE feature_names(metrics, true) END;

COMMENT ON FUNCTION source_feature_names(text, text[]) IS 'Names of the values of feature vectors from a source of this kind with these metrics';

CREATE OR REPLACE FUNCTION workload_feature_names(workload int) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
    SELECT coalesce(g.feature_names, source_feature_names(s.kind, s.metrics))
    FROM workload w JOIN source s USING (source) LEFT JOIN progress g USING (workload) WHERE w.workload = $1
$$;

COMMENT ON COLUMN model.metric IS 'pca: similarity to the model before, and absent features; demand: how well it fits';

COMMENT ON COLUMN model.status IS 'ok, short, constant, or retired (made for other features than the workload has now)';

-- Stage fingerprint: searching and grouping the fingerprints of managed workloads.

CREATE FUNCTION nearest(fingerprint float8[], k int DEFAULT 5, model int DEFAULT NULL, among text DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL)
RETURNS TABLE (workload text, ts timestamptz, distance float8, utilization float8)
-- The arguments decide which conditions there are at all: each call is planned for its own.
LANGUAGE plpgsql STABLE ROWS 5 COST 100000 SET search_path = pg_catalog, prescale, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    owner int := CASE WHEN among IS NOT NULL THEN find_workload(among) END;
    used int := $3;
BEGIN
    IF k IS NULL OR k < 1 THEN
        RAISE EXCEPTION 'k must be at least 1, not %', coalesce(k::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give how many fingerprints to return.';
    END IF;
    IF $1 IS NULL THEN
        RETURN;
    END IF;
    -- NULL elements and NaN are refused also where there is nothing to compare with
    PERFORM fingerprint_distance($1, $1);
    IF used IS NULL AND owner IS NOT NULL THEN
        SELECT f.model INTO used FROM prescale.fingerprint f WHERE f.workload = owner ORDER BY f.ts DESC LIMIT 1;
    ELSIF used IS NULL THEN
        RAISE EXCEPTION 'neither model nor among is given' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Fingerprints of different models cannot be compared: give the model of this one, or the workload to search among.';
    END IF;
    RETURN QUERY
        SELECT w.name, n.ts, n.distance, n.utilization
        FROM (SELECT f.workload, f.ts, f.utilization, fingerprint_distance(f.fingerprint, $1) AS distance
              FROM prescale.fingerprint f
              WHERE f.model = used AND (owner IS NULL OR f.workload = owner) AND ($5 IS NULL OR f.ts >= $5) AND ($6 IS NULL OR f.ts < $6)
              ORDER BY 4, f.ts DESC, f.workload LIMIT $2) n
        LEFT JOIN prescale.workload w USING (workload)
        ORDER BY n.distance, n.ts DESC, n.workload;
END
$$;

COMMENT ON FUNCTION nearest(float8[], int, int, text, timestamptz, timestamptz) IS
    'The k stored fingerprints nearest to one, among those of the same model (default: the newest of the workload among), in [since, until)';

CREATE FUNCTION workload_nearest(name text, at timestamptz DEFAULT NULL, k int DEFAULT 5, apart interval DEFAULT '1 hour',
    among text DEFAULT NULL, since timestamptz DEFAULT NULL)
RETURNS TABLE (workload text, ts timestamptz, distance float8, utilization float8)
LANGUAGE sql STABLE ROWS 5 COST 100000 SET search_path = pg_catalog, prescale, pg_temp AS $$
    SELECT n.*
    FROM (SELECT f.* FROM prescale.fingerprint f WHERE f.workload = find_workload($1) AND f.ts <= coalesce($2, 'infinity') ORDER BY f.ts DESC LIMIT 1) f,
         nearest(f.fingerprint, $3, f.model, $5, $6, f.ts - $4) n
$$;

COMMENT ON FUNCTION workload_nearest(text, timestamptz, int, interval, text, timestamptz) IS
    'The k windows before, apart at least, that were most like the newest window of a workload (or the one at a time)';

CREATE FUNCTION workload_regimes(workload text, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, k int DEFAULT NULL, seed bigint DEFAULT 1)
RETURNS TABLE (regime int, name text, n bigint, share float8, feature text[], centre float8[], difference float8[])
LANGUAGE sql STABLE ROWS 4 COST 1000000 SET search_path = pg_catalog, prescale, pg_temp AS $$
    WITH inside AS MATERIALIZED (
        SELECT f.* FROM prescale.fingerprint f
        WHERE f.workload = find_workload($1) AND ($2 IS NULL OR f.ts >= $2) AND ($3 IS NULL OR f.ts < $3)
    ), newest AS (
        SELECT m.model, m.pca, ARRAY(SELECT jsonb_array_elements_text(m.spec)) AS feature
        FROM inside i JOIN prescale.model m USING (model) ORDER BY i.ts DESC LIMIT 1
    )
    SELECT r.regime, r.name, r.n, r.share, m.feature, r.centre, r.difference
    FROM newest m,
         LATERAL (SELECT regime_fit(vector_agg(extract(epoch FROM i.ts)::bigint, i.fingerprint), $4, $5) AS fit FROM inside i WHERE i.model = m.model) f,
         regimes(f.fit, m.feature, m.pca) r
$$;

COMMENT ON FUNCTION workload_regimes(text, timestamptz, timestamptz, int, bigint) IS
    'Operating regimes of a workload in [since, until), among the fingerprints of the newest model there, in terms of its features';

-- When the metrics of a source have changed, stored features get the new order: what is kept stays, what is new was never measured. Old PCAs
-- would misread them, so the next one is fitted at once. The batch is of one source, so that one list of names serves it.
CREATE FUNCTION adopt_metrics(ids int[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
DECLARE
    names text[];
    changed int[];
BEGIN
    SELECT source_feature_names(s.kind, s.metrics) INTO names
    FROM workload w JOIN source s USING (source) WHERE w.workload = ids[1];
    SELECT array_agg(g.workload) INTO changed FROM progress g WHERE g.workload = ANY (ids) AND g.feature_names <> names;
    IF changed IS NOT NULL THEN
        UPDATE feature f SET value = ARRAY(SELECT f.value[array_position(g.feature_names, n.name)] FROM unnest(names) WITH ORDINALITY n (name, i) ORDER BY n.i)
        FROM progress g WHERE g.workload = ANY (changed) AND f.workload = g.workload;
        UPDATE progress g SET fingerprint_due = g.watermark
        WHERE g.workload = ANY (changed) AND EXISTS (SELECT FROM model m WHERE m.workload = g.workload AND m.kind = 'pca' AND m.pca IS NOT NULL);
        UPDATE model m SET status = 'retired' WHERE m.workload = ANY (changed) AND m.kind = 'pca' AND m.status = 'ok';
    END IF;
    UPDATE progress g SET feature_names = names WHERE g.workload = ANY (ids) AND g.feature_names IS DISTINCT FROM names;
END
$$;

COMMENT ON FUNCTION adopt_metrics(int[]) IS 'Brings the features of a batch into the order that the metrics of its source ask for';

-- First when one to two days have been seen, then once a week, on four weeks. Scores keep the coordinates of the model before.
CREATE OR REPLACE FUNCTION fit_fingerprint(ids int[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO model AS o (workload, kind, boundary, spec, pca, n_train, metric, status)
    SELECT d.workload, 'pca', d.fingerprint_due, d.spec, pca_align(f.pca, b.pca), n(s.state),
           jsonb_strip_nulls(jsonb_build_object('similarity', round(pca_similarity(f.pca, b.pca)::numeric, 6),
               'absent', (SELECT jsonb_agg(n.name ORDER BY n.i) FROM unnest(d.names, mean(s.state)) WITH ORDINALITY n (name, mean, i) WHERE n.mean IS NULL))),
           CASE WHEN f.pca IS NULL THEN 'short' ELSE 'ok' END
    FROM (
        SELECT g.workload, g.fingerprint_due, g.feature_names AS names, to_jsonb(g.feature_names) AS spec, w.step, w.lateness
        FROM progress g JOIN workload w USING (workload) WHERE g.workload = ANY ($1) AND g.watermark >= g.fingerprint_due
    ) d
    CROSS JOIN LATERAL (
        SELECT pca_agg(f.value) AS state FROM feature f
        WHERE f.workload = d.workload AND f.ts >= d.fingerprint_due - interval '28 days' AND f.ts < window_start(d.fingerprint_due - d.lateness, d.step) AND f.n_row > 0
    ) s
    CROSS JOIN LATERAL (SELECT CASE WHEN n(s.state) >= 60 THEN pca_fit(s.state, variance => 0.95) END AS pca OFFSET 0) f
    LEFT JOIN LATERAL (
        SELECT m.pca FROM model m
        WHERE m.workload = d.workload AND m.kind = 'pca' AND m.spec = d.spec AND m.boundary < d.fingerprint_due AND m.pca IS NOT NULL
        ORDER BY m.boundary DESC LIMIT 1
    ) b ON true
    ON CONFLICT (workload, kind, boundary, spec) DO UPDATE SET pca = EXCLUDED.pca, n_train = EXCLUDED.n_train, metric = EXCLUDED.metric, status = EXCLUDED.status
    WHERE o.status = 'retired';
    UPDATE progress g SET fingerprint_due = fingerprint_boundary(g.workload, g.fingerprint_due + interval '7 days', w.step)
    FROM workload w WHERE g.workload = ANY ($1) AND g.watermark >= g.fingerprint_due AND w.workload = g.workload
$$;

COMMENT ON FUNCTION fit_fingerprint(int[]) IS 'Fits the PCA of workloads whose boundary has come, in the coordinates of the one before';

CREATE OR REPLACE FUNCTION store_fingerprints(ids int[], since timestamptz[], until timestamptz[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
    INSERT INTO fingerprint AS o (workload, ts, model, fingerprint, utilization)
    SELECT s.workload, f.ts, m.model, pca_project(m.pca, f.value), f.demand / nullif(c.units_ready * p.unit_capacity, 0)
    FROM unnest($1, $2, $3) s (workload, since, until)
    JOIN policy p USING (workload)
    CROSS JOIN LATERAL (
        SELECT m.model, m.pca, m.status, m.boundary, lead(m.boundary, 1, 'infinity') OVER (ORDER BY m.boundary, m.model) AS until
        FROM model m WHERE m.workload = s.workload AND m.kind = 'pca' AND m.boundary < s.until
    ) m
    CROSS JOIN LATERAL (
        SELECT f.ts, f.demand, f.value FROM feature f
        WHERE f.workload = s.workload AND f.ts >= greatest(s.since, m.boundary) AND f.ts < least(s.until, m.until) AND f.n_row > 0
        OFFSET 0
    ) f
    LEFT JOIN LATERAL (SELECT c.units_ready FROM capacity c WHERE c.workload = s.workload AND c.ts <= f.ts ORDER BY c.ts DESC LIMIT 1) c ON true
    WHERE m.pca IS NOT NULL AND m.status <> 'retired' AND m.until > s.since
    ON CONFLICT (workload, ts) DO UPDATE SET model = EXCLUDED.model, fingerprint = EXCLUDED.fingerprint, utilization = EXCLUDED.utilization
    WHERE (o.model, o.fingerprint, o.utilization) IS DISTINCT FROM (EXCLUDED.model, EXCLUDED.fingerprint, EXCLUDED.utilization)
$$;

CREATE OR REPLACE FUNCTION advance_workloads(ids int[], as_of timestamptz) RETURNS int[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
DECLARE
    batch record;
    bounds record;
    closing timestamptz;
    stretch interval;
    goal timestamptz;
    spans record;
    is_first bool := true;
    caught_up int[] := '{}';
BEGIN
    SELECT w.source, w.step, s.added_by, s.relation_schema, s.relation_name INTO batch
    FROM workload w JOIN source s USING (source) WHERE w.workload = ids[1];
    PERFORM check_select(batch.added_by, batch.relation_schema, batch.relation_name);
    stretch := batch.step * greatest(60, 200000 / cardinality(ids));
    -- The end of a backlog need not be looked for in every stretch: without an index on time that reads the rest of the source.
    SELECT NULL::timestamptz AS oldest, min(g.newest) AS newest, max(g.n_future) AS n_future INTO bounds
    FROM progress g WHERE g.workload = ANY (ids) HAVING bool_and(coalesce(g.newest <= as_of AND g.newest >= g.watermark + stretch, false));
    IF NOT FOUND THEN
        SELECT b.* INTO bounds FROM source_bounds(batch.source,
            (SELECT CASE WHEN bool_and(g.watermark IS NOT NULL) THEN min(g.watermark - w.lateness) END
             FROM progress g JOIN workload w USING (workload) WHERE g.workload = ANY (ids)), as_of) b;
    END IF;
    IF bounds.oldest IS NOT NULL THEN
        PERFORM open_workloads(ids, bounds.oldest, least(bounds.newest, as_of));
    END IF;
    closing := window_start(least(bounds.newest, as_of), batch.step);
    PERFORM adopt_metrics(ids);
    goal := least(closing, (SELECT min(g.watermark) + stretch FROM progress g WHERE g.workload = ANY (ids)));

    LOOP
        PERFORM fit_fingerprint(ids);
        SELECT array_agg(g.workload) AS ids, array_agg(greatest(g.first_window, window_start(g.watermark - 10 * w.lateness, w.step))) AS check_from,
               array_agg(greatest(g.first_window, window_start(g.watermark - w.lateness, w.step))) AS keep_from,
               array_agg(u.until) AS until,
               array_agg(g.workload) FILTER (WHERE fit_boundary(g.workload, g.watermark) < fit_boundary(g.workload, u.until)) AS new_day,
               coalesce(array_agg(g.workload) FILTER (WHERE u.until >= closing), '{}') AS last_stretch
        INTO spans
        FROM progress g JOIN workload w USING (workload)
        CROSS JOIN LATERAL (SELECT greatest(g.watermark, least(goal, g.fingerprint_due)) AS until) u
        WHERE g.workload = ANY (ids) AND (g.watermark < goal OR is_first AND g.watermark IS NOT NULL);
        EXIT WHEN spans.ids IS NULL;
        PERFORM store_features(batch.source, spans.ids, spans.check_from, spans.keep_from, spans.until);
        PERFORM store_history(spans.ids, spans.keep_from, spans.until, batch.step);
        PERFORM store_fingerprints(spans.ids, spans.keep_from, spans.until);
        UPDATE progress g SET watermark = s.until FROM unnest(spans.ids, spans.until) s (workload, until) WHERE g.workload = s.workload;
        PERFORM fit_demand(spans.last_stretch);
        PERFORM store_forecasts(spans.last_stretch);
        PERFORM store_outcomes(spans.ids, spans.keep_from, spans.until);
        PERFORM delete_expired(spans.new_day);
        caught_up := caught_up || spans.last_stretch;
        is_first := false;
    END LOOP;
    UPDATE progress g SET refreshed_at = as_of, newest = bounds.newest, n_future = bounds.n_future WHERE g.workload = ANY (ids);
    UPDATE progress g SET status = 'no_samples', message = 'the source has no row for this workload yet', code = NULL,
        hint = 'Look whether source_key and demand name what is in the source.'
    WHERE g.workload = ANY (ids) AND (SELECT f.ts FROM feature f WHERE f.workload = g.workload ORDER BY f.ts DESC LIMIT 1) IS NULL;
    RETURN caught_up || ARRAY(SELECT g.workload FROM progress g WHERE g.workload = ANY (ids) AND g.watermark IS NULL);
END
$$;

CREATE OR REPLACE VIEW status AS
    SELECT w.name AS workload, s.name AS source, w.enabled, p.mode, g.status, g.code, g.message, g.hint, g.watermark,
           now() - g.watermark AS lag, g.refreshed_at, g.n_future, f.n_window, f.n_gap, f.n_late, f.n_null, f.n_nonfinite, m.missing_metrics
    FROM workload w
    JOIN source s USING (source)
    JOIN policy p USING (workload)
    JOIN progress g USING (workload)
    CROSS JOIN LATERAL (
        SELECT count(*) AS n_window, count(*) FILTER (WHERE f.n_row = 0) AS n_gap, coalesce(sum(f.n_late), 0) AS n_late,
               coalesce(sum(f.n_null), 0) AS n_null, coalesce(sum(f.n_nonfinite), 0) AS n_nonfinite
        FROM feature f WHERE f.workload = w.workload AND f.ts >= g.watermark - interval '1 day'
    ) f
    CROSS JOIN LATERAL (
        SELECT array_agg(n.name ORDER BY n.i) AS missing_metrics FROM unnest(g.feature_names) WITH ORDINALITY n (name, i)
        WHERE n.name = ANY (s.metrics) AND s.kind <> 'request'
          AND (SELECT every(f.value[n.i] IS NULL) FROM feature f
               WHERE f.workload = w.workload AND f.ts >= g.watermark - greatest(interval '1 hour', 12 * w.step) AND f.n_row > 0)
    ) m;

COMMENT ON COLUMN status.missing_metrics IS 'Metrics of its source without a value in the last hour, or twelve windows if longer; NULL if none';
CREATE FUNCTION check_column_types(rel regclass, columns name[], wanted text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    odd name;
    used text;
BEGIN
    SELECT a.attname, a.atttypid::regtype INTO odd, used FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = rel AND a.attname = ANY (columns) AND NOT CASE wanted
        WHEN 'time' THEN t.oid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
        WHEN 'text' THEN t.typcategory IN ('S', 'E')
        ELSE t.typcategory = 'N' AND t.typname NOT LIKE 'reg%' AND t.typname NOT IN ('oid', 'money') OR wanted = 'number or truth value' AND t.typcategory = 'B' END
    ORDER BY array_position(columns, a.attname) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" of relation "%" is of type %, not %', odd, rel, used, CASE wanted WHEN 'text' THEN 'text' ELSE 'a ' || wanted END USING ERRCODE = 'datatype_mismatch',
            HINT = CASE wanted WHEN 'time' THEN 'Use a column of type timestamptz, timestamp or date, or a view that casts it.'
                               WHEN 'number' THEN 'Use a numeric column, or a view that casts it.'
                               ELSE 'Use a view that casts it or leaves it out.' END;
    END IF;
END
$$;
COMMENT ON FUNCTION check_column_types(regclass, name[], text) IS
    'Raises 42804 for the first of the columns that is not what is wanted: time, text, number, number or truth value';

CREATE FUNCTION series_query(rel regclass, time_col name, value_col name, by name[], covariates name[] DEFAULT '{}', timezone text DEFAULT 'UTC') RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    ts text;
BEGIN
    IF rel IS NULL OR time_col IS NULL OR value_col IS NULL OR by IS NULL OR array_position(by, NULL) IS NOT NULL
        OR covariates IS NULL OR array_position(covariates, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'rel, time_col, value_col and the columns in by and covariates must not be null' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example: forecast_table(''metric'', ''ts'', ''value'', ''1 hour'', by => ''{service}'').';
    END IF;
    PERFORM check_column(rel, c) FROM unnest(ARRAY[time_col, value_col] || by || covariates) c;
    PERFORM check_column_types(rel, ARRAY[time_col], 'time'), check_column_types(rel, value_col || covariates, 'number');
    -- Times without a zone do not depend on that of the session, as those of regressors and events do not.
    ts := CASE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = rel AND a.attname = time_col AND a.atttypid = 'timestamptz'::regtype)
               THEN format('r.%I', time_col) ELSE format('r.%I::timestamp AT TIME ZONE %L', time_col, timezone) END;
    RETURN (SELECT format('SELECT jsonb_build_object(%s) AS key, prescale.series_agg((%s)::timestamptz, r.%I::float8) AS s, ARRAY[%s]::prescale.series[] AS covariates FROM %I.%I r%s',
                          (SELECT string_agg(format('%L, r.%I', c, c), ', ') FROM unnest(by) c), ts, value_col,
                          (SELECT string_agg(format('prescale.series_agg((%s)::timestamptz, r.%I::float8)', ts, c), ', ' ORDER BY i)
                           FROM unnest(covariates) WITH ORDINALITY u (c, i)), n.nspname, p.relname,
                          (SELECT format(' GROUP BY %1$s ORDER BY %1$s', string_agg(format('r.%I', c), ', ')) FROM unnest(by) c HAVING count(*) > 0))
            FROM pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace WHERE p.oid = rel);
END
$$;
COMMENT ON FUNCTION series_query(regclass, name, name, name[], name[], text) IS
    'The query for all series of a table, one a group of the columns in by: key, s, covariates; raises 42703 and 42804 for columns that do not fit';

CREATE FUNCTION "fit_series"(
	"s" series,
	"horizon" interval,
	"model" TEXT,
	"level" double precision,
	"quantiles" double precision[],
	"periods" interval[],
	"floor" double precision,
	"ceiling" double precision,
	"options" jsonb,
	"step" interval,
	"fill" TEXT,
	"agg" TEXT,
	"timezone" TEXT,
	"as_of" timestamp with time zone DEFAULT NULL,
	"label" TEXT DEFAULT NULL,
	"covariates" series[] DEFAULT NULL,
	"network" bytea DEFAULT NULL,
	"regressors" jsonb DEFAULT NULL,
	"events" jsonb DEFAULT NULL,
	"now" timestamp with time zone DEFAULT NULL
) RETURNS TABLE (
	"status" TEXT,
	"metrics" jsonb,
	"last_ts" timestamp with time zone,
	"state" bytea
)
IMMUTABLE PARALLEL SAFE COST 1000000
LANGUAGE c AS 'MODULE_PATHNAME', 'fit_series_wrapper';

CREATE FUNCTION "predict_series"(
	"state" bytea,
	"horizon" interval,
	"level" double precision,
	"quantiles" double precision[],
	"network" bytea DEFAULT NULL
) RETURNS TABLE (
	"ts" timestamp with time zone,
	"step" INT,
	"is_history" bool,
	"y" double precision,
	"yhat" double precision,
	"lower" double precision,
	"upper" double precision,
	"levels" double precision[],
	"q" double precision[],
	"model_used" TEXT,
	"status" TEXT
)
IMMUTABLE PARALLEL SAFE COST 10000
LANGUAGE c AS 'MODULE_PATHNAME', 'predict_series_wrapper';

CREATE FUNCTION "observe_series"(
	"state" bytea,
	"ts" timestamp with time zone,
	"y" double precision,
	"covariates" double precision[] DEFAULT NULL
) RETURNS TABLE (
	"status" TEXT,
	"last_ts" timestamp with time zone,
	"new_state" bytea
)
IMMUTABLE PARALLEL SAFE COST 1000
LANGUAGE c AS 'MODULE_PATHNAME', 'observe_series_wrapper';

ALTER FUNCTION fit_series(series, interval, text, float8, float8[], interval[], float8, float8, jsonb, interval, text, text, text, timestamptz, text, series[], bytea, jsonb, jsonb, timestamptz) ROWS 1;
ALTER FUNCTION predict_series(bytea, interval, float8, float8[], bytea) ROWS 60;
ALTER FUNCTION observe_series(bytea, timestamptz, float8, float8[]) ROWS 1;
COMMENT ON FUNCTION fit_series(series, interval, text, float8, float8[], interval[], float8, float8, jsonb, interval, text, text, text, timestamptz, text, series[], bytea, jsonb, jsonb, timestamptz) IS
    'A model fitted to a series, resampled before if there is a step, with its scores on the newest horizon; label shows in pg_stat_activity; a network is one of fit_network';
COMMENT ON FUNCTION predict_series(bytea, interval, float8, float8[], bytea) IS 'Forecast of a stored model from the last window it has seen, with the network that it was fitted with';
COMMENT ON FUNCTION observe_series(bytea, timestamptz, float8, float8[]) IS 'A stored model after the value of one more window; new_state is NULL unless status is ok';

CREATE FUNCTION "pool_member"(
	"s" series,
	"covariates" series[],
	"step" interval,
	"fill" TEXT,
	"agg" TEXT,
	"timezone" TEXT,
	"as_of" timestamp with time zone,
	"idx" bigint,
	"n" bigint
) RETURNS bytea
IMMUTABLE PARALLEL SAFE COST 1000
LANGUAGE c AS 'MODULE_PATHNAME', 'pool_member_wrapper';

CREATE FUNCTION "fit_network"(
	"members" bytea[],
	"horizon" interval,
	"periods" interval[],
	"options" jsonb,
	"label" TEXT DEFAULT NULL
) RETURNS bytea
IMMUTABLE PARALLEL SAFE COST 1000000000
LANGUAGE c AS 'MODULE_PATHNAME', 'fit_network_wrapper';

COMMENT ON FUNCTION pool_member(series, series[], interval, text, text, text, timestamptz, bigint, bigint) IS
    'What series idx of n gives to a pool: its newest windows and their covariates; NULL where it gives nothing';
COMMENT ON FUNCTION fit_network(bytea[], interval, interval[], jsonb, text) IS
    'One network trained on a pool, for fit_series and predict_series; label shows in pg_stat_activity';

-- Stage forecast: models with a name, fitted once and asked often.
--
-- A model belongs to the role that made it: a trigger on each table keeps others from changing it, so that no function here needs the rights
-- of somebody else. Only the owner fits, as himself: read by another role, a view that the owner chose would run with that role's rights.

CREATE SEQUENCE forecast_model_id AS bigint;
COMMENT ON SEQUENCE forecast_model_id IS 'Numbers models with a name';

CREATE TABLE forecast_model (
    forecast_model  bigint PRIMARY KEY DEFAULT nextval('prescale.forecast_model_id'),
    name            text NOT NULL UNIQUE CHECK (name <> ''),
    owner           name NOT NULL DEFAULT current_user,
    relation_schema name NOT NULL,
    relation_name   name NOT NULL,
    time_column     name NOT NULL,
    value_column    name NOT NULL,
    by_columns      name[] NOT NULL,
    horizon         interval NOT NULL,
    spec            jsonb NOT NULL,
    regressors      text,
    events          text,
    deployed        int,
    earlier         int[] NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE forecast_model IS 'Models with a name; made by create_model';
COMMENT ON COLUMN forecast_model.forecast_model IS 'Number of the model';
COMMENT ON COLUMN forecast_model.name IS 'Your name for it';
COMMENT ON COLUMN forecast_model.owner IS 'Role that made it; only this role fits it';
COMMENT ON COLUMN forecast_model.relation_schema IS 'Schema of the table or view, looked up by name at every fit';
COMMENT ON COLUMN forecast_model.relation_name IS 'Name of the table or view, looked up by name at every fit';
COMMENT ON COLUMN forecast_model.time_column IS 'Column with the time';
COMMENT ON COLUMN forecast_model.value_column IS 'Column with the value';
COMMENT ON COLUMN forecast_model.by_columns IS 'Columns that tell series apart; empty when the whole table is one series';
COMMENT ON COLUMN forecast_model.horizon IS 'How far it forecasts';
COMMENT ON COLUMN forecast_model.spec IS 'How it forecasts, as given to create_model; what is left out has its default';
COMMENT ON COLUMN forecast_model.regressors IS 'Table or view with regressors, looked up by name at every fit; NULL for none';
COMMENT ON COLUMN forecast_model.events IS 'Table or view with events, looked up by name at every fit; NULL for none';
COMMENT ON COLUMN forecast_model.deployed IS 'Version that predict asks; NULL before the first';
COMMENT ON COLUMN forecast_model.earlier IS 'Versions deployed before, each once, the one that rollback goes back to last';
COMMENT ON COLUMN forecast_model.created_at IS 'When it was made';

CREATE TABLE forecast_model_version (
    forecast_model bigint NOT NULL REFERENCES forecast_model ON DELETE CASCADE,
    version        int NOT NULL,
    fitted_at      timestamptz NOT NULL DEFAULT now(),
    as_of          timestamptz,
    horizon        interval NOT NULL,
    spec           jsonb NOT NULL,
    n_series       int NOT NULL DEFAULT 0,
    n_fitted       int NOT NULL DEFAULT 0,
    score          float8,
    network        bytea,
    PRIMARY KEY (forecast_model, version)
);
COMMENT ON TABLE forecast_model_version IS 'Every fit of a model, until newer ones take its place';
COMMENT ON COLUMN forecast_model_version.forecast_model IS 'Model';
COMMENT ON COLUMN forecast_model_version.version IS 'Number of the version, from 1';
COMMENT ON COLUMN forecast_model_version.fitted_at IS 'When it was fitted';
COMMENT ON COLUMN forecast_model_version.as_of IS 'Only rows before this time were seen; NULL for all';
COMMENT ON COLUMN forecast_model_version.horizon IS 'Horizon of the model at that time';
COMMENT ON COLUMN forecast_model_version.spec IS 'Spec of the model at that time';
COMMENT ON COLUMN forecast_model_version.n_series IS 'Series in the table';
COMMENT ON COLUMN forecast_model_version.n_fitted IS 'Series that can be forecast';
COMMENT ON COLUMN forecast_model_version.score IS 'Mean over the series of MASE on the newest horizon, which was held out; NULL when it could not be measured';
COMMENT ON COLUMN forecast_model_version.network IS 'The network that forecasts all series of a pooled model; NULL for others';

CREATE TABLE forecast_model_series (
    forecast_model bigint NOT NULL,
    version        int NOT NULL,
    key            jsonb NOT NULL,
    status         text NOT NULL,
    metrics        jsonb NOT NULL,
    fit_ms         float8 NOT NULL,
    last_ts        timestamptz,
    n_observed     bigint NOT NULL DEFAULT 0,
    state          bytea,
    PRIMARY KEY (forecast_model, version, key),
    FOREIGN KEY (forecast_model, version) REFERENCES forecast_model_version ON DELETE CASCADE
);
COMMENT ON TABLE forecast_model_series IS 'What a version knows about each series';
COMMENT ON COLUMN forecast_model_series.forecast_model IS 'Model';
COMMENT ON COLUMN forecast_model_series.version IS 'Version';
COMMENT ON COLUMN forecast_model_series.key IS 'Which series: the columns that tell them apart, with their values';
COMMENT ON COLUMN forecast_model_series.status IS 'As of forecast; or the error that this series met';
COMMENT ON COLUMN forecast_model_series.metrics IS 'What was fitted, to what, and how well it forecast the newest horizon, which was held out';
COMMENT ON COLUMN forecast_model_series.fit_ms IS 'Time that fit and scoring took';
COMMENT ON COLUMN forecast_model_series.last_ts IS 'Start of the last window that it has seen; observe moves it on';
COMMENT ON COLUMN forecast_model_series.n_observed IS 'Values taken in by observe since the fit';
COMMENT ON COLUMN forecast_model_series.state IS 'The fitted model; NULL where there is none';

-- Inserts are the inserter's own; of others' models operators change which version is deployed, and no more. The owner of the tables deletes what its
-- owner left behind, and so do foreign keys in his name. A restore by a superuser keeps what was.
CREATE FUNCTION check_model_right() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    models bigint[];
    model forecast_model;
BEGIN
    IF (SELECT r.rolsuper FROM pg_roles r WHERE r.rolname = current_user)
        OR TG_OP = 'DELETE' AND current_user = (SELECT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = TG_RELID) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_TABLE_NAME = 'forecast_model' THEN
        IF TG_OP = 'INSERT' THEN
            NEW.owner := current_user;
            RETURN NEW;
        ELSIF TG_OP = 'UPDATE' THEN
            NEW.owner := OLD.owner;
            NEW.forecast_model := OLD.forecast_model;
            model := OLD;
            model.deployed := NEW.deployed;
            model.earlier := NEW.earlier;
            IF model IS NOT DISTINCT FROM NEW THEN
                RETURN NEW;
            END IF;
        END IF;
    END IF;
    models := CASE TG_OP WHEN 'INSERT' THEN ARRAY[NEW.forecast_model] WHEN 'DELETE' THEN ARRAY[OLD.forecast_model]
                         ELSE ARRAY[OLD.forecast_model, NEW.forecast_model] END;
    FOR model IN SELECT m.* FROM forecast_model m WHERE m.forecast_model = ANY (models) LOOP
        PERFORM check_model_owner(model);
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
COMMENT ON FUNCTION check_model_right() IS 'Refuses changes of a model by others than its owner, but for the version deployed';

CREATE FUNCTION check_model_owner(model forecast_model) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = model.owner AND pg_has_role(r.oid, 'USAGE')) THEN
        RAISE EXCEPTION 'permission denied for model "%": it belongs to role "%"', model.name, model.owner USING ERRCODE = 'insufficient_privilege',
            HINT = 'Make a model of your own with create_model, or act as a member of that role.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_model_owner(forecast_model) IS 'Raises 42501 for a model of a role that one is not a member of';

CREATE TRIGGER check_model_right BEFORE INSERT OR UPDATE OR DELETE ON forecast_model FOR EACH ROW EXECUTE FUNCTION check_model_right();
COMMENT ON TRIGGER check_model_right ON forecast_model IS 'Refuses changes of a model by others than its owner, but for the version deployed';
CREATE TRIGGER check_model_right BEFORE INSERT OR UPDATE OR DELETE ON forecast_model_version FOR EACH ROW EXECUTE FUNCTION check_model_right();
COMMENT ON TRIGGER check_model_right ON forecast_model_version IS 'Refuses changes of a model by others than its owner';
CREATE TRIGGER check_model_right BEFORE INSERT OR UPDATE OR DELETE ON forecast_model_series FOR EACH ROW EXECUTE FUNCTION check_model_right();
COMMENT ON TRIGGER check_model_right ON forecast_model_series IS 'Refuses changes of a model by others than its owner';

CREATE FUNCTION find_model(name text) RETURNS forecast_model
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    model forecast_model;
BEGIN
    SELECT m.* INTO model FROM forecast_model m WHERE m.name = find_model.name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM prescale.forecast_model lists the models.';
    END IF;
    RETURN model;
END
$$;
COMMENT ON FUNCTION find_model(text) IS 'The model of this name; raises 42704 when there is none';

CREATE FUNCTION read_model_spec(spec jsonb, OUT model text, OUT level float8, OUT quantiles float8[], OUT periods interval[], OUT floor float8, OUT ceiling float8,
                                OUT options jsonb, OUT step interval, OUT fill text, OUT agg text, OUT timezone text, OUT keep int, OUT pooled bool, OUT covariates name[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    known text[] := '{model,level,quantiles,periods,floor,ceiling,options,step,fill,agg,timezone,keep,pooled,covariates}';
    unknown text;
BEGIN
    IF spec IS NULL OR jsonb_typeof(spec) <> 'object' THEN
        RAISE EXCEPTION 'spec must be a JSON object, not %', coalesce(spec::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Known keys: %s.', array_to_string(known, ', '));
    END IF;
    SELECT k INTO unknown FROM jsonb_object_keys(spec) k WHERE k <> ALL (known) ORDER BY k LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'spec key "%" is not known', unknown USING ERRCODE = 'invalid_parameter_value', HINT = format('Known keys: %s.', array_to_string(known, ', '));
    END IF;
    SELECT coalesce(s.model, 'auto'), coalesce(s.level, 0.95), s.quantiles, s.periods, s.floor, s.ceiling, coalesce(s.options, '{}'),
           s.step, coalesce(s.fill, 'none'), coalesce(s.agg, 'mean'), coalesce(s.timezone, 'UTC'), coalesce(s.keep, 5),
           coalesce(s.pooled, false), coalesce(s.covariates, '{}')
    INTO model, level, quantiles, periods, floor, ceiling, options, step, fill, agg, timezone, keep, pooled, covariates
    FROM jsonb_to_record(spec) s (model text, level float8, quantiles float8[], periods interval[], floor float8, ceiling float8, options jsonb,
                                  step interval, fill text, agg text, timezone text, keep int, pooled bool, covariates name[]);
    IF keep NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION 'keep must be 1 to 1000, not %', keep USING ERRCODE = 'invalid_parameter_value', HINT = 'It is the number of versions that are kept; 5 if left out.';
    END IF;
    IF step IS NULL AND spec ?| '{fill,agg,timezone}' THEN
        RAISE EXCEPTION 'spec has fill, agg or timezone, but no step' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'They say how to resample to windows of length step, such as "step": "5 minutes".';
    END IF;
    IF model <> 'lstm' AND pooled THEN
        RAISE EXCEPTION 'model "%" takes no pooled', model USING ERRCODE = 'invalid_parameter_value', HINT = 'Only a network learns from many series at once: "model": "lstm".';
    END IF;
    IF pooled AND (step IS NULL OR options ?| '{transform,clean}') THEN
        RAISE EXCEPTION 'a pooled model %', CASE WHEN step IS NULL THEN 'needs a step' ELSE 'takes no transform and no clean' END
            USING ERRCODE = 'invalid_parameter_value', HINT = 'One network reads all series in windows of one length, such as "step": "5 minutes", on a scale of its own.';
    END IF;
EXCEPTION WHEN invalid_text_representation OR invalid_datetime_format OR numeric_value_out_of_range OR datetime_field_overflow THEN
    RAISE EXCEPTION 'spec % is not valid: %', spec, SQLERRM USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Numbers: level, floor, ceiling, keep; intervals: step; arrays: quantiles, periods, covariates; an object: options; names: model, fill, agg, timezone; true or false: pooled.';
END
$$;
COMMENT ON FUNCTION read_model_spec(jsonb) IS 'The spec of a model with its defaults; raises 22023 for what is not known or not valid';

CREATE FUNCTION qualified_name(rel regclass) RETURNS text
LANGUAGE sql STABLE
RETURN (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = rel);
COMMENT ON FUNCTION qualified_name(regclass) IS 'Name of a relation with its schema, quoted where needed';

-- Nothing is read, but PostgreSQL looks at rights.
CREATE FUNCTION check_model_relation(rel regclass, columns name[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF (SELECT c.relpersistence = 't' FROM pg_class c WHERE c.oid = rel) THEN
        RAISE EXCEPTION 'relation "%" is temporary', rel USING ERRCODE = 'wrong_object_type', HINT = 'A model is fitted again in other sessions: name a table that stays.';
    ELSIF rel IS NOT NULL THEN
        PERFORM check_column(rel, c) FROM unnest(columns) c;
        EXECUTE format('SELECT FROM %s LIMIT 0', rel);
    END IF;
END
$$;
COMMENT ON FUNCTION check_model_relation(regclass, name[]) IS 'Raises where a model cannot read a relation, now or in another session, or columns are missing';

CREATE FUNCTION check_model_influences(regressors regclass, events regclass, by name[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    numbers name[] := ARRAY(SELECT a.attname FROM pg_attribute a
                            WHERE a.attrelid = regressors AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL ('{ts}'::name[] || by) ORDER BY a.attnum);
    odd name;
BEGIN
    PERFORM check_model_relation(regressors, '{ts}'), check_column_types(regressors, '{ts}', 'time'), check_column_types(regressors, numbers, 'number or truth value'),
            check_model_relation(events, '{name,since}'), check_column_types(events, '{since,until}', 'time'), check_column_types(events, '{name}', 'text');
    IF regressors IS NOT NULL AND numbers = '{}' THEN
        RAISE EXCEPTION 'relation "%" has no regressor', regressors USING ERRCODE = 'invalid_parameter_value', HINT = 'Each column beside ts and those in by is one.';
    END IF;
    SELECT a.attname INTO odd FROM pg_attribute a
    WHERE a.attrelid = events AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL ('{name,since,until}'::name[] || by) ORDER BY a.attnum LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'column "%" of relation "%" is none of events', odd, events USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a view with name, since, until and, where events are not for all series, columns of by.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_model_influences(regclass, regclass, name[]) IS 'Raises for a relation that is no table of regressors or of events for series by these columns';

CREATE FUNCTION columns_among(relation text, columns name[]) RETURNS name[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF to_regclass(relation) IS NULL AND relation IS NOT NULL THEN
        RAISE EXCEPTION 'relation "%" does not exist', relation USING ERRCODE = 'undefined_table', HINT = 'The model reads regressors or events from it: name another one with create_model.';
    END IF;
    RETURN ARRAY(SELECT c FROM unnest(columns) c JOIN pg_attribute a ON a.attrelid = to_regclass(relation) AND a.attname = c AND a.attnum > 0 AND NOT a.attisdropped);
END
$$;
COMMENT ON FUNCTION columns_among(text, name[]) IS 'Which of the columns a relation has; none without a relation; raises 42P01 for one that does not exist';

-- A value of the same type as that of the key is compared as what it is, so that an index serves; others as in rows_for.
CREATE FUNCTION rows_of_key(relation text, by name[], keyed name[], series_of regclass, key jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, prescale, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    rows_of regclass := to_regclass(relation);
    condition text := '';
    found jsonb;
BEGIN
    IF rows_of IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(' WHERE ' || string_agg(CASE WHEN key ->> c IS NULL THEN format('r.%I IS NULL', c)
                                                 WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN format('r.%I::text = %L', c, key ->> c)
                                                 WHEN a.atttypid = b.atttypid AND t.typnamespace = 'pg_catalog'::regnamespace
                                                 THEN format('r.%1$I = (SELECT k.%1$I FROM jsonb_to_record(%2$L) k (%1$I %3$s))', c, jsonb_build_object(c, key -> c), format_type(a.atttypid, a.atttypmod))
                                                 ELSE format('(to_jsonb(r.%1$I) = %2$L OR to_jsonb(r.%1$I) #>> ''{}'' = %3$L)', c, key -> c, key ->> c) END, ' AND '), '') INTO condition
    FROM unnest(keyed) c JOIN pg_attribute a ON a.attrelid = rows_of AND a.attname = c JOIN pg_attribute b ON b.attrelid = series_of AND b.attname = c
    JOIN pg_type t ON t.oid = a.atttypid;
    EXECUTE format('SELECT jsonb_agg(to_jsonb(r.*) - %L::text[]) FROM %s r%s', by, rows_of, condition) INTO found;
    RETURN found;
END
$$;
COMMENT ON FUNCTION rows_of_key(text, name[], name[], regclass, jsonb) IS
    'Rows of a relation as JSON without the columns in by: those with the values that a key of a table of series has in the columns keyed; all rows without any';

CREATE FUNCTION create_model(
    name text,
    rel regclass,
    time_col name,
    value_col name,
    by name[] DEFAULT '{}',
    horizon interval DEFAULT NULL,
    spec jsonb DEFAULT '{}',
    regressors regclass DEFAULT NULL,
    events regclass DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    asked record := read_model_spec(spec);
    query text := series_query(rel, time_col, value_col, by, asked.covariates, asked.timezone);
    none CONSTANT series := '{"format": 1, "ts": [], "value": []}';
    id bigint;
BEGIN
    IF coalesce(name, '') = '' OR horizon IS NULL THEN
        RAISE EXCEPTION 'a model needs a name and a horizon' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example: create_model(''demand'', ''metric'', ''ts'', ''value'', by => ''{service}'', horizon => ''1 hour'').';
    END IF;
    PERFORM check_model_relation(rel, '{}'), check_model_influences(regressors, events, by);
    IF asked.pooled AND (regressors IS NOT NULL OR events IS NOT NULL) THEN
        RAISE EXCEPTION 'a pooled model takes no regressors and no events' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the network what it shall read as covariates, or leave pooled out.';
    END IF;
    -- Nothing is read: PostgreSQL looks at rights and types, core at the values of the spec.
    EXECUTE format('SELECT FROM (%s) q LIMIT 0', query);
    PERFORM fit_series(none, horizon, asked.model, asked.level, asked.quantiles, asked.periods, asked.floor, asked.ceiling, asked.options, asked.step, asked.fill,
                       asked.agg, asked.timezone, covariates => array_fill(none, ARRAY[cardinality(asked.covariates)]));
    INSERT INTO forecast_model AS m (name, relation_schema, relation_name, time_column, value_column, by_columns, horizon, spec, regressors, events)
    SELECT name, n.nspname, c.relname, time_col, value_col, by, horizon, spec, qualified_name(regressors), qualified_name(events) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = rel
    ON CONFLICT ON CONSTRAINT forecast_model_name_key DO UPDATE
    SET relation_schema = excluded.relation_schema, relation_name = excluded.relation_name, time_column = excluded.time_column, value_column = excluded.value_column,
        by_columns = excluded.by_columns, horizon = excluded.horizon, spec = excluded.spec, regressors = excluded.regressors, events = excluded.events
    RETURNING m.forecast_model INTO id;
    RETURN id;
END
$$;
COMMENT ON FUNCTION create_model(text, regclass, name, name, name[], interval, jsonb, regclass, regclass) IS
    'Gives a name to a way of forecasting the series of a table, or changes it; versions fitted before stay';

-- Series are read one at a time, sorted: hashed groups would hold all of them in memory at once. Times and keys are those of UTC, whoever fits.
CREATE FUNCTION fit(name text, as_of timestamptz DEFAULT NULL) RETURNS TABLE (key jsonb, version int, status text, metrics jsonb)
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off SET timezone = 'UTC' AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    asked record := read_model_spec(model.spec);
    relation regclass;
    query text;
    series refcursor;
    one record;
    fitted record;
    network bytea;
    began timestamptz;
    n_series int := 0;
    total bigint := 1;
    regressors_by name[] := array_remove(model.by_columns, 'ts');
    events_by name[] := keys_of_events(model.by_columns);
    regressors_keyed name[] := columns_among(model.regressors, regressors_by);
    events_keyed name[] := columns_among(model.events, events_by);
    regressors jsonb;
    events jsonb;
    is_stray bool;
BEGIN
    IF model.owner <> current_user THEN
        RAISE EXCEPTION 'permission denied for model "%": only its owner fits it, role "%"', model.name, model.owner USING ERRCODE = 'insufficient_privilege',
            HINT = format('SET ROLE %I; what its owner chose to read would run with your rights.', model.owner);
    END IF;
    relation := to_regclass(format('%I.%I', model.relation_schema, model.relation_name));
    IF relation IS NULL THEN
        RAISE EXCEPTION 'relation "%.%" of model "%" does not exist', model.relation_schema, model.relation_name, model.name USING ERRCODE = 'undefined_table',
            HINT = 'Name another one with create_model.';
    END IF;
    query := series_query(relation, model.time_column, model.value_column, model.by_columns, asked.covariates, asked.timezone);
    PERFORM check_model_influences(to_regclass(model.regressors), to_regclass(model.events), model.by_columns);
    version := add_model_version(model, as_of);
    IF cardinality(model.by_columns) > 0 THEN
        EXECUTE format('SELECT count(*) FROM (%s) q', series_query(relation, model.time_column, model.value_column, model.by_columns)) INTO total;
    END IF;
    IF asked.pooled THEN
        network := fit_pool(model, query, total, as_of);
        UPDATE forecast_model_version v SET network = network WHERE v.forecast_model = model.forecast_model AND v.version = version;
    END IF;
    -- What is the same for all series is read once.
    IF regressors_keyed = '{}' THEN
        regressors := rows_of_key(model.regressors, regressors_by, '{}', relation, NULL);
    END IF;
    IF events_keyed = '{}' THEN
        events := rows_of_key(model.events, events_by, '{}', relation, NULL);
    END IF;
    OPEN series FOR EXECUTE query;
    LOOP
        FETCH series INTO one;
        EXIT WHEN NOT FOUND;
        n_series := n_series + 1;
        key := one.key;
        began := clock_timestamp();
        BEGIN
            IF regressors_keyed <> '{}' THEN
                regressors := rows_of_key(model.regressors, regressors_by, regressors_keyed, relation, key);
            END IF;
            IF events_keyed <> '{}' THEN
                events := rows_of_key(model.events, events_by, events_keyed, relation, key);
                is_stray := coalesce(is_stray, true) AND events IS NULL;
            END IF;
            PERFORM check_regressors(regressors, model.regressors IS NOT NULL, one.s);
            SELECT f.* INTO fitted FROM fit_series(one.s, model.horizon, asked.model, asked.level, asked.quantiles, asked.periods, asked.floor, asked.ceiling,
                asked.options, asked.step, asked.fill, asked.agg, asked.timezone, as_of, format('fit "%s": series %s of %s', model.name, n_series, total), one.covariates, network, regressors, events, now()) f;
            status := fitted.status;
            metrics := fitted.metrics;
        EXCEPTION WHEN OTHERS THEN
            SELECT NULL::timestamptz AS last_ts, NULL::bytea AS state INTO fitted;
            status := format('error %s: %s', SQLSTATE, SQLERRM);
            metrics := '{}';
        END;
        -- An index entry takes up to 2,704 bytes.
        IF pg_column_size(key) > 2000 THEN
            status := format('error 54000: the key takes %s bytes, more than 2000', pg_column_size(key));
        ELSE
            INSERT INTO forecast_model_series VALUES (model.forecast_model, version, key, status, metrics, extract(epoch FROM clock_timestamp() - began) * 1000,
                fitted.last_ts, 0, fitted.state);
        END IF;
        RETURN NEXT;
    END LOOP;
    CLOSE series;
    IF is_stray THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', to_regclass(model.events)) INTO is_stray;
        IF is_stray THEN
            RAISE WARNING 'no event of "%" is for any of the series', model.events USING HINT = format('Its values in %s are compared with those of the series.', array_to_string(events_keyed, ', '));
        END IF;
    END IF;
    PERFORM finish_model_version(model, version, n_series, asked.keep);
END
$$;
COMMENT ON FUNCTION fit(text, timestamptz) IS 'Fits a model anew to every series of its table and scores it on the newest horizon, held out; makes a new version';

-- A series that cannot be read gets its error from the fit; here it only gives nothing.
CREATE FUNCTION fit_pool(model forecast_model, query text, total bigint, as_of timestamptz) RETURNS bytea
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off SET timezone = 'UTC' AS $$
#variable_conflict use_variable
DECLARE
    asked record := read_model_spec(model.spec);
    series refcursor;
    one record;
    member bytea;
    members bytea[] := '{}';
    n_series bigint := 0;
BEGIN
    OPEN series FOR EXECUTE query;
    LOOP
        FETCH series INTO one;
        EXIT WHEN NOT FOUND;
        BEGIN
            member := pool_member(one.s, one.covariates, asked.step, asked.fill, asked.agg, asked.timezone, as_of, n_series, total);
            IF member IS NOT NULL THEN
                members := array_append(members, member);
            END IF;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
        n_series := n_series + 1;
    END LOOP;
    CLOSE series;
    RETURN fit_network(members, model.horizon, asked.periods, asked.options, format('fit "%s": network', model.name));
END
$$;
COMMENT ON FUNCTION fit_pool(forecast_model, text, bigint, timestamptz) IS 'One network trained on all series of a query; reads the newest windows of each, 32 MB in all at most';

CREATE FUNCTION add_model_version(model forecast_model, as_of timestamptz) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    added int;
BEGIN
    LOOP
        BEGIN
            INSERT INTO forecast_model_version (forecast_model, version, as_of, horizon, spec)
            SELECT model.forecast_model, coalesce(max(v.version), 0) + 1, add_model_version.as_of, model.horizon, model.spec
            FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model
            RETURNING forecast_model_version.version INTO added;
            RETURN added;
        EXCEPTION WHEN unique_violation THEN
            -- Another session was fitting it; this one waited for its end and takes the next number. Where one snapshot holds throughout, that number stays hidden.
            IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
                RAISE EXCEPTION 'model "%" was fitted by another session meanwhile', model.name USING ERRCODE = 'serialization_failure', HINT = 'Try again.';
            END IF;
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION add_model_version(forecast_model, timestamptz) IS 'Begins the next version of a model; waits for another session that fits it';

CREATE FUNCTION finish_model_version(model forecast_model, version int, n_series int, keep int) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    now_deployed forecast_model;
    gone int[];
BEGIN
    UPDATE forecast_model_version v SET n_series = finish_model_version.n_series, n_fitted = f.n_fitted, score = f.score
    FROM (SELECT count(s.state) AS n_fitted, avg((s.metrics ->> 'mase')::float8) AS score
          FROM forecast_model_series s WHERE s.forecast_model = model.forecast_model AND s.version = finish_model_version.version) f
    WHERE v.forecast_model = model.forecast_model AND v.version = finish_model_version.version;
    -- From here to the end of the transaction nobody deploys what is about to go.
    SELECT m.* INTO now_deployed FROM forecast_model m WHERE m.forecast_model = model.forecast_model FOR NO KEY UPDATE;
    WITH old AS (
        DELETE FROM forecast_model_version v
        WHERE v.forecast_model = model.forecast_model
          AND v.version NOT IN (SELECT k.version FROM forecast_model_version k WHERE k.forecast_model = model.forecast_model ORDER BY k.version DESC LIMIT keep)
          AND v.version IS DISTINCT FROM now_deployed.deployed AND v.version IS DISTINCT FROM now_deployed.earlier[cardinality(now_deployed.earlier)]
        RETURNING v.version
    )
    SELECT coalesce(array_agg(o.version), '{}') INTO gone FROM old o;
    UPDATE forecast_model m
    SET earlier = ARRAY(SELECT e FROM unnest(m.earlier) WITH ORDINALITY u (e, i) WHERE e <> ALL (gone) ORDER BY i),
        deployed = coalesce(m.deployed, (SELECT v.version FROM forecast_model_version v
                                         WHERE v.forecast_model = model.forecast_model AND v.version = finish_model_version.version AND v.n_fitted > 0))
    WHERE m.forecast_model = model.forecast_model AND (m.deployed IS NULL OR m.earlier && gone);
END
$$;
COMMENT ON FUNCTION finish_model_version(forecast_model, int, int, int) IS
    'Scores a version, deletes versions beyond those to keep (never the deployed or the previous one) and deploys the first';

CREATE FUNCTION observe(name text, key jsonb, ts timestamptz, y float8, covariates float8[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE COST 1000 SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    known forecast_model_series;
    after record;
BEGIN
    PERFORM check_model_owner(model);
    IF key IS NULL OR ts IS NULL THEN
        RAISE EXCEPTION 'key and ts must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = 'The key of a model without by columns is ''{}''.';
    END IF;
    SELECT s.* INTO known FROM forecast_model_series s
    WHERE s.forecast_model = model.forecast_model AND s.version = model.deployed AND s.key = key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown_series';
    ELSIF known.state IS NULL THEN
        RETURN 'refit_needed';
    ELSIF y IS NULL THEN
        RETURN 'no_value';
    END IF;
    -- Of a model that resamples, a time within a window is one of that window, also where the next one is nearer.
    ts := coalesce((SELECT w.ts FROM forecast_model_version v, read_model_spec(v.spec) r, regularize((SELECT series_agg(ts, 0)), r.step, 'none', r.agg, r.timezone) w
                    WHERE v.forecast_model = known.forecast_model AND v.version = known.version), ts);
    SELECT o.* INTO after FROM observe_series(known.state, ts, y, covariates) o;
    IF after.status = 'ok' THEN
        UPDATE forecast_model_series s SET state = after.new_state, last_ts = after.last_ts, n_observed = s.n_observed + 1
        WHERE s.forecast_model = known.forecast_model AND s.version = known.version AND s.key = known.key;
    END IF;
    RETURN after.status;
END
$$;
COMMENT ON FUNCTION observe(text, jsonb, timestamptz, float8, float8[]) IS
    'Takes the value of one window into the deployed version of a model, without a fit: ok, or a status that says why not';

CREATE TYPE model_forecast AS (
    key        jsonb,
    version    int,
    ts         timestamptz,
    step       int,
    is_history bool,
    y          float8,
    yhat       float8,
    lower      float8,
    upper      float8,
    levels     float8[],
    q          float8[],
    model_used text,
    status     text
);
COMMENT ON TYPE model_forecast IS 'A row of predict: the columns of forecast, the series and the version that made it';

CREATE FUNCTION predict(name text, horizon interval DEFAULT NULL, key jsonb DEFAULT NULL, level float8 DEFAULT NULL, quantiles float8[] DEFAULT NULL)
RETURNS SETOF model_forecast
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    fitted forecast_model_version;
BEGIN
    SELECT v.* INTO fitted FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model AND v.version = model.deployed;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'model "%" has no deployed version', name USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Fit it: SELECT * FROM prescale.fit(name); the first version with a fitted series is deployed at once.';
    END IF;
    SELECT coalesce(level, f.level), coalesce(quantiles, f.quantiles) INTO level, quantiles FROM jsonb_to_record(fitted.spec) f (level float8, quantiles float8[]);
    RETURN QUERY
        SELECT s.key, s.version, p.ts, p.step, coalesce(p.is_history, false), p.y, p.yhat, p.lower, p.upper, coalesce(p.levels, quantiles, '{}'), p.q,
               coalesce(p.model_used, 'none'), coalesce(p.status, s.status)
        FROM forecast_model_series s
        LEFT JOIN LATERAL predict_series(s.state, coalesce(horizon, fitted.horizon), level, quantiles, fitted.network) p ON true
        WHERE s.forecast_model = fitted.forecast_model AND s.version = fitted.version AND (key IS NULL OR s.key = key);
    IF NOT FOUND AND key IS NOT NULL THEN
        RAISE EXCEPTION 'version % of model "%" has no series %', fitted.version, name, key USING ERRCODE = 'undefined_object',
            HINT = 'SELECT key FROM prescale.forecast_model_series lists the series; a new fit takes new ones in.';
    END IF;
END
$$;
COMMENT ON FUNCTION predict(text, interval, jsonb, float8, float8[]) IS
    'Forecasts of the deployed version of a model from the last window it has seen, for all series or one; no table of measurements is read';

CREATE FUNCTION deploy(name text, version text) RETURNS int
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    model forecast_model := find_model(name);
    wanted int;
BEGIN
    -- Looked at again under a lock that a fit takes too before it deletes versions.
    SELECT m.* INTO model FROM forecast_model m WHERE m.forecast_model = model.forecast_model FOR NO KEY UPDATE;
    IF version = 'most_recent' THEN
        wanted := (SELECT max(v.version) FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model AND v.n_fitted > 0);
    ELSIF version = 'best_score' THEN
        wanted := best_model_version(model.forecast_model);
    ELSIF version = 'previous' THEN
        wanted := model.earlier[cardinality(model.earlier)];
        IF wanted IS NULL THEN
            RAISE EXCEPTION 'model "%" has no version to go back to', name USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'None was deployed before this one, or all of them were gone back over; deploy a version by its number.';
        END IF;
    ELSIF version ~ '^[0-9]{1,9}$' THEN
        wanted := (SELECT v.version FROM forecast_model_version v WHERE v.forecast_model = model.forecast_model AND v.version = deploy.version::int AND v.n_fitted > 0);
    ELSE
        RAISE EXCEPTION 'version "%" is not known', coalesce(version, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the number of a version, best_score, most_recent or previous.';
    END IF;
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'model "%" has no version "%" to deploy', name, version USING ERRCODE = 'undefined_object',
            HINT = 'SELECT version, n_fitted, score FROM prescale.forecast_model_version lists the versions; one without a fitted series is not deployed.';
    END IF;
    UPDATE forecast_model m
    SET deployed = wanted,
        earlier = CASE WHEN version = 'previous' THEN m.earlier[:cardinality(m.earlier) - 1]
                       ELSE array_remove(array_remove(m.earlier, wanted) || m.deployed, NULL) END
    WHERE m.forecast_model = model.forecast_model AND m.deployed IS DISTINCT FROM wanted;
    RETURN wanted;
END
$$;
COMMENT ON FUNCTION deploy(text, text) IS 'Says which version predict asks: a number, best_score, most_recent or previous; returns it';

CREATE FUNCTION deploy(name text, version int) RETURNS int
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS 'SELECT prescale.deploy(name, version::text)';
COMMENT ON FUNCTION deploy(text, int) IS 'Says which version predict asks; returns it';

-- Versions may know different series: they are compared by those that all of them scored, where there are any.
CREATE FUNCTION best_model_version(forecast_model bigint) RETURNS int
LANGUAGE sql STABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
    WITH scored AS (
        SELECT s.version, s.key, (s.metrics ->> 'mase')::float8 AS mase FROM forecast_model_series s
        WHERE s.forecast_model = best_model_version.forecast_model AND s.metrics ->> 'mase' IS NOT NULL
    ), common AS (
        SELECT s.key FROM scored s GROUP BY s.key HAVING count(*) = (SELECT count(DISTINCT version) FROM scored)
    )
    SELECT s.version FROM scored s WHERE s.key IN (SELECT c.key FROM common c) OR NOT EXISTS (SELECT FROM common)
    GROUP BY s.version ORDER BY avg(s.mase), s.version DESC LIMIT 1
$$;
COMMENT ON FUNCTION best_model_version(bigint) IS 'The version with the least mean MASE out of sample, over the series that all versions scored';

CREATE FUNCTION rollback(name text) RETURNS int
LANGUAGE sql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$SELECT prescale.deploy(name, 'previous')$$;
COMMENT ON FUNCTION rollback(text) IS 'Deploys the version that was deployed before this one; called again, the one before that';

CREATE FUNCTION drop_model(name text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
DECLARE
    model forecast_model := find_model(name);
BEGIN
    DELETE FROM forecast_model m WHERE m.forecast_model = model.forecast_model;
END
$$;
COMMENT ON FUNCTION drop_model(text) IS 'Forgets a model with all its versions; the table itself is left alone';

ALTER SEQUENCE forecast_model_id OWNER TO @extowner@;
ALTER TABLE forecast_model OWNER TO @extowner@;
ALTER TABLE forecast_model_version OWNER TO @extowner@;
ALTER TABLE forecast_model_series OWNER TO @extowner@;
SELECT pg_extension_config_dump('forecast_model', '');
SELECT pg_extension_config_dump('forecast_model_id', '');
SELECT pg_extension_config_dump('forecast_model_series', '');
SELECT pg_extension_config_dump('forecast_model_version', '');

CREATE FUNCTION "backtest"(
	"s" series,
	"horizon" interval,
	"step" interval DEFAULT NULL,
	"windows" INT DEFAULT 5,
	"models" TEXT[] DEFAULT '{auto,ensemble,ets,theta,mstl,seasonal_naive,last_value}',
	"level" double precision DEFAULT 0.95,
	"quantiles" double precision[] DEFAULT NULL,
	"periods" interval[] DEFAULT NULL,
	"floor" double precision DEFAULT NULL,
	"ceiling" double precision DEFAULT NULL,
	"as_of" timestamp with time zone DEFAULT NULL,
	"options" jsonb DEFAULT '{}',
	"regressors" jsonb DEFAULT NULL,
	"events" jsonb DEFAULT NULL,
	"covariates" series[] DEFAULT NULL
) RETURNS TABLE (
	"model" TEXT,
	"origin" timestamp with time zone,
	"n" bigint,
	"mae" double precision,
	"rmse" double precision,
	"smape" double precision,
	"mase" double precision,
	"pinball" double precision,
	"coverage" double precision,
	"msis" double precision,
	"fit_ms" double precision,
	"status" TEXT
)
VOLATILE PARALLEL SAFE COST 1000000
LANGUAGE c AS 'MODULE_PATHNAME', 'backtest_wrapper';

CREATE FUNCTION "calibration"(
	"s" series,
	"horizon" interval,
	"step" interval DEFAULT NULL,
	"windows" INT DEFAULT 20,
	"models" TEXT[] DEFAULT '{auto}',
	"levels" double precision[] DEFAULT '{0.5,0.8,0.9,0.95,0.99}',
	"periods" interval[] DEFAULT NULL,
	"floor" double precision DEFAULT NULL,
	"ceiling" double precision DEFAULT NULL,
	"as_of" timestamp with time zone DEFAULT NULL,
	"options" jsonb DEFAULT '{}',
	"regressors" jsonb DEFAULT NULL,
	"events" jsonb DEFAULT NULL,
	"covariates" series[] DEFAULT NULL
) RETURNS TABLE (
	"model" TEXT,
	"level" double precision,
	"n" bigint,
	"coverage" double precision,
	"below" double precision,
	"above" double precision,
	"width" double precision,
	"pinball" double precision,
	"msis" double precision
)
IMMUTABLE PARALLEL SAFE COST 1000000
LANGUAGE c AS 'MODULE_PATHNAME', 'calibration_wrapper';

ALTER FUNCTION backtest(series, interval, interval, int, text[], float8, float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) ROWS 35;

COMMENT ON FUNCTION backtest(series, interval, interval, int, text[], float8, float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'How good models would have been: forecasts at earlier origins of the series, each from what was known then, scored by what came';

ALTER FUNCTION calibration(series, interval, interval, int, text[], float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) ROWS 5;

COMMENT ON FUNCTION calibration(series, interval, interval, int, text[], float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'Whether bounds hold what they promise: at earlier origins of the series, how often the value lay within the bounds of each level';

CREATE FUNCTION "explain_forecast"(
	"s" series,
	"horizon" interval,
	"model" TEXT DEFAULT 'auto',
	"level" double precision DEFAULT 0.95,
	"periods" interval[] DEFAULT NULL,
	"floor" double precision DEFAULT NULL,
	"ceiling" double precision DEFAULT NULL,
	"as_of" timestamp with time zone DEFAULT NULL,
	"options" jsonb DEFAULT '{}',
	"regressors" jsonb DEFAULT NULL,
	"events" jsonb DEFAULT NULL,
	"covariates" series[] DEFAULT NULL
) RETURNS TABLE (
	"ts" timestamp with time zone,
	"step" INT,
	"is_history" bool,
	"y" double precision,
	"y_adjusted" double precision,
	"yhat" double precision,
	"lower" double precision,
	"upper" double precision,
	"trend" double precision,
	"seasonal" jsonb,
	"event_effect" double precision,
	"step_change" double precision,
	"residual" double precision,
	"model_used" TEXT,
	"status" TEXT
)
IMMUTABLE PARALLEL SAFE COST 100000
LANGUAGE c AS 'MODULE_PATHNAME', 'explain_forecast_wrapper';

CREATE FUNCTION "fit_report"(
	"s" series,
	"horizon" interval DEFAULT '1 hour',
	"model" TEXT DEFAULT 'auto',
	"periods" interval[] DEFAULT NULL,
	"floor" double precision DEFAULT NULL,
	"ceiling" double precision DEFAULT NULL,
	"as_of" timestamp with time zone DEFAULT NULL,
	"options" jsonb DEFAULT '{}',
	"regressors" jsonb DEFAULT NULL,
	"events" jsonb DEFAULT NULL,
	"covariates" series[] DEFAULT NULL
) RETURNS TABLE (
	"model_used" TEXT,
	"form" TEXT,
	"params" jsonb,
	"step" interval,
	"periods_used" interval[],
	"n_obs" bigint,
	"n_gap" bigint,
	"n_dup" bigint,
	"n_imputed" bigint,
	"outliers" timestamp with time zone[],
	"level_shift" timestamp with time zone,
	"aicc" double precision,
	"resid_sd" double precision,
	"fit_ms" double precision,
	"status" TEXT,
	"message" TEXT
)
VOLATILE PARALLEL SAFE COST 100000
LANGUAGE c AS 'MODULE_PATHNAME', 'fit_report_wrapper';

ALTER FUNCTION fit_report(series, interval, text, interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) ROWS 1;

COMMENT ON FUNCTION explain_forecast(series, interval, text, float8, interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'Every window of the past and of the horizon as the sum of what the model makes it of: trend, seasons, events, a change of level';

COMMENT ON FUNCTION fit_report(series, interval, text, interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, series[]) IS
    'How a forecast comes about: the model and its parameters, what was filled in, what was not believed, how long it took';

-- Takes regressors and events now.
DROP FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb);

CREATE FUNCTION "forecast"(
	"s" series,
	"horizon" interval,
	"model" TEXT DEFAULT 'auto',
	"level" double precision DEFAULT 0.95,
	"quantiles" double precision[] DEFAULT NULL,
	"periods" interval[] DEFAULT NULL,
	"floor" double precision DEFAULT NULL,
	"ceiling" double precision DEFAULT NULL,
	"as_of" timestamp with time zone DEFAULT NULL,
	"with_history" bool DEFAULT false,
	"options" jsonb DEFAULT '{}',
	"regressors" jsonb DEFAULT NULL,
	"events" jsonb DEFAULT NULL,
	"covariates" series[] DEFAULT NULL
) RETURNS TABLE (
	"ts" timestamp with time zone,
	"step" INT,
	"is_history" bool,
	"y" double precision,
	"yhat" double precision,
	"lower" double precision,
	"upper" double precision,
	"levels" double precision[],
	"q" double precision[],
	"model_used" TEXT,
	"status" TEXT
)
IMMUTABLE PARALLEL SAFE COST 100000
LANGUAGE c AS 'MODULE_PATHNAME', 'forecast_wrapper';

ALTER FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb, jsonb, jsonb, series[]) ROWS 60;

COMMENT ON FUNCTION forecast(series, interval, text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb, jsonb, jsonb, series[]) IS
    'Forecast of a series over a horizon: median, bounds at level and further quantiles; the model that made it and a status';

ALTER TABLE progress ADD COLUMN newest timestamptz;

COMMENT ON COLUMN progress.newest IS 'End of the newest row of its source, when it was last looked for';

CREATE FUNCTION check_on_error(on_error text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF on_error IS NULL OR on_error NOT IN ('skip', 'raise') THEN
        RAISE EXCEPTION 'on_error "%" is not known', on_error USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known: skip (a row whose status says what went wrong), raise (the query fails).';
    END IF;
END
$$;

COMMENT ON FUNCTION check_on_error(text) IS 'Raises 22023 when it is neither skip nor raise';

CREATE FUNCTION rows_for(rows jsonb, by name[], key jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT jsonb_agg(r.row - by::text[] ORDER BY r.i) FROM jsonb_array_elements(rows) WITH ORDINALITY r (row, i)
        WHERE NOT EXISTS (SELECT FROM jsonb_each(key) k (name, value)
                          WHERE k.name = ANY (by) AND r.row ? k.name AND r.row -> k.name <> k.value AND r.row ->> k.name IS DISTINCT FROM k.value #>> '{}'));

COMMENT ON FUNCTION rows_for(jsonb, name[], jsonb) IS
    'Rows in JSON for one group, without its columns: a row with another value in a column of the key is for others; all rows without a key';

CREATE FUNCTION keys_of_events(by name[]) RETURNS name[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY(SELECT c FROM unnest(by) c WHERE c NOT IN ('name', 'since', 'until'));
COMMENT ON FUNCTION keys_of_events(name[]) IS 'Those of the columns in by that can tell events of one series from those of another: not the ones that all events have';

CREATE FUNCTION check_regressors(rows jsonb, wanted bool, s series) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    IF wanted AND rows IS NULL AND n(s) > 0 THEN
        RAISE EXCEPTION 'no regressors for this series' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Rows with columns in by are for the group with these values: give rows for this one, or without these columns for all.';
    END IF;
END
$$;
COMMENT ON FUNCTION check_regressors(jsonb, bool, series) IS 'Raises 22023 for a series with values that has no rows of the regressors that are wanted';

CREATE FUNCTION forecast_table(
    rel regclass,
    time_col name,
    value_col name,
    horizon interval,
    by name[] DEFAULT '{}',
    model text DEFAULT 'auto',
    level float8 DEFAULT 0.95,
    quantiles float8[] DEFAULT NULL,
    periods interval[] DEFAULT NULL,
    floor float8 DEFAULT NULL,
    ceiling float8 DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    with_history bool DEFAULT false,
    options jsonb DEFAULT '{}',
    regressors jsonb DEFAULT NULL,
    events jsonb DEFAULT NULL,
    on_error text DEFAULT 'skip',
    covariates name[] DEFAULT '{}'
) RETURNS TABLE (key jsonb, ts timestamptz, step int, is_history bool, y float8, yhat float8, lower float8, upper float8, levels float8[],
                 q float8[], model_used text, status text)
LANGUAGE plpgsql STABLE COST 1000000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off AS $$
#variable_conflict use_variable
DECLARE
    none CONSTANT series := '{"format": 1, "ts": [], "value": []}';
    query text := series_query(rel, time_col, value_col, by, covariates);
    one record;
    series_of refcursor;
    regressors_by name[] := array_remove(by, 'ts');
    events_by name[] := keys_of_events(by);
    own_regressors jsonb;
BEGIN
    PERFORM check_on_error(on_error), prescale.forecast(none, horizon, model, level, quantiles, periods, floor, ceiling, as_of, with_history, options,
                                                        rows_for(regressors, regressors_by, NULL), rows_for(events, events_by, NULL),
                                                        array_fill(none, ARRAY[cardinality(covariates)]));
    OPEN series_of FOR EXECUTE query;
    LOOP
        FETCH series_of INTO one;
        EXIT WHEN NOT FOUND;
        BEGIN
            own_regressors := rows_for(regressors, regressors_by, one.key);
            PERFORM check_regressors(own_regressors, regressors <> '[]', one.s);
            RETURN QUERY SELECT one.key, f.* FROM prescale.forecast(one.s, horizon, model, level, quantiles, periods, floor, ceiling, as_of, with_history, options,
                                                                         own_regressors, rows_for(events, events_by, one.key), one.covariates) f;
        EXCEPTION WHEN OTHERS THEN
            IF on_error = 'raise' THEN
                RAISE;
            END IF;
            RETURN QUERY SELECT one.key, NULL::timestamptz, NULL::int, false, NULL::float8, NULL::float8, NULL::float8, NULL::float8,
                                coalesce(quantiles, '{}'), NULL::float8[], 'none', format('error %s: %s', SQLSTATE, SQLERRM);
        END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION forecast_table(regclass, name, name, interval, name[], text, float8, float8[], interval[], float8, float8, timestamptz, bool, jsonb, jsonb, jsonb, text, name[]) IS
    'Forecasts of all series of a table, one a group of the columns in by; a series that fails is one row whose status says why';

CREATE FUNCTION backtest_table(
    rel regclass,
    time_col name,
    value_col name,
    horizon interval,
    by name[] DEFAULT '{}',
    step interval DEFAULT NULL,
    windows int DEFAULT 5,
    models text[] DEFAULT '{auto,ensemble,ets,theta,mstl,seasonal_naive,last_value}',
    level float8 DEFAULT 0.95,
    quantiles float8[] DEFAULT NULL,
    periods interval[] DEFAULT NULL,
    floor float8 DEFAULT NULL,
    ceiling float8 DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    regressors jsonb DEFAULT NULL,
    events jsonb DEFAULT NULL,
    on_error text DEFAULT 'skip',
    covariates name[] DEFAULT '{}'
) RETURNS TABLE (key jsonb, model text, origin timestamptz, n bigint, mae float8, rmse float8, smape float8, mase float8, pinball float8,
                 coverage float8, msis float8, fit_ms float8, status text)
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 1000 SET search_path = pg_catalog, prescale, pg_temp SET enable_hashagg = off AS $$
#variable_conflict use_variable
DECLARE
    none CONSTANT series := '{"format": 1, "ts": [], "value": []}';
    query text := series_query(rel, time_col, value_col, by, covariates);
    one record;
    series_of refcursor;
    regressors_by name[] := array_remove(by, 'ts');
    events_by name[] := keys_of_events(by);
    own_regressors jsonb;
BEGIN
    PERFORM check_on_error(on_error), prescale.backtest(none, horizon, step, windows, models, level, quantiles, periods, floor, ceiling, as_of, options,
                                                        rows_for(regressors, regressors_by, NULL), rows_for(events, events_by, NULL),
                                                        array_fill(none, ARRAY[cardinality(covariates)]));
    OPEN series_of FOR EXECUTE query;
    LOOP
        FETCH series_of INTO one;
        EXIT WHEN NOT FOUND;
        BEGIN
            own_regressors := rows_for(regressors, regressors_by, one.key);
            PERFORM check_regressors(own_regressors, regressors <> '[]', one.s);
            RETURN QUERY SELECT one.key, b.*
                FROM prescale.backtest(one.s, horizon, step, windows, models, level, quantiles, periods, floor, ceiling, as_of, options,
                                       own_regressors, rows_for(events, events_by, one.key), one.covariates) b;
        EXCEPTION WHEN OTHERS THEN
            IF on_error = 'raise' THEN
                RAISE;
            END IF;
            RETURN QUERY SELECT one.key, NULL::text, NULL::timestamptz, 0::bigint, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8,
                                NULL::float8, NULL::float8, NULL::float8, format('error %s: %s', SQLSTATE, SQLERRM);
        END;
    END LOOP;
END
$$;

COMMENT ON FUNCTION backtest_table(regclass, name, name, interval, name[], interval, int, text[], float8, float8[], interval[], float8, float8, timestamptz, jsonb, jsonb, jsonb, text, name[]) IS
    'Backtests of all series of a table, one a group of the columns in by; a series that fails is one row whose status says why';

CREATE OR REPLACE VIEW calibration AS
    SELECT w.name AS workload, date_trunc('day', o.target, 'UTC') AS day, l.level, count(*) AS n,
           avg((o.actual <= o.q[l.i])::int) AS coverage, avg((o.actual <= o.q[l.i])::int) - l.level AS deviation, avg(o.pinball[l.i]) AS pinball
    FROM outcome o JOIN workload w USING (workload) CROSS JOIN LATERAL unnest(o.levels) WITH ORDINALITY l (level, i)
    GROUP BY w.name, date_trunc('day', o.target, 'UTC'), l.level;

COMMENT ON COLUMN calibration.pinball IS 'Mean pinball loss, in the unit of demand';

CREATE OR REPLACE FUNCTION delete_expired(ids int[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp SET jit = off AS $$
DECLARE
    rule record;
BEGIN
    FOR rule IN SELECT k.* FROM kept() k LOOP
        EXECUTE format('DELETE FROM prescale.%1$I t WHERE t.ctid = ANY (ARRAY(SELECT x.row_id FROM prescale.progress g CROSS JOIN LATERAL '
                       '(SELECT x.ctid AS row_id FROM prescale.%1$I x WHERE x.workload = g.workload AND x.%2$I < g.watermark - $2 OFFSET 0) x WHERE g.workload = ANY ($1)))',
                       rule.relation, rule.ts_column)
            || CASE rule.relation WHEN 'model' THEN
                ' AND EXISTS (SELECT FROM prescale.model n WHERE n.workload = t.workload AND n.kind = t.kind AND n.status <> ''short'' AND n.boundary > t.boundary)'
               ELSE '' END
            USING ids, rule.keep;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION grant_reader(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA prescale TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.workload_feature_names(int), prescale.find_workload(text), prescale.explain(bigint), prescale.explain(text), '
        'prescale.nearest(float8[], int, int, text, timestamptz, timestamptz), prescale.workload_nearest(text, timestamptz, int, interval, text, timestamptz), '
        'prescale.workload_regimes(text, timestamptz, timestamptz, int, bigint) TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.find_model(text), '
        'prescale.predict(text, interval, jsonb, float8, float8[]) TO %s', role);
END
$$;

CREATE OR REPLACE FUNCTION grant_operator(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    PERFORM grant_reader(role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.source, prescale.workload, prescale.policy, prescale.retention TO %s', role);
    EXECUTE format('GRANT INSERT, DELETE ON prescale.progress TO %s', role);
    EXECUTE format('GRANT DELETE ON prescale.feature, prescale.fingerprint, prescale.history, prescale.model, prescale.forecast, prescale.outcome, prescale.decision, prescale.capacity TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.source_id, prescale.workload_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.check_select(name, name, name), prescale.check_source_right(), prescale.source_preview(regclass, text, name, name, name, name, int), '
        'prescale.add_source(text, regclass, text, name, name, name, name, text[], name, name, name, name, interval, bool), prescale.set_metrics(text, text[]), prescale.drop_source(text), '
        'prescale.add_workload(text, text, text, text, text, interval, text, interval, jsonb, int), prescale.drop_workload(text), '
        'prescale.set_policy(text, text, float8, float8, float8, int, int, interval, float8, int, float8, float8, float8, float8, interval, int, int, interval, numeric), '
        'prescale.pause(text, text, timestamptz), prescale.resume(text), prescale.notify_worker() TO %s', role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.forecast_model, prescale.forecast_model_version, prescale.forecast_model_series TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.forecast_model_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.check_model_right(), prescale.check_model_owner(prescale.forecast_model), prescale.read_model_spec(jsonb), prescale.best_model_version(bigint), '
        'prescale.qualified_name(regclass), prescale.check_model_relation(regclass, name[]), prescale.check_model_influences(regclass, regclass, name[]), prescale.columns_among(text, name[]), '
        'prescale.rows_of_key(text, name[], name[], regclass, jsonb), '
        'prescale.create_model(text, regclass, name, name, name[], interval, jsonb, regclass, regclass), prescale.fit(text, timestamptz), prescale.add_model_version(prescale.forecast_model, timestamptz), '
        'prescale.finish_model_version(prescale.forecast_model, int, int, int), prescale.observe(text, jsonb, timestamptz, float8, float8[]), prescale.fit_pool(prescale.forecast_model, text, bigint, timestamptz), '
        'prescale.deploy(text, text), prescale.deploy(text, int), prescale.rollback(text), prescale.drop_model(text) TO %s', role);
END
$$;

CREATE OR REPLACE FUNCTION grant_worker(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, prescale, pg_temp AS $$
BEGIN
    PERFORM grant_reader(role);
    EXECUTE format('GRANT INSERT, UPDATE, DELETE ON prescale.progress, prescale.feature, prescale.fingerprint, prescale.history, prescale.model, prescale.forecast, '
        'prescale.outcome, prescale.decision, prescale.capacity, prescale.lease TO %s', role);
    EXECUTE format('GRANT USAGE ON SEQUENCE prescale.model_id, prescale.decision_id TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION prescale.source_bounds(int, timestamptz, timestamptz), prescale.read_windows(int, int[], timestamptz[], timestamptz[]), '
        'prescale.demand_spec(int), prescale.claim_workloads(text, int[], int), prescale.kept(), prescale.open_workloads(int[], timestamptz, timestamptz), prescale.adopt_metrics(int[]), prescale.fit_fingerprint(int[]), '
        'prescale.check_select(name, name, name), prescale.store_features(int, int[], timestamptz[], timestamptz[], timestamptz[]), prescale.store_history(int[], timestamptz[], timestamptz[], interval), '
        'prescale.store_fingerprints(int[], timestamptz[], timestamptz[]), prescale.fit_demand(int[]), prescale.store_forecasts(int[]), '
        'prescale.store_outcomes(int[], timestamptz[], timestamptz[]), prescale.delete_expired(int[]), prescale.advance_workloads(int[], timestamptz), '
        'prescale.refresh_batch(int[], timestamptz), prescale.check_refresh(text, timestamptz), prescale.refresh_workload(text, timestamptz), '
        'prescale.acquire_lease(int, text, interval), prescale.release_lease(int, text, bigint), prescale.check_lease(int, bigint), '
        'prescale.record_decision(int, bigint, text, jsonb, timestamptz), prescale.record_result(int, bigint, jsonb, timestamptz), '
        'prescale.record_capacity(int, bigint, jsonb, timestamptz) TO %s', role);
    EXECUTE format('GRANT EXECUTE ON PROCEDURE prescale.refresh(text, timestamptz) TO %s', role);
END
$$;

-- What is stored has the order that the metrics say now.
UPDATE progress SET feature_names = workload_feature_names(workload);
GRANT EXECUTE ON FUNCTION check_column(regclass, name) TO PUBLIC;
-- Pure functions are for everybody, and those on any table, which read what their caller may read; the rest the owner hands on, and who could do
-- the like before may go on.
DO $rights$
DECLARE
    o record;
BEGIN
    FOR o IN SELECT p.oid::regprocedure AS name, alike.name AS alike
             FROM (VALUES ('set_metrics', 'add_source'), ('adopt_metrics', 'fit_fingerprint'), ('nearest', 'workload_feature_names'),
                          ('workload_nearest', 'workload_feature_names'), ('workload_regimes', 'workload_feature_names'),
                          ('find_model', 'workload_feature_names'), ('predict', 'workload_feature_names'),
                          ('check_model_right', 'add_source'), ('check_model_owner', 'add_source'), ('read_model_spec', 'add_source'),
                          ('check_model_relation', 'add_source'), ('check_model_influences', 'add_source'), ('qualified_name', 'add_source'), ('columns_among', 'add_source'), ('rows_of_key', 'add_source'),
                          ('create_model', 'add_source'), ('fit', 'add_source'), ('add_model_version', 'add_source'), ('fit_pool', 'add_source'), ('finish_model_version', 'add_source'),
                          ('observe', 'add_source'), ('deploy', 'add_source'), ('best_model_version', 'add_source'), ('rollback', 'add_source'),
                          ('drop_model', 'add_source')) alike (added, name)
             JOIN pg_proc p ON p.proname = alike.added AND p.pronamespace = 'prescale'::regnamespace LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', o.name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO @extowner@ WITH GRANT OPTION', o.name);
        EXECUTE coalesce((SELECT string_agg(format('GRANT EXECUTE ON FUNCTION %s TO %s', o.name, a.grantee::regrole), '; ')
                          FROM pg_proc p, aclexplode(p.proacl) a
                          WHERE p.proname = o.alike AND p.pronamespace = 'prescale'::regnamespace
                            AND a.grantee NOT IN (p.proowner, '@extowner@'::regrole)), 'SELECT');
    END LOOP;
    FOR o IN SELECT c.relname AS name, a.privilege_type AS privilege, a.grantee::regrole AS grantee
             FROM (VALUES ('forecast_model', 'source'), ('forecast_model_version', 'source'), ('forecast_model_series', 'source'),
                          ('forecast_model_id', 'source_id')) alike (name, old)
             JOIN pg_class c ON c.relname = alike.name AND c.relnamespace = 'prescale'::regnamespace
             JOIN pg_class old ON old.relname = alike.old AND old.relnamespace = 'prescale'::regnamespace, aclexplode(old.relacl) a
             WHERE a.grantee NOT IN (0, old.relowner) LOOP
        EXECUTE format('GRANT %s ON prescale.%I TO %s', o.privilege, o.name, o.grantee);
    END LOOP;
END
$rights$;
