-- Stage forecast: what is expected, from every origin.

CREATE TABLE forecast (
    workload int NOT NULL,
    origin   timestamptz NOT NULL,
    revision int NOT NULL,
    target   timestamptz NOT NULL,
    levels   float8[] NOT NULL,
    q        float8[] NOT NULL,
    demand   float8,
    model    int,
    status   text NOT NULL,
    PRIMARY KEY (workload, origin, revision)
);
CREATE INDEX forecast_target ON forecast (workload, target);
COMMENT ON INDEX forecast_target IS 'Finds the forecasts of a window that has closed';
COMMENT ON TABLE forecast IS 'Forecasts of demand at the lead time, appended by origin and revision';
COMMENT ON COLUMN forecast.workload IS 'Workload';
COMMENT ON COLUMN forecast.origin IS 'End of the last window that it has seen';
COMMENT ON COLUMN forecast.revision IS 'Grows when late rows change a forecast of the same origin';
COMMENT ON COLUMN forecast.target IS 'Start of the window that it is for';
COMMENT ON COLUMN forecast.levels IS 'Quantile levels';
COMMENT ON COLUMN forecast.q IS 'Quantiles of demand, one per level';
COMMENT ON COLUMN forecast.demand IS 'Demand in the last window before the origin';
COMMENT ON COLUMN forecast.model IS 'Model that made it';
COMMENT ON COLUMN forecast.status IS 'ok; a forecast that could not be made is not stored';
