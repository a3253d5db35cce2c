/* Overrides of settings: ConfigRecord. (ConfigurationsImage) */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/image/state.h"

/* One resource that has overrides, and only as long as it has. */
struct resource {
    struct order_item item;       /* the key is one byte for the type, then the name */
    struct image_config *configs; /* ascending by name */
    int32_t count;
    int32_t capacity;
};

static struct slice resource_name(const struct resource *resource)
{
    ASSERT(resource->item.key.size >= 1);
    return (struct slice){resource->item.key.data + 1, resource->item.key.size - 1};
}

/* The key of a resource; the caller gives it back with image_forget. */
static struct slice resource_key(enum image_resource type, struct slice name)
{
    uint8_t *bytes = memory_alloc(name.size + 1);
    bytes[0] = (uint8_t)type;
    if (name.size > 0) memcpy(bytes + 1, name.data, name.size);
    return (struct slice){bytes, name.size + 1};
}

static struct resource *find_resource(const struct image *image, enum image_resource type,
                                      struct slice name)
{
    struct slice key = resource_key(type, name);
    struct order_item *item = order_find(&image->configs, key);
    image_forget(key);
    return item == NULL ? NULL : CONTAINER_OF(item, struct resource, item);
}

static struct resource *add_resource(struct image *image, enum image_resource type,
                                     struct slice name)
{
    struct resource *resource = memory_alloc_zero(sizeof(*resource));
    resource->item.key = resource_key(type, name);
    order_put(&image->configs, &resource->item);
    return resource;
}

static void remove_resource(struct image *image, struct resource *resource)
{
    order_remove(&image->configs, &resource->item);
    for (int32_t i = 0; i < resource->count; i++) {
        image_forget(resource->configs[i].name);
        image_forget(resource->configs[i].value);
    }
    memory_free(resource->configs);
    image_forget(resource->item.key);
    memory_free(resource);
}

/* Where `name` is among the overrides, or would have to be put. */
static int32_t find_config(const struct resource *resource, struct slice name, bool *found)
{
    int32_t low = 0;
    int32_t high = resource->count;
    *found = false;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        int compared = slice_compare(resource->configs[middle].name, name);
        if (compared == 0) {
            *found = true;
            return middle;
        }
        if (compared < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_config(struct resource *resource, struct slice name, struct slice value)
{
    bool found;
    int32_t at = find_config(resource, name, &found);
    if (found) {
        image_forget(resource->configs[at].value);
        resource->configs[at].value = image_keep(value);
        return;
    }
    ASSERT(resource->count <= resource->capacity);
    if (resource->count == resource->capacity) {
        resource->capacity = resource->capacity * 2 + 1;
        resource->configs = memory_grow(resource->configs,
                                        (size_t)resource->capacity * sizeof(resource->configs[0]));
    }
    memmove(&resource->configs[at + 1], &resource->configs[at],
            (size_t)(resource->count - at) * sizeof(resource->configs[0]));
    resource->configs[at] = (struct image_config){image_keep(name), image_keep(value)};
    resource->count++;
}

static void unset_config(struct resource *resource, struct slice name)
{
    bool found;
    int32_t at = find_config(resource, name, &found);
    if (!found) return;
    ASSERT(at < resource->count);
    image_forget(resource->configs[at].name);
    image_forget(resource->configs[at].value);
    resource->count--;
    memmove(&resource->configs[at], &resource->configs[at + 1],
            (size_t)(resource->count - at) * sizeof(resource->configs[0]));
}

int apply_config(const struct image_applied *to, const struct config_record *record)
{
    struct image *image = to->image;
    enum image_resource type = (enum image_resource)record->resource_type;
    if (slice_is_null(record->resource_name) || slice_is_null(record->name)) return -EBADMSG;
    struct resource *resource = find_resource(image, type, record->resource_name);
    if (!slice_is_null(record->value)) {
        if (resource == NULL) resource = add_resource(image, type, record->resource_name);
        set_config(resource, record->name, record->value);
    } else if (resource != NULL) {
        unset_config(resource, record->name);
        if (resource->count == 0) remove_resource(image, resource);
    }
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_CONFIG_CHANGED,
                                                    .name = record->resource_name,
                                                    .resource = type});
    return 0;
}

void configs_remove_topic(struct image *image, struct slice name)
{
    struct resource *resource = find_resource(image, IMAGE_RESOURCE_TOPIC, name);
    if (resource != NULL) remove_resource(image, resource);
}

int configs_write(const struct image *image, struct image_sink *sink)
{
    struct order_item *item = order_first(&image->configs);
    for (; item != NULL; item = order_after(&image->configs, item->key)) {
        const struct resource *resource = CONTAINER_OF(item, struct resource, item);
        for (int32_t i = 0; i < resource->count; i++) {
            struct config_record record = {
                .resource_type = (int8_t)item->key.data[0],
                .resource_name = resource_name(resource),
                .name = resource->configs[i].name,
                .value = resource->configs[i].value,
            };
            int r = image_sink_put(sink, IMAGE_RECORD_CONFIG, &record);
            if (r < 0) return r;
        }
    }
    return 0;
}

void configs_free(struct image *image)
{
    struct order_item *item;
    while ((item = order_first(&image->configs)) != NULL)
        remove_resource(image, CONTAINER_OF(item, struct resource, item));
    order_deinit(&image->configs);
}

const struct image_config *image_configs(const struct image *image, enum image_resource resource,
                                         struct slice name, int32_t *count)
{
    const struct resource *found = find_resource(image, resource, name);
    *count = found == NULL ? 0 : found->count;
    return found == NULL ? NULL : found->configs;
}

struct slice image_config(const struct image *image, enum image_resource resource,
                          struct slice name, struct slice key)
{
    const struct resource *found = find_resource(image, resource, name);
    if (found == NULL) return SLICE_NULL;
    bool present;
    int32_t at = find_config(found, key, &present);
    return present ? found->configs[at].value : SLICE_NULL;
}

bool image_config_resource_next(const struct image *image, enum image_resource resource,
                                struct slice *cursor)
{
    struct slice key = resource_key(resource, *cursor);
    struct order_item *item = slice_is_null(*cursor) ? order_find(&image->configs, key) : NULL;
    if (item == NULL) item = order_after(&image->configs, key);
    image_forget(key);
    if (item == NULL || item->key.data[0] != (uint8_t)resource) return false;
    *cursor = resource_name(CONTAINER_OF(item, struct resource, item));
    return true;
}
