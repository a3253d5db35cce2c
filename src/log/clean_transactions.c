/* Transactions at the place of a walk: which data was aborted, and which markers have nothing left
 * to end. (CleanedTransactionMetadata, TransactionIndex) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "log/clean_private.h"
#include "log/folder.h"

enum {
    INDEX_BYTES_MAX = 256 << 20,
    MARKER_ABORT = 0,
    MARKER_COMMIT = 1,
    MARKER_KEY_SIZE = 4, /* version i16, type i16 */
};

struct clean_transaction {
    struct clean_aborted aborted; /* where it was */
    int64_t producer_id;
    bool was_aborted;
    bool seen; /* some of its data */
};

void clean_transactions_init(struct clean_transactions *transactions)
{
    *transactions = (struct clean_transactions){0};
    map_init(&transactions->open, 0);
}

static void forget_open(struct clean_transactions *transactions)
{
    size_t cursor = 0;
    struct clean_transaction *open;
    while ((open = map_next(&transactions->open, &cursor)) != NULL) {
        map_remove(&transactions->open, MAP_KEY(open->producer_id));
        memory_free(open);
    }
}

void clean_transactions_deinit(struct clean_transactions *transactions)
{
    forget_open(transactions);
    map_deinit(&transactions->open);
    memory_free(transactions->aborted);
    memory_free(transactions->kept);
}

static int compare_first(const void *a, const void *b)
{
    int64_t first = ((const struct clean_aborted *)a)->first_offset;
    int64_t second = ((const struct clean_aborted *)b)->first_offset;
    return (first > second) - (first < second);
}

void clean_transactions_restart(struct clean_transactions *transactions)
{
    if (transactions->aborted_count > 0)
        qsort(transactions->aborted, transactions->aborted_count, sizeof(transactions->aborted[0]),
              compare_first);
    forget_open(transactions);
    transactions->next = 0;
    transactions->kept_count = 0;
}

static struct clean_aborted *add(struct clean_aborted **items, size_t *count, size_t *capacity)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 16 : *capacity * 2;
        *items = memory_grow(*items, *capacity * sizeof((*items)[0]));
    }
    return &(*items)[(*count)++];
}

int clean_transactions_load(struct clean_transactions *transactions, struct os *os,
                            const char *directory, int64_t base_offset)
{
    char name[64];
    uint8_t *bytes;
    size_t size;
    snprintf(name, sizeof(name), "%020lld.txnindex", (long long)base_offset);
    int r = folder_read_file(os, directory, INDEX_BYTES_MAX, name, &bytes, &size);
    if (r < 0) return r == -ENOENT ? 0 : r;
    if (transactions->aborted_count + size / CLEAN_ABORTED_SIZE > CLEAN_ABORTED_MAX) {
        memory_free(bytes);
        return -EMSGSIZE;
    }
    for (size_t at = 0; at + CLEAN_ABORTED_SIZE <= size; at += CLEAN_ABORTED_SIZE) {
        const uint8_t *entry = bytes + at + 2; /* behind the version */
        *add(&transactions->aborted, &transactions->aborted_count,
             &transactions->aborted_capacity) = (struct clean_aborted){
            .producer_id = (int64_t)load_be64(entry),
            .first_offset = (int64_t)load_be64(entry + 8),
            .last_offset = (int64_t)load_be64(entry + 16),
            .last_stable_offset = (int64_t)load_be64(entry + 24),
        };
    }
    memory_free(bytes);
    return 0;
}

static struct clean_transaction *open_one(struct clean_transactions *transactions,
                                          int64_t producer_id)
{
    struct clean_transaction *open = map_get(&transactions->open, MAP_KEY(producer_id));
    if (open != NULL) return open;
    ASSERT(transactions->next <= transactions->aborted_count);
    open = memory_alloc_zero(sizeof(*open));
    open->producer_id = producer_id;
    map_put(&transactions->open, MAP_KEY(open->producer_id), open);
    return open;
}

/* Those that begin at or below `offset` are under way now. */
static void come_to(struct clean_transactions *transactions, int64_t offset)
{
    while (transactions->next < transactions->aborted_count &&
           transactions->aborted[transactions->next].first_offset <= offset) {
        const struct clean_aborted *aborted = &transactions->aborted[transactions->next++];
        struct clean_transaction *open = open_one(transactions, aborted->producer_id);
        open->aborted = *aborted;
        open->was_aborted = true;
    }
}

static int marker_type(const struct batch *batch, int16_t *type)
{
    struct record_walk walk;
    struct record record;
    if (batch_codec(batch) != COMPRESS_NONE) return -EBADMSG; /* markers never are */
    int r = record_walk_start(&walk, batch, NULL, batch->records.size);
    if (r == 0) r = record_walk_next(&walk, &record);
    if (r != 1 || record.key.size < MARKER_KEY_SIZE) return -EBADMSG;
    *type = (int16_t)load_be16(record.key.data + 2);
    return 0;
}

static int note_marker(struct clean_transactions *transactions, const struct batch *batch,
                       bool *may_go)
{
    *may_go = false;
    if (batch->count == 0) {
        *may_go = true; /* it was emptied the last time */
        return 0;
    }
    int16_t type;
    int r = marker_type(batch, &type);
    if (r < 0) return r;
    if (type != MARKER_ABORT && type != MARKER_COMMIT) return 0;
    struct clean_transaction *open = map_remove(&transactions->open, MAP_KEY(batch->producer_id));
    if (open == NULL) {
        *may_go = true;
        return 0;
    }
    if (open->was_aborted && open->seen)
        *add(&transactions->kept, &transactions->kept_count, &transactions->kept_capacity) =
            open->aborted;
    *may_go = !open->seen;
    memory_free(open);
    return 0;
}

int clean_transactions_note(struct clean_transactions *transactions, const struct batch *batch,
                            bool *may_go)
{
    come_to(transactions, batch_last_offset(batch));
    if ((batch->attributes & BATCH_CONTROL) != 0) return note_marker(transactions, batch, may_go);
    *may_go = false;
    if ((batch->attributes & BATCH_TRANSACTIONAL) == 0) return 0;
    struct clean_transaction *open = open_one(transactions, batch->producer_id);
    open->seen = true;
    *may_go = open->was_aborted;
    return 0;
}
