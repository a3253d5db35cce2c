#include "broker/snapshot.h"

#include <errno.h>

#include "base/bytes.h"
#include "wire/codec.h"
#include "wire/messages.h"

enum {
    VALUE_MAX_BYTES = 64 << 10,        /* of a control record */
    BATCH_TARGET_BYTES = 1 << 20,      /* of a snapshot's batches */
    DECOMPRESSED_MAX_BYTES = 64 << 20, /* of a batch that somebody compressed */
    KEY_BYTES = 4,
};

/* --- control records -------------------------------------------------------------------------- */

static void put(struct writer *value, const struct wire_message *message, const void *record)
{
    int r = wire_encode(message, 0, record, value, NULL);
    ASSERT(r == 0); /* we made it */
}

void control_put_leader_change(struct writer *value, int32_t leader_id)
{
    struct leader_change_message_voter voter = {.voter_id = leader_id};
    struct leader_change_message record = {
        .leader_id = leader_id,
        .voters = &voter,
        .voters_count = 1,
        .granting_voters = &voter,
        .granting_voters_count = 1,
    };
    put(value, &wire_leader_change_message, &record);
}

void control_put_kraft_version(struct writer *value, int16_t version)
{
    struct kraft_version_record record = {.kraft_version = version};
    put(value, &wire_kraft_version_record, &record);
}

void control_put_voter(struct writer *value, const struct snapshot_voter *voter)
{
    struct voters_record_endpoint endpoint = {
        .name = voter->listener, .host = voter->host, .port = voter->port};
    struct voters_record_voter entry = {
        .voter_id = voter->id,
        .voter_directory_id = voter->directory_id,
        .endpoints = &endpoint,
        .endpoints_count = 1,
        .kraft_version_feature = {.min_supported_version = 0, .max_supported_version = 1},
    };
    struct voters_record record = {.voters = &entry, .voters_count = 1};
    put(value, &wire_voters_record, &record);
}

void control_add(struct batch_builder *builder, int64_t now_ms, enum control_type type,
                 struct slice value)
{
    uint8_t key[KEY_BYTES];
    store_be16(key, 0);
    store_be16(key + 2, (uint16_t)type);
    builder->header.attributes |= BATCH_CONTROL;
    batch_add(builder, now_ms, (struct slice){key, sizeof(key)}, value, NULL, 0);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void begin_batch(struct snapshot_writer *writer)
{
    batch_begin(&writer->builder, writer->bytes, writer->offset, COMPRESS_NONE,
                COMPRESS_LEVEL_DEFAULT);
    writer->builder.header.partition_leader_epoch = writer->epoch;
    writer->in_batch = 0;
    writer->batch_bytes = 0;
}

static void end_batch(struct snapshot_writer *writer)
{
    ASSERT(writer->in_batch > 0);
    int r = batch_end(&writer->builder);
    if (r < 0 && writer->result == 0) writer->result = r;
    writer->offset += writer->in_batch;
    writer->in_batch = 0;
}

static void add_control(struct snapshot_writer *writer, enum control_type type, struct slice value)
{
    control_add(&writer->builder, writer->now_ms, type, value);
    writer->in_batch++;
}

void snapshot_begin(struct snapshot_writer *writer, struct writer *bytes, int64_t now_ms,
                    int32_t epoch, int64_t last_contained_ms, struct slice voters)
{
    *writer = (struct snapshot_writer){.bytes = bytes, .now_ms = now_ms, .epoch = epoch};
    struct writer value;
    writer_init(&value, VALUE_MAX_BYTES);
    begin_batch(writer);
    struct snapshot_header_record header = {.last_contained_log_timestamp = last_contained_ms};
    put(&value, &wire_snapshot_header_record, &header);
    add_control(writer, CONTROL_SNAPSHOT_HEADER, writer_slice(&value));
    if (!slice_is_null(voters)) {
        writer_reset(&value);
        control_put_kraft_version(&value, 1);
        add_control(writer, CONTROL_KRAFT_VERSION, writer_slice(&value));
        add_control(writer, CONTROL_KRAFT_VOTERS, voters);
    }
    writer_deinit(&value);
    end_batch(writer);
}

void snapshot_add(struct snapshot_writer *writer, struct slice record)
{
    if (writer->in_batch > 0 && writer->batch_bytes + record.size > BATCH_TARGET_BYTES)
        end_batch(writer);
    if (writer->in_batch == 0) begin_batch(writer);
    batch_add(&writer->builder, writer->now_ms, SLICE_NULL, record, NULL, 0);
    writer->in_batch++;
    writer->batch_bytes += record.size;
}

int snapshot_end(struct snapshot_writer *writer)
{
    if (writer->in_batch > 0) end_batch(writer);
    struct writer value;
    writer_init(&value, VALUE_MAX_BYTES);
    struct snapshot_footer_record footer = {0};
    put(&value, &wire_snapshot_footer_record, &footer);
    begin_batch(writer);
    add_control(writer, CONTROL_SNAPSHOT_FOOTER, writer_slice(&value));
    end_batch(writer);
    writer_deinit(&value);
    return writer->result;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_control(const struct record *record, const struct snapshot_reader *reader)
{
    if (record->key.size < KEY_BYTES || slice_is_null(record->value)) return -EBADMSG;
    int16_t type = (int16_t)load_be16(record->key.data + 2);
    if (reader->on_control == NULL) return 0;
    return reader->on_control(reader->context, (enum control_type)type, record->value,
                              record->offset);
}

static int read_batch(const struct batch *batch, struct arena *arena,
                      const struct snapshot_reader *reader)
{
    struct record_walk walk;
    struct record record;
    int r = record_walk_start(&walk, batch, arena, DECOMPRESSED_MAX_BYTES);
    while (r == 0) {
        int more = record_walk_next(&walk, &record);
        if (more <= 0) return more;
        if (batch->attributes & BATCH_CONTROL)
            r = read_control(&record, reader);
        else if (slice_is_null(record.value))
            r = -EBADMSG;
        else
            r = reader->on_record(reader->context, record.value, record.offset);
    }
    return r;
}

int snapshot_read(struct slice bytes, const struct snapshot_reader *reader)
{
    struct arena arena;
    arena_init(&arena, (size_t)DECOMPRESSED_MAX_BYTES * 2);
    int r = 0;
    while (bytes.size > 0 && r == 0) {
        struct batch batch;
        r = batch_take(&bytes, &batch);
        if (r == -ENODATA || (r == 0 && !batch_crc_matches(&batch))) r = -EBADMSG;
        if (r == 0) r = read_batch(&batch, &arena, reader);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    return r;
}
