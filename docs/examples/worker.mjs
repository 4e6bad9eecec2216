// A worker for Ekiden's functions in JavaScript. Node 18 or newer, no dependencies.
//
//   EKIDEN_URL=http://localhost:8000/api/v1 EKIDEN_API_KEY=ekiden_live_… node worker.mjs handlers.mjs
//
// The module of handlers has as its default export an object: the language_title of each function, and an async
// function (payload, context) that gives its result. Or import `Worker` from here and start it yourself. What blocks
// the event loop keeps the worker from renewing its locks: leave that to worker threads or child processes.
// ../workers.md tells what is said over the wire, and why.

import { randomUUID } from "node:crypto";
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

/** Thrown by a handler: no further attempt can succeed. */
export class NonRetryableError extends Error {
  kind = "non_retryable";
}

/** Thrown by a handler: somebody wants to be left alone for so many seconds. It costs no retry. */
export class RateLimitError extends Error {
  kind = "rate_limit";
  constructor(message, retryAfter = 1) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** A result that JSON cannot say, or that is too large. */
class UnusableResult extends NonRetryableError {}

/** Why a handler is to stop before it has ended: the reason of its abort signal. */
export class Stopped extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** An answer that is not 2xx. `code` is the problem's stable name. */
class Refusal extends Error {
  constructor(status, problem, retryAfter) {
    super(`${status} ${problem.code ?? ""}: ${problem.detail ?? "no details"}`);
    this.status = status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return this.status === 429 || this.status >= 500 || this.code === "idempotency-in-flight";
  }
}

const LONGEST_PAUSE_MS = 30_000;
const REQUEST_MS = 15_000;
/** After so much of the lock's time without a renewal the job may soon be another worker's. */
const LOCK_SHARE = 0.8;

export class Worker {
  #running = new Set();
  #changed = () => {};
  #stopping = new AbortController();
  #hurry = new AbortController();

  constructor({
    url,
    key,
    handlers,
    concurrency = 4,
    lockSeconds = 60,
    waitSeconds = 20,
    graceSeconds = 30,
    log = (text) => console.error(`${new Date().toISOString()} ${text}`),
  }) {
    Object.assign(this, { key, handlers, concurrency, lockSeconds, waitSeconds, graceSeconds, log });
    this.url = url.replace(/\/+$/, "");
    // Another one at each start: a host name alone would let a new process pass for its dead predecessor.
    this.id = `${hostname().replace(/[^!-~]/g, "").slice(0, 40)}:${process.pid}:${randomUUID()}`;
  }

