-- A source (one row covers one minute), a workload on it, and how it may be scaled.
SELECT * FROM prescale.add_source('web', 'web.request_count', value_column => 'requests', period => '1 minute');
SELECT prescale.add_workload('front', 'web', target => '{"kind": "simulated", "ready_after": "5 minutes", "units": 10}');
-- One unit carries 10 requests a minute and takes 5 minutes to start.
SELECT prescale.set_policy('front', mode => 'full', unit_capacity => 10, min_units => 2, max_units => 100,
                           lead_time => '5 minutes', price_per_unit_hour => 0.05);
CALL prescale.refresh(as_of => :'from');
