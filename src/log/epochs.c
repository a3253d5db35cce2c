/*
 * Leader epochs: which epoch begins at which offset. (LeaderEpochFileCache; KIP-101, KIP-279)
 *
 * leader-epoch-checkpoint:   0            the format's version
 *                            2            how many
 *                            0 0          epoch and its first offset
 *                            3 1200
 */
#include "log/log_private.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "log/folder.h"
#include "log/text.h"

enum { FILE_MAX_BYTES = 16 << 20 };

void epochs_deinit(struct epochs *epochs)
{
    memory_free(epochs->entries);
    *epochs = (struct epochs){0};
}

static void push(struct epochs *epochs, int32_t epoch, int64_t start_offset)
{
    if (epochs->count == epochs->capacity) {
        epochs->capacity = epochs->capacity == 0 ? 4 : epochs->capacity * 2;
        epochs->entries =
            memory_grow(epochs->entries, (size_t)epochs->capacity * sizeof(epochs->entries[0]));
    }
    ASSERT(epochs->count < epochs->capacity);
    epochs->entries[epochs->count++] = (struct epoch_entry){epoch, start_offset};
}

void epochs_assign(struct epochs *epochs, int32_t epoch, int64_t start_offset)
{
    ASSERT(start_offset >= 0);
    if (epoch < 0) return; /* written before there were epochs */
    if (epochs->count > 0 && epochs->entries[epochs->count - 1].epoch >= epoch) return;
    /* An epoch in which nothing was written gives way to the next. */
    while (epochs->count > 0 && epochs->entries[epochs->count - 1].start_offset >= start_offset)
        epochs->count--;
    push(epochs, epoch, start_offset);
    epochs->dirty = true;
}

void epochs_truncate_end(struct epochs *epochs, int64_t end_offset)
{
    while (epochs->count > 0 && epochs->entries[epochs->count - 1].start_offset >= end_offset) {
        epochs->count--;
        epochs->dirty = true;
    }
}

void epochs_truncate_start(struct epochs *epochs, int64_t start_offset)
{
    int32_t gone = 0;
    while (gone + 1 < epochs->count && epochs->entries[gone + 1].start_offset <= start_offset)
        gone++;
    ASSERT(gone == 0 || gone < epochs->count);
    if (gone > 0) {
        epochs->count -= gone;
        memmove(epochs->entries, epochs->entries + gone,
                (size_t)epochs->count * sizeof(epochs->entries[0]));
        epochs->dirty = true;
    }
    if (epochs->count > 0 && epochs->entries[0].start_offset < start_offset) {
        epochs->entries[0].start_offset = start_offset;
        epochs->dirty = true;
    }
}

int epochs_load(struct epochs *epochs, struct os *os, const char *directory)
{
    uint8_t *bytes;
    size_t size;
    int r =
        folder_read_file(os, directory, FILE_MAX_BYTES, "leader-epoch-checkpoint", &bytes, &size);
    if (r == -ENOENT) return 0;
    if (r < 0) return r;
    struct slice rest = {bytes, size};
    int64_t version, count;
    if (text_is_empty(rest)) { /* made, and never written */
        memory_free(bytes);
        return 0;
    }
    r = text_take_number(&rest, &version);
    if (r == 0) r = text_take_number(&rest, &count);
    if (r == 0 && version != 0) r = -EBADMSG;
    for (int64_t i = 0; r == 0 && i < count; i++) {
        int64_t epoch, offset;
        r = text_take_number(&rest, &epoch);
        if (r == 0) r = text_take_number(&rest, &offset);
        if (r == 0 && (epoch < 0 || epoch > INT32_MAX || offset < 0)) r = -EBADMSG;
        if (r == 0) epochs_assign(epochs, (int32_t)epoch, offset);
    }
    memory_free(bytes);
    epochs->dirty = false;
    return r;
}

void epochs_print(const struct epochs *epochs, struct writer *writer)
{
    writer_printf(writer, "0\n%d\n", (int)epochs->count);
    for (int32_t i = 0; i < epochs->count; i++)
        writer_printf(writer, "%d %lld\n", (int)epochs->entries[i].epoch,
                      (long long)epochs->entries[i].start_offset);
}

int32_t log_latest_epoch(const struct log *log)
{
    return log->epochs.count == 0 ? -1 : log->epochs.entries[log->epochs.count - 1].epoch;
}

int32_t log_epoch_at(const struct log *log, int64_t offset)
{
    int32_t epoch = -1;
    for (int32_t i = 0; i < log->epochs.count; i++) {
        if (log->epochs.entries[i].start_offset > offset) break;
        epoch = log->epochs.entries[i].epoch;
    }
    return epoch;
}

void log_epoch_end(const struct log *log, int32_t epoch, int32_t *found_epoch, int64_t *end_offset)
{
    const struct epochs *epochs = &log->epochs;
    *found_epoch = -1;
    *end_offset = -1;
    if (epoch == -1 || epochs->count == 0) return;
    if (epoch == epochs->entries[epochs->count - 1].epoch) {
        *found_epoch = epoch;
        *end_offset = log->end_offset;
        return;
    }
    if (epoch > epochs->entries[epochs->count - 1].epoch) return; /* of the future: unknown here */
    int32_t next = 0;
    while (epochs->entries[next].epoch <= epoch)
        next++;
    ASSERT(next < epochs->count); /* the last one is greater */
    if (next == 0) {
        /* Older than all that is left: its records are gone, up to the first epoch's start. */
        *found_epoch = epoch;
        *end_offset = epochs->entries[0].start_offset;
        return;
    }
    *found_epoch = epochs->entries[next - 1].epoch;
    *end_offset = epochs->entries[next].start_offset;
    ASSERT(*found_epoch <= epoch);
}

void log_assign_epoch(struct log *log, int32_t epoch)
{
    epochs_assign(&log->epochs, epoch, log->end_offset);
}
