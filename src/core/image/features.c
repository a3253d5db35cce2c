/* Finalized feature levels: FeatureLevelRecord. (FeaturesImage) */
#include <errno.h>

#include "base/memory.h"
#include "core/image/state.h"

#define METADATA_VERSION SLICE("metadata.version")

struct feature {
    struct order_item item; /* the key is the feature's name */
    int16_t level;
};

static void remove_feature(struct image *image, struct order_item *item)
{
    order_remove(&image->features, item);
    image_forget(item->key);
    memory_free(CONTAINER_OF(item, struct feature, item));
}

int apply_feature_level(const struct image_applied *to, const struct feature_level_record *record)
{
    struct image *image = to->image;
    if (record->name.size == 0) return -EBADMSG;
    struct order_item *item = order_find(&image->features, record->name);
    if (record->feature_level == 0) {
        if (item != NULL) remove_feature(image, item);
    } else {
        if (item == NULL) {
            struct feature *feature = memory_alloc_zero(sizeof(*feature));
            feature->item.key = image_keep(record->name);
            order_put(&image->features, &feature->item);
            item = &feature->item;
        }
        CONTAINER_OF(item, struct feature, item)->level = record->feature_level;
    }
    image_tell(to->listener,
               &(struct image_change){.kind = IMAGE_FEATURE_CHANGED, .name = record->name});
    return 0;
}

static int feature_write(struct slice name, int16_t level, struct image_sink *sink)
{
    struct feature_level_record record = {.name = name, .feature_level = level};
    return image_sink_put(sink, IMAGE_RECORD_FEATURE_LEVEL, &record);
}

/* metadata.version goes first, because it tells how to read the rest. */
int features_write(const struct image *image, struct image_sink *sink)
{
    int16_t metadata_version = image_metadata_version(image);
    if (metadata_version > 0) {
        int r = feature_write(METADATA_VERSION, metadata_version, sink);
        if (r < 0) return r;
    }
    struct slice name = SLICE_NULL;
    int16_t level;
    while (image_feature_next(image, &name, &level)) {
        if (slice_equal(name, METADATA_VERSION)) continue;
        int r = feature_write(name, level, sink);
        if (r < 0) return r;
    }
    return 0;
}

void features_free(struct image *image)
{
    struct order_item *item;
    while ((item = order_first(&image->features)) != NULL)
        remove_feature(image, item);
    order_deinit(&image->features);
}

int16_t image_feature(const struct image *image, struct slice name)
{
    struct order_item *item = order_find(&image->features, name);
    return item == NULL ? 0 : CONTAINER_OF(item, struct feature, item)->level;
}

int16_t image_metadata_version(const struct image *image)
{
    return image_feature(image, METADATA_VERSION);
}

bool image_feature_next(const struct image *image, struct slice *cursor, int16_t *level)
{
    struct order_item *item = slice_is_null(*cursor) ? order_first(&image->features)
                                                     : order_after(&image->features, *cursor);
    if (item == NULL) return false;
    *cursor = item->key;
    *level = CONTAINER_OF(item, struct feature, item)->level;
    return true;
}
