/*
 * config: a node's settings, from a file, the command line and what a node on its own needs.
 *
 * Without a file a node is on its own: broker and controller, on localhost:9092, data in
 * ./gregor-data.
 */
#ifndef GREGOR_CLI_CONFIG_H
#define GREGOR_CLI_CONFIG_H

#include "cli/cli.h"
#include "core/settings/settings.h"

/* One setting that a command adds to its defaults: below the file and below --override. */
struct config_default {
    const char *key;
    const char *value;
};

/* Reads `file` (NULL: none, but the defaults) and the --override options, judges all of it and says
 * on standard error what is wrong with it; unknown keys are warned of unless --quiet. CLI_OK, or
 * the exit code; the caller destroys the settings. */
MUST_USE int config_open(struct cli *cli, const char *file, const struct config_default *defaults,
                         int default_count, struct settings **opened);

#endif
