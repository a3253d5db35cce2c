#include "usage.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t usage_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Fields 14 and 15 of /proc/PID/stat, counted behind the name, which may be anything. (proc(5)) */
static double process_s(pid_t pid)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    size_t size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = 0;
    const char *after = strrchr(text, ')');
    unsigned long long user = 0, system = 0;
    if (after == NULL || sscanf(after, ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu",
                                &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void machine_take(struct usage *usage)
{
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL) return;
    /* user nice system idle iowait irq softirq steal */
    unsigned long long field[8] = {0};
    int got = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &field[0], &field[1],
                     &field[2], &field[3], &field[4], &field[5], &field[6], &field[7]);
    fclose(file);
    double tick = (double)sysconf(_SC_CLK_TCK);
    for (int i = 0; i < got; i++) {
        usage->machine_all_s += (double)field[i] / tick;
        if (i != 3 && i != 4) usage->machine_s += (double)field[i] / tick;
    }
    usage->steal_s = (double)field[7] / tick;
}

static double timeval_s(struct timeval value)
{
    return (double)value.tv_sec + (double)value.tv_usec / 1e6;
}

struct usage usage_take(pid_t broker)
{
    struct usage usage = {.at_ns = usage_now_ns()};
    struct rusage self;
    getrusage(RUSAGE_SELF, &self);
    usage.self_s = timeval_s(self.ru_utime) + timeval_s(self.ru_stime);
    if (broker != 0) usage.broker_s = process_s(broker);
    machine_take(&usage);
    return usage;
}
