// Handlers that tests can watch and hold, beside those of the example.

import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import examples from "../../docs/examples/handlers.mjs";
import { NonRetryableError, RateLimitError } from "../../docs/examples/worker.mjs";

const directory = process.env.PROOF_DIR;

function tell(event, { job, attempt }) {
  const line = JSON.stringify({ event, job: job.job_id, attempt, pid: process.pid });
  appendFileSync(join(directory, "events"), `${line}\n`);
}

async function gate(context, signal) {
  while (!existsSync(join(directory, `gate-${context.job.payload.gate}`))) {
    await sleep(20, undefined, { signal });
  }
}

class TileServerDown extends Error {}

const RESULTS = {
  bigint: () => 5n,
  large: () => "x".repeat(1_100_000),
  nul: () => "\0",
  nothing: () => undefined,
};

export default {
  ...examples,
  "node-fail": async () => {
    throw new TileServerDown("tiles.example.org: \0 refused");
  },
  "node-throw": () => {
    throw "a text";
  },
  "node-hopeless": async () => {
    throw new NonRetryableError("there is no such map");
  },
  "node-limited": async (payload, { attempt }) => {
    if (attempt < 3) throw new RateLimitError("slowly", 0);
    return "served";
  },
  "node-result": async ({ of }) => RESULTS[of](),
  "node-gate": async (payload, context) => {
    tell("begun", context);
    await context.progress(40, "at the gate");
    try {
      await gate(context, context.signal);
    } catch (error) {
      tell("stopped", context);
      throw error;
    }
    return { pid: process.pid };
  },
  // Does not look at its signal.
  "node-stubborn": async (payload, context) => {
    tell("begun", context);
    await gate(context);
    tell("too late", context);
    return "too late";
  },
};