  /** Claim and run jobs until stop() is called; resolves when nothing runs any more. */
  async run() {
    this.log(`worker ${this.id} works on ${Object.keys(this.handlers).join(", ")}`);
    const renewing = this.#keepRenewing();
    let failures = 0;
    let fatal = null;
    while (!this.#stopping.signal.aborted) {
      const free = this.concurrency - this.#running.size;
      if (free === 0) {
        await new Promise((resolve) => (this.#changed = resolve));
        continue;
      }
      try {
        for (const job of await this.#claim(free)) this.#start(job);
        failures = 0;
      } catch (error) {
        if (this.#stopping.signal.aborted) break;
        if (error instanceof Refusal && !error.passes) {
          fatal = error; // the key or the names of the handlers are wrong
          this.stop();
        } else {
          await this.#pause(error, failures++, this.#stopping.signal);
        }
      }
    }
    await this.#finish();
    this.#hurry.abort();
    await renewing;
    this.log(`worker ${this.id} has stopped`);
    if (fatal) throw fatal;
  }

  /** Claim nothing more. A second call ends the grace period of what still runs. */
  stop() {
    if (this.#stopping.signal.aborted) this.#hurry.abort();
    this.#stopping.abort();
    this.#changed();
  }

  async #claim(batch) {
    const wish = { worker_id: this.id, types: Object.keys(this.handlers), batch, lock_seconds: this.lockSeconds };
    const { jobs } = await this.#post(`claim?wait=${this.waitSeconds}`, wish, {
      signal: this.#stopping.signal,
      milliseconds: this.waitSeconds * 1000 + REQUEST_MS,
    });
    // The lock is older by the way of the answer; the share that is never counted on makes up for it.
    return jobs.map((job) => ({ ...job, goodUntil: this.#goodUntil(performance.now()) }));
  }

  #goodUntil(since) {
    return since + this.lockSeconds * 1000 * LOCK_SHARE;
  }

  #start({ goodUntil, ...job }) {
    const run = { job, goodUntil, abort: new AbortController(), telling: false, untold: null };
    this.#running.add(run);
    run.done = this.#run(run)
      .catch((error) => this.log(`job ${job.job_id}: ${error.stack}`))
      .finally(() => {
        this.#running.delete(run);
        this.#changed();
      });
  }

  async #run(run) {
    const { job, abort } = run;
    const started = performance.now();
    const giveUp = () => abort.abort(new Stopped("timeout", `It ran longer than ${job.timeout} s.`));
    const timer = job.timeout === null ? undefined : setTimeout(giveUp, job.timeout * 1000);
    let path, words;
    try {
      [path, words] = ["complete", { result: encodable(await this.#call(run)) }];
    } catch (thrown) {
      // A handler that obeys its signal throws something of its own.
      const error = abort.signal.aborted ? abort.signal.reason : thrown;
      if (error instanceof Stopped && error.kind === "lost") {
        this.log(`job ${job.job_id} attempt ${job.attempt} is lost: ${error.message}`);
        return; // nothing that is said of it counts any more
      }
      [path, words] = ["fail", describe(error)];
    } finally {
      clearTimeout(timer);
    }
    await this.#report(run, path, { ...words, usage: { run_ms: performance.now() - started } });
  }

  /** Call the handler. One that does not look at its signal runs on in vain: nobody waits for it any more. */
  async #call(run) {
    const { job, abort } = run;
    const context = {
      job,
      attempt: job.attempt,
      signal: abort.signal,
      // For effects elsewhere: the same in every attempt of this job.
      idempotencyKey: job.job_id,
      progress: (percent, message = "") => this.#progress(run, percent, message),
    };
    const stopped = new Promise((_, reject) => {
      abort.signal.addEventListener("abort", () => reject(abort.signal.reason), { once: true });
    });
    const handler = this.handlers[job.language_title];
    return await Promise.race([(async () => handler(job.payload, context))(), stopped]);
  }

  /** Say how it ended, as often as it takes: the lock's token decides whether it still counts. */
  async #report(run, path, words) {
    const { job_id, lock_token, attempt } = run.job;
    for (let failures = 0; ; failures++) {
      try {
        // The key lets a request be sent again whose answer was lost.
        const idempotencyKey = `${job_id}/${lock_token}/${path}/${words.kind ?? ""}`;
        const { status } = await this.#post(path, { job_id, lock_token, ...words }, { idempotencyKey });
        this.log(`job ${job_id} attempt ${attempt}: ${status}`);
        return;
      } catch (error) {
        this.log(`job ${job_id} attempt ${attempt}: ${path} did not get through, ${error.message}`);
        if (error instanceof Refusal && !error.passes) {
          if (path === "fail" || error.code === "lock-lost" || [401, 403].includes(error.status)) return;
          [path, words] = ["fail", describe(new UnusableResult(error.detail))];
        } else if (this.#hurry.signal.aborted) {
          return; // its lock runs out, and the job runs again
        } else {
          await this.#pause(error, failures, this.#hurry.signal);
        }
      }
    }
  }

  /** Tell how far a job is; while one word is on its way, only the latest of the others is kept. */
  async #progress(run, percent, message) {
    run.untold = { percent, message: tidy(message, 500) };
    if (run.telling) return;
    run.telling = true;
    try {
      while (run.untold !== null && !run.abort.signal.aborted) {
        const words = run.untold;
        run.untold = null;
        const { job_id, lock_token } = run.job;
        const answer = await this.#post("progress", { job_id, lock_token, ...words });
        if (answer.cancel_requested) run.abort.abort(new Stopped("cancelled", "Somebody cancelled it."));
      }
    } catch (error) {
      if (error.code === "lock-lost") run.abort.abort(new Stopped("lost", "Another worker has it by now."));
      else this.log(`job ${run.job.job_id}: progress not written, ${error.message}`);
    } finally {
      run.telling = false;
    }
  }

  async #keepRenewing() {
    const period = (this.lockSeconds * 1000) / 3;
    while (!this.#hurry.signal.aborted) {
      await sleep(period, undefined, { signal: this.#hurry.signal }).catch(() => {});
      if (this.#running.size > 0) await this.#renew(period);
    }
  }

  async #renew(period) {
    const runs = [...this.#running];
    const sent = performance.now();
    const jobs = runs.map(({ job }) => ({ job_id: job.job_id, lock_token: job.lock_token }));
    const words = { worker_id: this.id, lock_seconds: this.lockSeconds, jobs };
    try {
      const answer = await this.#post("renew", words, { milliseconds: Math.min(period, REQUEST_MS) });
      const told = new Map(answer.jobs.map((each) => [each.job_id, each]));
      for (const run of runs) {
        const { held, cancel_requested, timed_out } = told.get(run.job.job_id);
        if (held && !timed_out) run.goodUntil = this.#goodUntil(sent);
        if (!held) run.abort.abort(new Stopped("lost", "Another worker has it by now."));
        else if (cancel_requested) run.abort.abort(new Stopped("cancelled", "Somebody cancelled it."));
        else if (timed_out) run.abort.abort(new Stopped("timeout", `It ran longer than ${run.job.timeout} s.`));
      }
    } catch (error) {
      this.log(`locks not renewed: ${error.message}`);
      for (const run of runs) {
        // By this process's own clock, which does not jump.
        if (performance.now() > run.goodUntil) {
          run.abort.abort(new Stopped("lost", "Its lock could not be renewed in time."));
        }
      }
    }
  }

  /** Let what runs end within the grace period, and give the rest to other workers. */
  async #finish() {
    const everything = () => Promise.all([...this.#running].map((run) => run.done));
    this.log(`worker ${this.id} stops: ${this.#running.size} jobs run on for at most ${this.graceSeconds} s`);
    const over = sleep(this.graceSeconds * 1000, undefined, { ref: false });
    await Promise.race([everything(), over, aborted(this.#hurry.signal)]);
    for (const run of this.#running) run.abort.abort(new Stopped("interrupted", "The worker stops."));
    await Promise.race([everything(), sleep(REQUEST_MS, undefined, { ref: false })]);
  }

  /** Wait longer each time, and as long as the server says. */
  async #pause(error, failures, signal) {
    const backOff = Math.min(LONGEST_PAUSE_MS, 250 * 2 ** failures) * (0.5 + Math.random() / 2);
    const milliseconds = Math.max(backOff, (error.retryAfter ?? 0) * 1000);
    this.log(`${error.message}; again in ${(milliseconds / 1000).toFixed(1)} s`);
    await sleep(milliseconds, undefined, { signal }).catch(() => {});
  }

  async #post(path, words, { signal, milliseconds = REQUEST_MS, idempotencyKey } = {}) {
    const controller = new AbortController();
    const giveUp = () => controller.abort(new Error(signal?.aborted ? "stopping" : "no answer in time"));
    const timer = setTimeout(giveUp, milliseconds);
    signal?.addEventListener("abort", giveUp, { once: true });
    if (signal?.aborted) giveUp();
    try {
      const response = await fetch(`${this.url}/worker/${path}`, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${this.key}`,
          "Content-Type": "application/json",
          ...(idempotencyKey ? { "Idempotency-Key": idempotencyKey } : {}),
        },
        body: JSON.stringify(words),
        signal: controller.signal,
      });
      const text = await response.text();
      if (response.ok) return JSON.parse(text);
      throw new Refusal(response.status, problemIn(text), Number(response.headers.get("Retry-After")) || 0);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
    }
  }
}

function describe(error) {
  const stopped = error instanceof Stopped;
  if (stopped && ["cancelled", "interrupted"].includes(error.kind)) return { kind: error.kind };
  const ours = stopped || error instanceof NonRetryableError || error instanceof RateLimitError;
  const words = {
    kind: ours ? error.kind : "retryable",
    // Anything may be thrown, not errors only.
    error_class: tidy(error?.constructor?.name || typeof error, 200) || "Error",
    message: tidy(error?.message ?? error, 2_000),
    stack_trace: tidy(error?.stack ?? "", 8_000),
  };
  if (stopped && error.kind === "timeout") words.error_class = "JobTimeout";
  return error instanceof RateLimitError ? { ...words, retry_after: Math.max(0, error.retryAfter) } : words;
}

/** Give a handler's result, or throw if it is none that JSON can say. */
function encodable(result = null) {
  try {
    JSON.stringify(result);
    return result;
  } catch (error) {
    throw new UnusableResult(error.message);
  }
}

/** Cut a text, and replace what PostgreSQL cannot hold: NUL and halves of surrogate pairs. */
function tidy(text, most) {
  const odd = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  return String(text).slice(0, most).replace(odd, "\ufffd");
}

function problemIn(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // a proxy's page
  }
}

function aborted(signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", resolve, { once: true });
  });
}

async function main([module], environment) {
  const { EKIDEN_API_KEY: key, EKIDEN_URL: url = "http://localhost:8000/api/v1" } = environment;
  if (!module || !key) {
    console.error("usage: EKIDEN_URL=… EKIDEN_API_KEY=… node worker.mjs handlers.mjs");
    return 2;
  }
  let handlers;
  try {
    ({ default: handlers } = await import(pathToFileURL(resolve(module)).href));
  } catch (error) {
    console.error(`the handlers cannot be loaded: ${error.stack}`);
    return 2;
  }
  const number = (name, otherwise) => Number(environment[name] ?? otherwise);
  const worker = new Worker({
    url,
    key,
    handlers,
    concurrency: number("EKIDEN_CONCURRENCY", 4),
    lockSeconds: number("EKIDEN_LOCK_SECONDS", 60),
    waitSeconds: number("EKIDEN_WAIT_SECONDS", 20),
    graceSeconds: number("EKIDEN_GRACE_SECONDS", 30),
  });
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => worker.stop());
  try {
    await worker.run();
    return 0;
  } catch (error) {
    console.error(`the worker cannot go on: ${error.message}`);
    return 1;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  // No await here: the handlers import this module, which has to be complete by then. And exit, because handlers that
  // did not stop when they were told would keep the process alive.
  main(process.argv.slice(2), process.env).then((code) => process.exit(code));
}
