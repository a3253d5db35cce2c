/* watch: what a command prints, printed anew every two seconds where --watch asks for it. */
#ifndef GREGOR_CLI_WATCH_H
#define GREGOR_CLI_WATCH_H

#include "cli/client.h"

/* Runs `once`; with --watch again and again until it fails or nobody reads. The command's arena is
 * emptied between two runs. */
MUST_USE int watch_run(struct cli *cli, int (*once)(struct cli *cli, void *context), void *context);

/* What ends one of the runs, when all is printed: the time until the next. */
void watch_pause(const struct cli *cli, struct client *client);

#endif
