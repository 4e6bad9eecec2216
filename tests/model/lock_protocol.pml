/* The lock protocol of jobs/worker and jobs/sql/functions, small enough to be searched through.
 *
 * One job of two tasks, two workers, time, a rescuer, an operator, somebody who sends the event that the job waits for.
 * A worker may stop at any point for ever (SIGKILL) or for long (SIGSTOP): between two of its steps anything may happen,
 * so a late word is simply a step that comes late. Each atomic block is one SQL statement, or one transaction that
 * begins by locking the job's row. FENCE=0 leaves the tokens out of the writes, and every promise breaks but `letter` and
 * `event`, which rest on other things; with FENCE=1 none may.
 *
 *   spin -DFENCE=1 -search -ltl lawful tests/model/lock_protocol.pml
 */
#ifndef FENCE
#define FENCE 1
#endif

#define NOBODY 0
#define RETRIES 1
#define REDRIVES 1
#ifndef CLAIMS
#define CLAIMS 3
#endif

mtype = { pending, processing, completed, failed, cancelled, dead_letter };

mtype status = pending;
bool waiting = false;    /* waits_for = 'event': pending, and no claim sees it */
byte token = NOBODY;     /* of the lock row; NOBODY when there is none */
byte next_token = 1;     /* the sequence: only rises */
bool expired = false;    /* the lock's end has passed, or its worker is thought dead */
bool wanted = false;     /* cancel_requested_at */
byte retries = 0;
byte redrives = 0;
byte letters = 0;        /* open rows of job_dead_letter_queue */
bool sent = false;       /* the event is there */
bool finished = false;   /* the first task's finish is written */

/* What the promises are about; no statement reads it. */
byte starts = 0;         /* attempts begun since the last redrive */
byte commits = 0;        /* outcomes `completed` that were written */
byte said = 0;           /* outcomes written since the last claim */
byte finishes = 0;       /* how often the task's finish was written */
bool again = false;      /* the task was begun by a worker that could read of its finish */
bool stale = false;      /* a write of a worker that does not hold the lock went through */
byte mine[2];            /* what each worker believes its token is */

#define held(t) (token == t && t != NOBODY)
#define may_write(t) ((FENCE && held(t)) || (!FENCE && t != NOBODY && status != dead_letter && status != pending))

/* start_jobs: counts the attempt and takes out a lock with a new token, in place of whatever row is there. */
inline claim(me) {
    atomic {
        status == pending && !waiting && next_token <= CLAIMS ->
        status = processing; token = next_token; mine[me] = next_token; next_token++;
        expired = false; starts++; said = 0;
        /* What is finished comes with the job. */
        known = finished
    }
}

inline write(me) { stale = stale || !held(mine[me]) }

inline let_go() { token = NOBODY; expired = false; said++ }

/* complete_jobs */
inline complete(me) {
    atomic {
        if
        :: may_write(mine[me]) -> write(me); status = completed; commits++; let_go()
        :: else -> skip
        fi
    }
}

/* retry_jobs and dead_letter_jobs with a charge; a cancelled job ends instead. */
inline give_up_attempt() {
    if
    :: wanted -> status = cancelled
    :: !wanted && retries < RETRIES -> retries++; status = pending
    :: !wanted && retries >= RETRIES -> status = dead_letter; letters++
    fi;
    let_go()
}

inline fail(me) {
    atomic {
        if
        :: may_write(mine[me]) -> write(me); give_up_attempt()
        :: else -> skip
        fi
    }
}

/* cancel_jobs: the handler has heeded the request. */
inline heed(me) {
    atomic {
        if
        :: wanted && may_write(mine[me]) -> write(me); status = cancelled; let_go()
        :: else -> skip
        fi
    }
}

/* release_jobs: claimed and never begun; the attempt is not counted. */
inline release(me) {
    atomic {
        if
        :: may_write(mine[me]) ->
            write(me);
            if :: wanted -> status = cancelled :: else -> status = pending fi;
            starts--; let_go()
        :: else -> skip
        fi
    }
}

