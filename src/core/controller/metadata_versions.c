/* The names of metadata.version's levels. (MetadataVersion) */
#include "core/controller/controller.h"

enum { FIRST_LEVEL = 7 };

static const char *const names[] = {
    "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2",
    "3.7-IV0", "3.7-IV1", "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0",
    "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0", "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0",
};

const char *controller_metadata_version_name(int16_t level)
{
    int index = level - FIRST_LEVEL;
    if (index < 0 || index >= (int)ARRAY_COUNT(names)) return "unknown";
    return names[index];
}

/* "4.3", and "4.3.1" too, mean the last level of that release. */
static bool is_release(struct slice name, struct slice release)
{
    struct slice prefix = {name.data, 3};
    ASSERT(name.size == 7);
    if (!slice_starts_with(release, prefix)) return false;
    return release.size == 3 || release.data[3] == '.';
}

int16_t controller_metadata_version_level(struct slice name)
{
    for (size_t i = ARRAY_COUNT(names); i-- > 0;) {
        struct slice known = slice_of(names[i]);
        if (slice_equal(known, name) || (name.size >= 3 && is_release(known, name)))
            return (int16_t)(FIRST_LEVEL + (int)i);
    }
    return -1;
}
