-- The daily statistics as of the last refresh_daily_stats(), for dashboards that ask often. The roll-ups are what keeps
-- it cheap: a refresh reads one row for each function and day.
CREATE MATERIALIZED VIEW analytics.daily_stats_mv AS SELECT * FROM analytics.daily_usage_stats