/* suspend_jobs: until the event, unless it came in the meantime. No retry is used up, and the attempt begins anew. */
inline suspend(me) {
    atomic {
        if
        :: may_write(mine[me]) ->
            write(me);
            if :: wanted -> status = cancelled :: else -> status = pending; waiting = !sent fi;
            starts--; let_go()
        :: else -> skip
        fi
    }
}

/* renew_job_locks */
inline renew(me) {
    atomic { if :: held(mine[me]) -> expired = false :: else -> skip fi }
}

/* record_tasks: the finish of a task, under the job's lock. */
inline finish(me) {
    atomic {
        if
        :: may_write(mine[me]) -> write(me); finished = true; finishes++
        :: else -> skip
        fi
    }
}

active [2] proctype Worker() {
    bool known, renewed, worked;
    do
    :: claim(_pid);
        renewed = false; worked = false;
        do
        :: !renewed -> renewed = true; renew(_pid)
        :: !worked -> worked = true;                      /* the task runs only if no finish of it is known */
            if
            :: known -> skip
            :: !known -> again = again || (finished && held(mine[_pid])); finish(_pid)
            fi
        :: worked -> complete(_pid); break
        :: worked && !sent -> suspend(_pid); break
        :: true -> fail(_pid); break
        :: true -> heed(_pid); break
        :: !worked && !renewed -> release(_pid); break    /* given back before it began */
        :: true -> break                                  /* killed: this incarnation says nothing any more */
        od;
        mine[_pid] = NOBODY
    :: break
    od
}

/* Time passes: a lock may run out whether its worker lives or not. Then cleanup_expired_locks comes by. */
active proctype Rescuer() {
    do
    :: atomic { status == processing && !expired -> expired = true }
    :: atomic { status == processing && expired -> give_up_attempt() }
    :: break
    od
}

/* control.cancel; dead_letters.redrive, discard and resolve; events.send, which locks the job's row, writes the event
 * and wakes the job if it waits. */
active proctype People() {
    do
    :: atomic { status == pending && !wanted -> wanted = true; status = cancelled; waiting = false }
    :: atomic { status == processing && !wanted -> wanted = true }
    :: atomic {
        status == dead_letter && redrives < REDRIVES ->
        redrives++; letters--; status = pending; retries = 0; wanted = false; starts = 0
       }
    :: atomic { status == dead_letter -> letters--; status = failed }
    :: atomic { status == dead_letter -> letters--; status = completed; commits++ }
    :: atomic { !sent -> sent = true; if :: waiting -> waiting = false :: else -> skip fi }
    :: break
    od
}

/* A lock exactly while the job is processed; no write of who does not hold it; no endless attempts. */
#define LAWFUL (!stale && starts <= RETRIES + 1 && ((status == processing) == (token != NOBODY)))
/* At most one outcome of each claim counts, whoever brings it; a job is completed at most once. */
#define ONCE (said <= 1 && commits <= 1)
/* Never two workers whose writes would count. */
#define ONE_HOLDER !(mine[0] != NOBODY && mine[1] != NOBODY && may_write(mine[0]) && may_write(mine[1]))
/* One open letter exactly while the job is a dead letter. */
#define LETTER (letters == (status == dead_letter))
/* A finish is written once, and who could know of it does not run the task again. */
#define TASK (finishes <= 1 && !again)
/* No job waits for an event that is there. */
#define EVENT !(waiting && (sent || status != pending))

ltl lawful { [] LAWFUL }
ltl once { [] ONCE }
ltl one_holder { [] ONE_HOLDER }
ltl letter { [] LETTER }
ltl task { [] TASK }
ltl event { [] EVENT }
/* Together they cost one search. */
ltl all_of_these { [] (LAWFUL && ONCE && ONE_HOLDER && LETTER && TASK && EVENT) }
/* What has ended stays as it ended. */
ltl final {
    [] ((status == completed -> [] (status == completed)) && (status == cancelled -> [] (status == cancelled))
        && (status == failed -> [] (status == failed)))
}
