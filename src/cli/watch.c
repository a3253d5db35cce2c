#include "cli/watch.h"

#include <stdio.h>
#include <unistd.h>

enum { INTERVAL_MS = 2000 };

int watch_run(struct cli *cli, int (*once)(struct cli *cli, void *context), void *context)
{
    int r = once(cli, context);
    while (r == CLI_OK && cli_has(cli, OPTION_WATCH) && cli_flush()) {
        arena_reset(&cli->arena);
        r = once(cli, context);
    }
    return r;
}

void watch_pause(const struct cli *cli, struct client *client)
{
    if (!cli_has(cli, OPTION_WATCH) || !cli_flush()) return;
    client_sleep(client, INTERVAL_MS);
    /* On a terminal over what stood there, elsewhere one below the other. */
    if (isatty(STDOUT_FILENO)) fputs("\033[H\033[2J", stdout);
}
