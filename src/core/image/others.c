/* What the image keeps but does not yet look into: ACLs, SCRAM credentials,
 * delegation tokens, the state of a migration from ZooKeeper. The newest record
 * of each thing is kept whole, so that a snapshot loses nothing.
 */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "core/image/state.h"

struct other {
    struct order_item item;   /* the key is one byte for the kind of record, then
                             what it is about */
    struct slice record;      /* as framed in the log */
    struct image_scram scram; /* of such a record; the user is in the key */
};

enum { KEY_BYTES_MAX = IMAGE_RECORD_BYTES_MAX };

static void remove_other(struct image *image, struct order_item *item)
{
    struct other *other = CONTAINER_OF(item, struct other, item);
    order_remove(&image->others, item);
    image_forget(other->item.key);
    image_forget(other->record);
    memory_free(other);
}

/* Starts the key of a thing; parts follow. */
static void key_begin(struct writer *key, enum image_record kind)
{
    writer_init(key, KEY_BYTES_MAX);
    writer_put_u8(key, (uint8_t)kind);
}

/* Parts carry their size, so that no two lists of parts give the same key. */
static void key_part(struct writer *key, struct slice part)
{
    writer_put_u8(key, slice_is_null(part) ? 0 : 1);
    writer_put_uvarint(key, part.size);
    writer_put(key, part);
}

static void tell_other(const struct image_applied *to)
{
    image_tell(to->listener, &(struct image_change){.kind = IMAGE_OTHER_CHANGED});
}

/* Keeps the record instead of what stood under the key. Ends the key. NULL: the key is too long. */
static struct other *keep(const struct image_applied *to, struct writer *key)
{
    struct other *other = NULL;
    if (writer_error(key) == 0) {
        struct order_item *old = order_find(&to->image->others, writer_slice(key));
        if (old != NULL) remove_other(to->image, old);
        other = memory_alloc_zero(sizeof(*other));
        other->item.key = image_keep(writer_slice(key));
        other->record = image_keep(to->bytes);
        order_put(&to->image->others, &other->item);
        tell_other(to);
    }
    writer_deinit(key);
    return other;
}

/* Drops what stands under the key; -EBADMSG if there is none and there must be.
 * Ends the key. */
static int drop(const struct image_applied *to, struct writer *key, bool must_exist)
{
    struct order_item *old =
        writer_error(key) < 0 ? NULL : order_find(&to->image->others, writer_slice(key));
    writer_deinit(key);
    if (old == NULL) return must_exist ? -EBADMSG : 0;
    remove_other(to->image, old);
    tell_other(to);
    return 0;
}

static void key_acl(struct writer *key, const struct uuid *id)
{
    key_begin(key, IMAGE_RECORD_ACCESS_CONTROL_ENTRY);
    writer_put(key, MAP_KEY(*id));
}

int apply_access_control_entry(const struct image_applied *to,
                               const struct access_control_entry_record *record)
{
    struct writer key;
    key_acl(&key, &record->id);
    return keep(to, &key) == NULL ? -EBADMSG : 0;
}

int apply_remove_access_control_entry(const struct image_applied *to,
                                      const struct remove_access_control_entry_record *record)
{
    struct writer key;
    key_acl(&key, &record->id);
    return drop(to, &key, true);
}

static void key_scram(struct writer *key, int8_t mechanism, struct slice name)
{
    key_begin(key, IMAGE_RECORD_USER_SCRAM_CREDENTIAL);
    writer_put_u8(key, (uint8_t)mechanism);
    key_part(key, name);
}

int apply_user_scram_credential(const struct image_applied *to,
                                const struct user_scram_credential_record *record)
{
    struct writer key;
    key_scram(&key, record->mechanism, record->name);
    struct other *other = keep(to, &key);
    if (other == NULL) return -EBADMSG;
    struct slice end = other->item.key; /* the name is its end */
    other->scram = (struct image_scram){
        .user = {end.data + (end.size - record->name.size), record->name.size},
        .mechanism = record->mechanism,
        .iterations = record->iterations,
    };
    return 0;
}

const struct image_scram *image_scram(const struct image *image, int8_t mechanism,
                                      struct slice user)
{
    struct writer key;
    key_scram(&key, mechanism, user);
    struct order_item *item =
        writer_error(&key) < 0 ? NULL : order_find(&image->others, writer_slice(&key));
    writer_deinit(&key);
    return item == NULL ? NULL : &CONTAINER_OF(item, struct other, item)->scram;
}

const struct image_scram *image_scram_next(const struct image *image, struct slice *cursor)
{
    static const uint8_t kind = IMAGE_RECORD_USER_SCRAM_CREDENTIAL;
    struct slice after = slice_is_null(*cursor) ? (struct slice){&kind, sizeof(kind)} : *cursor;
    struct order_item *item = order_after(&image->others, after);
    if (item == NULL || item->key.data[0] != kind) return NULL;
    *cursor = item->key;
    return &CONTAINER_OF(item, struct other, item)->scram;
}

int apply_remove_user_scram_credential(const struct image_applied *to,
                                       const struct remove_user_scram_credential_record *record)
{
    struct writer key;
    key_scram(&key, record->mechanism, record->name);
    return drop(to, &key, true);
}

int apply_delegation_token(const struct image_applied *to,
                           const struct delegation_token_record *record)
{
    struct writer key;
    key_begin(&key, IMAGE_RECORD_DELEGATION_TOKEN);
    key_part(&key, record->token_id);
    return keep(to, &key) == NULL ? -EBADMSG : 0;
}

int apply_remove_delegation_token(const struct image_applied *to,
                                  const struct remove_delegation_token_record *record)
{
    struct writer key;
    key_begin(&key, IMAGE_RECORD_DELEGATION_TOKEN);
    key_part(&key, record->token_id);
    return drop(to, &key, true);
}

int apply_zk_migration_state(const struct image_applied *to)
{
    struct writer key;
    key_begin(&key, IMAGE_RECORD_ZK_MIGRATION_STATE);
    return keep(to, &key) == NULL ? -EBADMSG : 0;
}

int others_write(const struct image *image, struct image_sink *sink)
{
    struct order_item *item = order_first(&image->others);
    for (; item != NULL; item = order_after(&image->others, item->key)) {
        int r = sink->emit(sink->context, CONTAINER_OF(item, struct other, item)->record);
        if (r < 0) return r;
    }
    return 0;
}

void others_free(struct image *image)
{
    struct order_item *item;
    while ((item = order_first(&image->others)) != NULL)
        remove_other(image, item);
    order_deinit(&image->others);
}
