// Handlers for worker.mjs: functions by their language_title.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { NonRetryableError } from "./worker.mjs";

export default {
  /** Give the digest of a text. */
  async "node-digest"({ text, algorithm = "sha256" }) {
    try {
      return { algorithm, digest: createHash(algorithm).update(text).digest("hex") };
    } catch (error) {
      // Another attempt would not know the algorithm either.
      throw new NonRetryableError(error.message);
    }
  },

  /** Count down, a tick each second: long enough to watch, to cancel, and to kill the worker meanwhile. */
  async "node-countdown"({ from }, { signal, progress }) {
    for (let left = from; left > 0; left--) {
      await progress(((from - left) / from) * 100, `${left} left`);
      await sleep(1000, undefined, { signal });
    }
    return { counted: from };
  },
};
