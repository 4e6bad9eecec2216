"""Webhooks: endpoints are told of what happens to jobs, as https://www.standardwebhooks.com has it.

Triggers note events beside what happened (`capturing`), `fanning_out` makes a delivery of each for every endpoint that
wants it, `queueing` a job of each delivery that is due, and `delivering` sends it and writes down what came of it.
"""
