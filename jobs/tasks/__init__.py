"""Durable tasks: steps of a handler that are run once and remembered, so that a job resumes behind them."""
