/* usage: how much CPU time a process and the whole machine have used so far, from /proc. */
#ifndef GREGOR_BENCH_USAGE_H
#define GREGOR_BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
    int64_t at_ns;   /* monotonic */
    double broker_s; /* user and system, all threads */
    double self_s;
    double machine_s;     /* all that was not idle, steal included */
    double machine_all_s; /* idle too */
    double steal_s;
};

int64_t usage_now_ns(void);
struct usage usage_take(pid_t broker /* 0: none */);

#endif
