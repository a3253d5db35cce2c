/* Quotas of clients and of addresses: ClientQuotaRecord. (ClientQuotasImage, KIP-546) */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/image/state.h"

enum { KEY_BYTES_MAX = IMAGE_RECORD_BYTES_MAX };

/* One entity that has quotas, and only as long as it has. */
struct entity {
    struct order_item item; /* the key: its parts, each with its size */
    struct image_quota quota;
    int32_t capacity; /* of quota.values */
};

/* Parts carry their size, so that no two lists of parts give the same key. */
static void key_part(struct writer *key, struct slice part)
{
    writer_put_u8(key, slice_is_null(part) ? 0 : 1);
    writer_put_uvarint(key, part.size);
    writer_put(key, part);
}

/* The part whose type comes next after `last` in the order of types; NULL: none. An entity is a
 * set: the same parts in another order are the same entity. */
static const struct image_quota_part *next_part(const struct image_quota_part *parts, int32_t count,
                                                struct slice last)
{
    const struct image_quota_part *least = NULL;
    for (int32_t i = 0; i < count; i++) {
        if (!slice_is_null(last) && slice_compare(parts[i].type, last) <= 0) continue;
        if (least == NULL || slice_compare(parts[i].type, least->type) < 0) least = &parts[i];
    }
    return least;
}

static void key_entity(struct writer *key, const struct image_quota_part *parts, int32_t count)
{
    writer_init(key, KEY_BYTES_MAX);
    const struct image_quota_part *part = next_part(parts, count, SLICE_NULL);
    for (; part != NULL; part = next_part(parts, count, part->type)) {
        key_part(key, part->type);
        key_part(key, part->name);
    }
}

static struct entity *find_entity(const struct image *image, struct slice key)
{
    struct order_item *item = order_find(&image->quotas, key);
    return item == NULL ? NULL : CONTAINER_OF(item, struct entity, item);
}

static struct entity *add_entity(struct image *image, struct slice key,
                                 const struct image_quota_part *parts, int32_t count)
{
    struct entity *entity = memory_alloc_zero(sizeof(*entity));
    entity->item.key = image_keep(key);
    struct image_quota_part *kept = memory_alloc_zero((size_t)count * sizeof(kept[0]));
    const struct image_quota_part *part = next_part(parts, count, SLICE_NULL);
    for (; part != NULL; part = next_part(parts, count, part->type))
        kept[entity->quota.part_count++] =
            (struct image_quota_part){image_keep(part->type), image_keep(part->name)};
    ASSERT(entity->quota.part_count <= count);
    entity->quota.parts = kept;
    order_put(&image->quotas, &entity->item);
    return entity;
}

static void remove_entity(struct image *image, struct entity *entity)
{
    order_remove(&image->quotas, &entity->item);
    for (int32_t i = 0; i < entity->quota.part_count; i++) {
        image_forget(entity->quota.parts[i].type);
        image_forget(entity->quota.parts[i].name);
    }
    for (int32_t i = 0; i < entity->quota.value_count; i++)
        image_forget(entity->quota.values[i].key);
    memory_free(entity->quota.parts);
    memory_free(entity->quota.values);
    image_forget(entity->item.key);
    memory_free(entity);
}

/* Where `key` is among the values, or would have to be put. */
static int32_t find_value(const struct image_quota *quota, struct slice key, bool *found)
{
    int32_t at = 0; /* there are five keys in all */
    while (at < quota->value_count && slice_compare(quota->values[at].key, key) < 0)
        at++;
    *found = at < quota->value_count && slice_equal(quota->values[at].key, key);
    return at;
}

static void set_value(struct entity *entity, struct slice key, double value)
{
    struct image_quota *quota = &entity->quota;
    bool found;
    int32_t at = find_value(quota, key, &found);
    if (found) {
        quota->values[at].value = value;
        return;
    }
    ASSERT(quota->value_count <= entity->capacity);
    if (quota->value_count == entity->capacity) {
        entity->capacity = entity->capacity * 2 + 1;
        quota->values =
            memory_grow(quota->values, (size_t)entity->capacity * sizeof(quota->values[0]));
    }
    memmove(&quota->values[at + 1], &quota->values[at],
            (size_t)(quota->value_count - at) * sizeof(quota->values[0]));
    quota->values[at] = (struct image_quota_value){image_keep(key), value};
    quota->value_count++;
}

