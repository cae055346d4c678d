-- An ordinary table of yours: prescale reads it where it is.
CREATE EXTENSION prescale;
CREATE SCHEMA web;
CREATE TABLE web.request_count (ts timestamptz PRIMARY KEY, requests int NOT NULL);
COMMENT ON TABLE web.request_count IS 'Requests a minute, NASA Kennedy Space Center, July 1995';
\copy web.request_count FROM pstdin WITH (FORMAT csv, HEADER)
