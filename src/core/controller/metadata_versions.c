/* The levels of metadata.version. (MetadataVersion) */
#include "core/controller/plan.h"

enum { FIRST_LEVEL = 7 };

static const struct {
    const char *name;
    bool changes_records;
} levels[] = {
    {"3.3-IV3", true},  {"3.4-IV0", true},  {"3.5-IV0", false}, {"3.5-IV1", false},
    {"3.5-IV2", true},  {"3.6-IV0", false}, {"3.6-IV1", true},  {"3.6-IV2", true},
    {"3.7-IV0", true},  {"3.7-IV1", false}, {"3.7-IV2", true},  {"3.7-IV3", false},
    {"3.7-IV4", false}, {"3.8-IV0", false}, {"3.9-IV0", false}, {"4.0-IV0", false},
    {"4.0-IV1", true},  {"4.0-IV2", false}, {"4.0-IV3", false}, {"4.1-IV0", false},
    {"4.1-IV1", false}, {"4.2-IV0", false}, {"4.2-IV1", false}, {"4.3-IV0", true},
};

const char *controller_metadata_version_name(int16_t level)
{
    int index = level - FIRST_LEVEL;
    if (index < 0 || index >= (int)ARRAY_COUNT(levels)) return "unknown";
    return levels[index].name;
}

bool metadata_version_changes_records(int16_t level)
{
    ASSERT(level >= FIRST_LEVEL);
    ASSERT(level < FIRST_LEVEL + (int)ARRAY_COUNT(levels));
    return levels[level - FIRST_LEVEL].changes_records;
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
    for (size_t i = ARRAY_COUNT(levels); i-- > 0;) {
        struct slice known = slice_of(levels[i].name);
        if (slice_equal(known, name) || (name.size >= 3 && is_release(known, name)))
            return (int16_t)(FIRST_LEVEL + (int)i);
    }
    return -1;
}
