/* Values against their definitions; settings' own. */
#ifndef GREGOR_CORE_SETTINGS_CHECK_H
#define GREGOR_CORE_SETTINGS_CHECK_H

#include "core/settings/table.h"

/* The value as Kafka would print it after parsing: "+5 " is 5, "TRUE" true, "a , b,a" a,b. Lives in
 * the arena, in `value` or for ever. -EINVAL: *error says why. */
MUST_USE int setting_canonical(const struct setting *setting, struct slice value,
                               struct arena *arena, struct slice *canonical, struct slice *error);

struct slice setting_trim(struct slice text);
double setting_parse_real(struct slice text); /* NaN: not a number */

#endif
