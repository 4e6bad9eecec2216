/* The lock protocol of jobs/worker and jobs/sql/functions, small enough to be searched through.
 *
 * One job, two workers, a rescuer, an operator. A worker may stop at any point for ever (SIGKILL) or for long (SIGSTOP):
 * between two of its steps anything may happen, so a late word is simply a step that comes late. Each atomic block is
 * one SQL statement. FENCE=0 leaves the tokens out of the writes and must find a double commit; FENCE=1 must find nothing.
 *
 *   spin -DFENCE=1 -search -ltl lawful docs/models/lock_protocol.pml
 */
#ifndef FENCE
#define FENCE 1
#endif

#define NOBODY 0
#define RETRIES 1
#define REDRIVES 1

mtype = { pending, processing, completed, cancelled, dead_letter };

mtype status = pending;
byte token = 0;          /* of the lock row; NOBODY when there is none */
byte next_token = 1;     /* the sequence: only rises */
bool expired = false;    /* the lock's end has passed, or its worker is thought dead */
bool wanted = false;     /* cancel_requested_at */
byte retries = 0;
byte redrives = 0;
byte starts = 0;         /* attempts begun since the last redrive */
byte commits = 0;        /* outcomes `completed` that were written */
bool stale = false;      /* a write of a worker that does not hold the lock went through */

#define held(t) (token == t && token != NOBODY)
#define lawful(t) ((FENCE && held(t)) || (!FENCE && status != dead_letter && status != pending))

/* start_jobs: counts the attempt and takes out a lock with a new token, in place of whatever row is there. */
inline claim(mine) {
    atomic {
        status == pending ->
        status = processing; token = next_token; mine = next_token; next_token++;
        expired = false; starts++
    }
}

/* complete_jobs */
inline complete(mine) {
    atomic {
        if
        :: lawful(mine) ->
            stale = stale || !held(mine);
            status = completed; token = NOBODY; commits++
        :: else -> skip
        fi
    }
}

/* retry_jobs and dead_letter_jobs with a charge; a cancelled job ends instead. */
inline give_up_attempt() {
    if
    :: wanted -> status = cancelled
    :: !wanted && retries < RETRIES -> retries++; status = pending
    :: !wanted && retries >= RETRIES -> status = dead_letter
    fi;
    token = NOBODY; expired = false
}

inline fail(mine) {
    atomic {
        if
        :: lawful(mine) -> stale = stale || !held(mine); give_up_attempt()
        :: else -> skip
        fi
    }
}

/* cancel_jobs: the handler has heeded the request. */
inline heed(mine) {
    atomic {
        if
        :: wanted && lawful(mine) -> stale = stale || !held(mine); status = cancelled; token = NOBODY
        :: else -> skip
        fi
    }
}

/* release_jobs: claimed and never begun; the attempt is not counted. */
inline release(mine) {
    atomic {
        if
        :: lawful(mine) ->
            stale = stale || !held(mine);
            if :: wanted -> status = cancelled :: else -> status = pending fi;
            token = NOBODY; starts--
        :: else -> skip
        fi
    }
}

active [2] proctype Worker() {
    byte mine = NOBODY;
    byte beats;
    do
    :: next_token < 5 ->
        claim(mine);
        beats = 0;
        do
        :: beats < 1 ->                                   /* heartbeat: renew_job_locks */
            atomic { beats++; if :: held(mine) -> expired = false :: else -> skip fi }
        :: true -> complete(mine); break
        :: true -> fail(mine); break
        :: true -> heed(mine); break
        :: beats == 0 -> release(mine); break             /* given back before it began */
        :: true -> break                                  /* killed: this incarnation says nothing any more */
        od
    :: break
    od
}

/* Time passes: a lock may run out whether its worker lives or not. */
active proctype Clock() {
    byte n = 0;
    do
    :: n < 2 -> atomic { n++; if :: status == processing -> expired = true :: else -> skip fi }
    :: break
    od
}

/* cleanup_expired_locks */
active proctype Rescuer() {
    byte n = 0;
    do
    :: n < 2 -> atomic { n++; if :: status == processing && expired -> give_up_attempt() :: else -> skip fi }
    :: break
    od
}

active proctype Operator() {
    if
    :: atomic {
        if
        :: status == pending -> wanted = true; status = cancelled
        :: status == processing -> wanted = true
        :: else -> skip
        fi
       }
    :: skip
    fi;
    do
    :: atomic { status == dead_letter && redrives < REDRIVES -> redrives++; status = pending; retries = 0; wanted = false; starts = 0 }
    :: break
    od
}

/* Completed at most once; a lock exactly while it is processed; never a write of another's; no endless attempts. */
ltl lawful { [] (commits <= 1 && !stale && starts <= RETRIES + 1 && ((status == processing) == (token != NOBODY))) }
/* What is completed or cancelled stays so. */
ltl final { [] ((status == completed -> [] (status == completed)) && (status == cancelled -> [] (status == cancelled))) }
/* Only to say what the search finds without tokens. */
ltl once { [] (commits <= 1) }
