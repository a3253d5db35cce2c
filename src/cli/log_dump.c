#include "cli/cli.h"
int cli_log_dump(struct cli *cli)
{
    (void)cli;
    return 0;
}