static void unset_value(struct entity *entity, struct slice key)
{
    struct image_quota *quota = &entity->quota;
    bool found;
    int32_t at = find_value(quota, key, &found);
    if (!found) return;
    image_forget(quota->values[at].key);
    quota->value_count--;
    memmove(&quota->values[at], &quota->values[at + 1],
            (size_t)(quota->value_count - at) * sizeof(quota->values[0]));
}

int apply_client_quota(const struct image_applied *to, const struct client_quota_record *record)
{
    struct image *image = to->image;
    if (slice_is_null(record->key) || record->entity_count <= 0) return -EBADMSG;
    size_t count = (size_t)record->entity_count;
    struct image_quota_part *parts = arena_alloc(&image->scratch, count * sizeof(parts[0]));
    for (size_t i = 0; i < count; i++)
        parts[i] =
            (struct image_quota_part){record->entity[i].entity_type, record->entity[i].entity_name};
    struct writer key;
    key_entity(&key, parts, (int32_t)count);
    int r = writer_error(&key);
    if (r == 0) {
        struct entity *entity = find_entity(image, writer_slice(&key));
        if (!record->remove) {
            if (entity == NULL)
                entity = add_entity(image, writer_slice(&key), parts, (int32_t)count);
            set_value(entity, record->key, record->value);
        } else if (entity != NULL) {
            unset_value(entity, record->key);
            if (entity->quota.value_count == 0) remove_entity(image, entity);
        }
        image_tell(to->listener, &(struct image_change){.kind = IMAGE_QUOTA_CHANGED});
    }
    writer_deinit(&key);
    return r == 0 ? 0 : -EBADMSG;
}

static int write_value(const struct image_quota *quota, const struct image_quota_value *value,
                       struct image_sink *sink)
{
    struct client_quota_record record = {
        .entity_count = quota->part_count, .key = value->key, .value = value->value};
    record.entity = arena_alloc(&sink->arena, (size_t)quota->part_count * sizeof(record.entity[0]));
    for (int32_t i = 0; i < quota->part_count; i++)
        record.entity[i] = (struct client_quota_record_entity_data){
            .entity_type = quota->parts[i].type, .entity_name = quota->parts[i].name};
    return image_sink_put(sink, IMAGE_RECORD_CLIENT_QUOTA, &record);
}

int quotas_write(const struct image *image, struct image_sink *sink)
{
    struct slice cursor = SLICE_NULL;
    const struct image_quota *quota;
    int r = 0;
    while (r == 0 && (quota = image_quota_next(image, &cursor)) != NULL)
        for (int32_t i = 0; i < quota->value_count && r == 0; i++)
            r = write_value(quota, &quota->values[i], sink);
    return r;
}

void quotas_free(struct image *image)
{
    struct order_item *item;
    while ((item = order_first(&image->quotas)) != NULL)
        remove_entity(image, CONTAINER_OF(item, struct entity, item));
    order_deinit(&image->quotas);
}

/* --- looking ---------------------------------------------------------------------------------- */

const struct image_quota *image_quota(const struct image *image,
                                      const struct image_quota_part *parts, int32_t count)
{
    struct writer key;
    key_entity(&key, parts, count);
    const struct entity *entity =
        writer_error(&key) < 0 ? NULL : find_entity(image, writer_slice(&key));
    writer_deinit(&key);
    return entity == NULL ? NULL : &entity->quota;
}

const struct image_quota *image_quota_next(const struct image *image, struct slice *cursor)
{
    struct order_item *item =
        slice_is_null(*cursor) ? order_first(&image->quotas) : order_after(&image->quotas, *cursor);
    if (item == NULL) return NULL;
    *cursor = item->key;
    return &CONTAINER_OF(item, struct entity, item)->quota;
}

const struct image_quota_part *image_quota_part(const struct image_quota *quota, struct slice type)
{
    for (int32_t i = 0; i < quota->part_count; i++) {
        if (slice_equal(quota->parts[i].type, type)) return &quota->parts[i];
    }
    return NULL;
}

const double *image_quota_value(const struct image_quota *quota, struct slice key)
{
    bool found;
    int32_t at = find_value(quota, key, &found);
    return found ? &quota->values[at].value : NULL;
}
